/** Sets a Markdown page for the terminal: headings, paragraphs, lists, code. It knows the Markdown of our rule pages, no more. */
import { createColors } from 'picocolors'
import type { Terminal } from './console.ts'

type Colors = ReturnType<typeof createColors>

/** A run of lines that are set alike. */
type Block =
  | { readonly kind: 'heading'; readonly level: number; readonly text: string }
  | { readonly kind: 'code'; readonly lines: readonly string[] }
  | { readonly kind: 'item'; readonly marker: string; readonly indent: string; readonly text: string }
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'table'; readonly lines: readonly string[] }

/** The page as a string for a terminal of this kind; ends with a line break. */
export function renderPage(markdown: string, terminal: Terminal): string {
  const colors = createColors(terminal.color)
  const blocks = readBlocks(markdown)
  const lines = blocks.flatMap((block, index) => {
    return index === 0 || continuesList(blocks[index - 1], block)
      ? setBlock(block, terminal, colors)
      : ['', ...setBlock(block, terminal, colors)]
  })
  const page = `${lines.join('\n')}\n`
  return terminal.unicode ? page : toAscii(page)
}

function continuesList(before: Block | undefined, block: Block): boolean {
  return block.kind === 'item' && before?.kind === 'item' && isNumber(before.marker) === isNumber(block.marker)
}

function isNumber(marker: string): boolean {
  return /^\d/.test(marker)
}

function readBlocks(markdown: string): Block[] {
  const blocks: Block[] = []
  const lines = markdown.split(/\r?\n/)
  for (let index = 0; index < lines.length;) {
    const [block, next] = readBlock(lines, index)
    if (block) blocks.push(block)
    index = next
  }
  return blocks
}

/** The block that begins at `start`, and the line after it. */
function readBlock(lines: readonly string[], start: number): [Block | undefined, number] {
  const line = lines[start] ?? ''
  if (line.trim() === '') return [undefined, start + 1]
  if (line.startsWith('```')) return readCode(lines, start)
  const heading = /^(#+) (.*)$/.exec(line)
  if (heading) return [{ kind: 'heading', level: heading[1]!.length, text: heading[2]! }, start + 1]
  const end = endOfRun(lines, start)
  if (line.startsWith('|')) return [{ kind: 'table', lines: lines.slice(start, end) }, end]
  const text = lines
    .slice(start, end)
    .map((each) => each.trim())
    .join(' ')
  const item = /^(\s*)([-*]|\d+\.) (.*)$/.exec(line)
  if (!item) return [{ kind: 'paragraph', text }, end]
  return [{ kind: 'item', indent: item[1]!, marker: item[2]!, text: text.slice(item[2]!.length).trim() }, end]
}

function readCode(lines: readonly string[], start: number): [Block, number] {
  const close = lines.findIndex((line, index) => index > start && line.startsWith('```'))
  const end = close < 0 ? lines.length : close
  return [{ kind: 'code', lines: lines.slice(start + 1, end) }, end + 1]
}

/** A run of text goes on until an empty line or the start of another block. */
function endOfRun(lines: readonly string[], start: number): number {
  const end = lines.findIndex((line, index) => index > start && /^\s*$|^#+ |^```|^\s*([-*]|\d+\.) /.test(line))
  return end < 0 ? lines.length : end
}

function setBlock(block: Block, { width, unicode }: Terminal, colors: Colors): string[] {
  switch (block.kind) {
    case 'heading':
      return [block.level === 1 ? colors.bold(colors.underline(block.text)) : colors.bold(block.text)]
    case 'code':
      return block.lines.map((line) => (line === '' ? '' : colors.cyan(`    ${line}`)))
    case 'table':
      return [...block.lines]
    case 'item': {
      const marker = isNumber(block.marker) ? block.marker : unicode ? '•' : '-'
      return hang(`${block.indent}  ${marker} `, setInline(block.text, colors), width)
    }
    case 'paragraph':
      return hang('', setInline(block.text, colors), width)
  }
}

const inline = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\(([^)]+)\)/g

/** In one pass, because colour codes contain brackets too. */
function setInline(text: string, colors: Colors): string {
  return text.replace(
    inline,
    (whole, code?: string, strong?: string, stressed?: string, label?: string, url?: string) => {
      if (code !== undefined) return colors.cyan(code)
      if (strong !== undefined) return colors.bold(strong)
      if (stressed !== undefined) return colors.italic(stressed)
      return label !== undefined && url !== undefined ? `${label} (${colors.underline(url)})` : whole
    },
  )
}

/** Breaks text at spaces; later lines are indented as far as the first line's marker reaches. */
function hang(marker: string, text: string, width: number): string[] {
  const lines: string[] = []
  let line = marker
  let visible = marker.length
  for (const word of text.split(' ')) {
    const length = visibleLength(word)
    if (visible > marker.length && visible + length > width) {
      lines.push(line.trimEnd())
      line = ' '.repeat(marker.length)
      visible = marker.length
    }
    line += `${word} `
    visible += length + 1
  }
  return [...lines, line.trimEnd()]
}

function visibleLength(word: string): number {
  // oxlint-disable-next-line no-control-regex -- colour codes begin with one
  return word.replace(/\u001b\[[0-9;]*m/g, '').length
}

const asciiFor: Readonly<Record<string, string>> = {
  '\u2014': '--',
  '\u2013': '-',
  '\u2192': '->',
  '\u2190': '<-',
  '\u2026': '...',
  '\u2018': "'",
  '\u2019': "'",
  '\u201c': '"',
  '\u201d': '"',
  '\u00b7': '-',
  '\u2265': '>=',
  '\u2264': '<=',
  '\u00d7': 'x',
  '\u00a7': 'section ',
}

function toAscii(text: string): string {
  return text.replace(/[^\0-\x7f]/g, (character) => asciiFor[character] ?? '?')
}

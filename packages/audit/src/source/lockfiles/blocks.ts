/** The part of YAML that lockfiles use: nested keys by indentation, scalars, nothing else. */

export interface Block {
  readonly key: string
  readonly value: string
  readonly children: readonly Block[]
}

interface Open {
  readonly indent: number
  readonly children: Block[]
}

/** Reads indented `key: value` lines (or yarn's `key "value"`). Lines of any other form are passed over. */
export function parseBlocks(text: string): readonly Block[] {
  const roots: Block[] = []
  const stack: Open[] = [{ indent: -1, children: roots }]
  for (const line of text.split(/\r?\n/)) {
    const entry = parseLine(line)
    if (!entry) continue
    while (stack.length > 1 && (stack.at(-1)?.indent ?? -1) >= entry.indent) stack.pop()
    const children: Block[] = []
    stack.at(-1)?.children.push({ key: entry.key, value: entry.value, children })
    stack.push({ indent: entry.indent, children })
  }
  return roots
}

export function childOf(blocks: readonly Block[], key: string): Block | undefined {
  return blocks.find((block) => block.key === key)
}

interface Line {
  readonly indent: number
  readonly key: string
  readonly value: string
}

/** The value is whatever follows, line separators too: what could fail at the end would be tried again for every colon. */
const COLON_LINE = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'#-][^#]*?):(?:\s+([^]*))?$/
/** Yarn quotes each of several requests. */
const LIST_LINE = /^(".*"):$/
const YARN_LINE = /^("[^"]*"|[^\s:"#]+)\s+("[^"]*"|\S+)$/

function parseLine(line: string): Line | undefined {
  const content = line.trimStart()
  if (content === '' || content.startsWith('#')) return undefined
  const indent = line.length - content.length
  const match =
    COLON_LINE.exec(content.trimEnd()) ?? LIST_LINE.exec(content.trimEnd()) ?? YARN_LINE.exec(content.trimEnd())
  return match ? { indent, key: unquote(match[1] ?? ''), value: unquote(match[2] ?? '') } : undefined
}

function unquote(text: string): string {
  const quoted = /^(["'])(.*)\1$/.exec(text)
  return quoted?.[2] ?? text
}

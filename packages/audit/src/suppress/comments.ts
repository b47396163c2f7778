/** `// sallyport-ignore <rule>[, <rule>] [until YYYY-MM-DD] -- reason`: suppressions beside the code they are about. */
import { isDay } from '../config/fields.ts'
import { commentsOf, type Comment } from '../extract/comments.ts'
import type { Location, Notice, Surface } from '../finding/finding.ts'
import type { SourceFile, SourceTree } from '../source/tree.ts'

/** A comment that may suppress: which rules, on which line, why. */
export interface Directive {
  readonly rules: readonly string[]
  /** The line whose findings it is about: its own where code precedes it, else the next line of code. */
  readonly line: number
  readonly reason: string
  readonly expires?: string
  readonly location: Location
}

export interface Directives {
  readonly directives: readonly Directive[]
  readonly notices: readonly Notice[]
}

const MARKER = 'sallyport-ignore'
const SHAPE =
  /^sallyport-ignore(?:\s+(?<rules>[\w-]+(?:\s*,\s*[\w-]+)*))?(?:\s+until\s+(?<expires>\S+))?(?:\s+--\s*(?<reason>[^]*))?$/

/** Every such comment on the surfaces that are audited, and what is wrong with those that cannot be honoured. */
export function directivesOf(tree: SourceTree, rules: readonly string[], surfaces: ReadonlySet<Surface>): Directives {
  const read = tree.files
    .filter((file) => surfaces.has(file.surface) && file.text.includes(MARKER))
    .flatMap((file) => {
      const comments = commentsOf(file)
      const code = codeAfter(comments, file.text)
      return comments.filter(isMarked).map((comment) => readDirective(comment, code.get(comment) ?? 0, file, rules))
    })
  return {
    directives: read.flatMap((one) => ('kind' in one ? [] : [one])),
    notices: read.flatMap((one) => ('kind' in one ? [one] : [])),
  }
}

function isMarked({ text }: Comment): boolean {
  return new RegExp(`^\\s*${MARKER}\\b`).test(text)
}

function readDirective(comment: Comment, code: number, file: SourceFile, known: readonly string[]): Directive | Notice {
  const location = file.locate(comment.start, comment.end)
  const groups = SHAPE.exec(onOneLine(comment.text))?.groups
  const complain = (kind: Notice['kind'], message: string): Notice => ({ kind, message, path: file.path, location })
  const rules = groups?.['rules']?.split(/\s*,\s*/) ?? []
  if (rules.length === 0)
    return complain('malformed', `This comment suppresses nothing: write // ${MARKER} <rule> -- reason.`)
  const unknown = rules.find((rule) => !known.includes(rule))
  if (unknown !== undefined)
    return complain('unknown-rule', `This comment suppresses nothing: there is no rule ${unknown}.`)
  const { expires, reason = '' } = groups ?? {}
  if (expires !== undefined && !isDay(expires))
    return complain('malformed', `This comment suppresses nothing: ${expires} is no day such as 2027-01-31.`)
  if (reason.trim() === '')
    return complain(
      'no-reason',
      `This comment suppresses nothing, because it gives no reason: write // ${MARKER} ${rules.join(', ')} -- reason.`,
    )
  return {
    rules,
    line: targetLine(comment, code, file),
    reason: reason.trim(),
    ...(expires !== undefined && { expires }),
    location,
  }
}

/** The lines of a block comment, without the stars that it begins them with. */
function onOneLine(text: string): string {
  return text
    .split('\n')
    .map((line, index) => (index === 0 ? line : line.trimStart().replace(/^\*/, '')).trim())
    .join(' ')
    .trim()
}

function targetLine(comment: Comment, code: number, { text, locate }: SourceFile): number {
  const lineStart = text.lastIndexOf('\n', comment.start - 1) + 1
  if (text.slice(lineStart, comment.start).trim() !== '') return locate(comment.start, comment.start).startLine
  return locate(code, code).startLine
}

/** For every comment the offset of the first code after it: white space and further comments are passed over. From the last comment to the first, so that a tower of them costs its length. */
function codeAfter(comments: readonly Comment[], text: string): ReadonlyMap<Comment, number> {
  const byStart = new Map(comments.map((comment) => [comment.start, comment]))
  const code = new Map<Comment, number>()
  const blank = /\s*/y
  for (const comment of comments.toReversed()) {
    blank.lastIndex = comment.end
    const at = comment.end + (blank.exec(text)?.[0].length ?? 0)
    const next = byStart.get(at)
    code.set(comment, (next && code.get(next)) ?? at)
  }
  return code
}

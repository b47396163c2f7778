/** Two texts as a unified diff, as `git apply` and `patch -p1` read it. */

const CONTEXT = 3

/** The hunks between two texts of one file under its path; empty where they are the same. */
export function unifiedDiff(path: string, before: string, after: string): string {
  if (before === after) return ''
  const hunks = hunksOf(changesOf(linesOf(before), linesOf(after)))
  return `${header(path)}${hunks.map(renderHunk).join('')}`
}

function header(path: string): string {
  return `--- ${quoted(`a/${path}`)}\n+++ ${quoted(`b/${path}`)}\n`
}

/** As Git writes names that would steer a terminal or confuse a reader. */
function quoted(name: string): string {
  if (!/[\p{Cc}"\\]/u.test(name)) return name
  const escaped = name.replace(/[\p{Cc}"\\]/gu, (unit) =>
    /["\\]/.test(unit) ? `\\${unit}` : `\\${unit.charCodeAt(0).toString(8).padStart(3, '0')}`,
  )
  return `"${escaped}"`
}

interface Line {
  readonly mark: ' ' | '-' | '+'
  readonly text: string
}

/** Lines with their breaks, so that a last one without a break is another line than one with it. */
function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.split(/(?<=\n)/)
}

function changesOf(before: readonly string[], after: readonly string[]): readonly Line[] {
  let head = 0
  while (head < before.length && head < after.length && before[head] === after[head]) head++
  let tail = 0
  while (tail < before.length - head && tail < after.length - head && before.at(-1 - tail) === after.at(-1 - tail))
    tail++
  return [
    ...before.slice(0, head).map((text): Line => ({ mark: ' ', text })),
    ...between(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map((text): Line => ({ mark: ' ', text })),
  ]
}

/** The shortest way from one list to the other, found as Myers does: furthest-reaching paths by number of changes. */
function between(before: readonly string[], after: readonly string[]): readonly Line[] {
  const trace: Map<number, number>[] = []
  let reached = new Map([[1, 0]])
  for (let changes = 0; changes <= before.length + after.length; changes++) {
    trace.push(reached)
    const next = new Map(reached)
    for (let diagonal = -changes; diagonal <= changes; diagonal += 2) {
      let x = stepOf(reached, diagonal, changes)
      while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) x++
      next.set(diagonal, x)
      if (x >= before.length && x - diagonal >= after.length) return backwards(trace, before, after)
    }
    reached = next
  }
  return []
}

function stepOf(reached: ReadonlyMap<number, number>, diagonal: number, changes: number): number {
  const below = reached.get(diagonal - 1) ?? -1
  const above = reached.get(diagonal + 1) ?? -1
  return diagonal === -changes || (diagonal !== changes && below < above) ? above : below + 1
}

function backwards(
  trace: readonly ReadonlyMap<number, number>[],
  before: readonly string[],
  after: readonly string[],
): readonly Line[] {
  const lines: Line[] = []
  let [x, y] = [before.length, after.length]
  for (let changes = trace.length - 1; changes >= 0; changes--) {
    const reached = trace[changes]!
    const diagonal = x - y
    const below = reached.get(diagonal - 1) ?? -1
    const above = reached.get(diagonal + 1) ?? -1
    const previous = diagonal === -changes || (diagonal !== changes && below < above) ? diagonal + 1 : diagonal - 1
    const fromX = changes === 0 ? 0 : (reached.get(previous) ?? 0)
    const fromY = changes === 0 ? 0 : fromX - previous
    while (x > fromX && y > fromY) {
      lines.push({ mark: ' ', text: before[--x]! })
      y--
    }
    if (changes === 0) break
    if (x > fromX) lines.push({ mark: '-', text: before[--x]! })
    else lines.push({ mark: '+', text: after[--y]! })
  }
  return lines.toReversed()
}

interface Hunk {
  readonly from: number
  readonly to: number
  readonly lines: readonly Line[]
}

function hunksOf(lines: readonly Line[]): readonly Hunk[] {
  const hunks: Hunk[] = []
  let from = 1
  let to = 1
  let open: { from: number; to: number; lines: Line[] } | undefined
  for (const [index, line] of lines.entries()) {
    const isNear = lines.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(({ mark }) => mark !== ' ')
    if (isNear) {
      open ??= { from, to, lines: [] }
      open.lines.push(line)
    } else if (open) {
      hunks.push(open)
      open = undefined
    }
    if (line.mark !== '+') from++
    if (line.mark !== '-') to++
  }
  return open ? [...hunks, open] : hunks
}

function renderHunk({ from, to, lines }: Hunk): string {
  const count = (mark: Line['mark']): number => lines.filter((line) => line.mark === ' ' || line.mark === mark).length
  return `@@ -${range(from, count('-'))} +${range(to, count('+'))} @@\n${lines.map(renderLine).join('')}`
}

/** An empty range is named by the line before it. */
function range(first: number, count: number): string {
  return `${count === 0 ? first - 1 : first},${count}`
}

function renderLine({ mark, text }: Line): string {
  return text.endsWith('\n') ? mark + text : `${mark}${text}\n\\ No newline at end of file\n`
}

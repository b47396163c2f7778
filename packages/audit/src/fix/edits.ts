/** Edits on texts: which go together, what comes out, and where a place is afterwards. */
import type { Edit } from '../finding/finding.ts'

/** Whether two sets of edits can be made at once. The same edit in both is made once. */
export function clash(some: readonly Edit[], others: readonly Edit[]): boolean {
  return some.some((one) => others.some((other) => !isSame(one, other) && overlaps(one, other)))
}

/** The texts of the files that edits touch, edited. Edits must not clash; offsets beyond a text are clamped. */
export function applyEdits(edits: readonly Edit[], textOf: (path: string) => string): Map<string, string> {
  const paths = [...new Set(edits.map(({ path }) => path))]
  return new Map(
    paths.map((path) => [path, edited(textOf(path), distinct(edits.filter((edit) => edit.path === path)))]),
  )
}

function edited(text: string, edits: readonly Edit[]): string {
  let result = text
  for (const { start, end, text: replacement } of edits.toSorted((a, b) => b.start - a.start || b.end - a.end))
    result = result.slice(0, start) + replacement + result.slice(end)
  return result
}

function distinct(edits: readonly Edit[]): readonly Edit[] {
  return edits.filter((edit, index) => edits.findIndex((other) => isSame(edit, other)) === index)
}

function isSame(one: Edit, other: Edit): boolean {
  return one.path === other.path && one.start === other.start && one.end === other.end && one.text === other.text
}

/** Edits that touch overlap too: which insertion comes first would be a guess. */
function overlaps(one: Edit, other: Edit): boolean {
  return one.path === other.path && one.start <= other.end && other.start <= one.end
}

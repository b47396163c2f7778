/** One text for all JSON texts that mean the same, so that a digest says whether arguments are the same arguments. */
import { MisuseError } from '../errors.ts'

const maxDepth = 64

/** Members in the order of their names, no white space, numbers and texts as JSON has them. @throws MisuseError beyond depth 64 */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > maxDepth) throw new MisuseError('arguments are nested too deeply')
  if (Array.isArray(value)) return `[${value.map((part) => canonicalJson(part ?? null, depth + 1)).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member, depth + 1)}`)
    return `{${members.join(',')}}`
  }
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new MisuseError('arguments must be JSON')
  return text
}

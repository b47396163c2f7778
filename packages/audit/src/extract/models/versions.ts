/** Comparison of plain dotted versions; prerelease tags are ignored. */
export function isBelow(version: string, limit: string): boolean {
  const a = numbers(version)
  const b = numbers(limit)
  for (let index = 0; index < 3; index += 1) {
    if (a[index]! !== b[index]!) return a[index]! < b[index]!
  }
  return false
}

function numbers(version: string): readonly number[] {
  const parts = version
    .replace(/^[^\d]*/, '')
    .split('-')[0]!
    .split('.')
    .map(Number)
  return [parts[0] || 0, parts[1] || 0, parts[2] || 0]
}

/** How many bits a stretch of handles can hold, judged by the characters that a sample shows at each position. */

/** One position, counted from 0: the characters seen there, and how many there can be. */
export interface Position {
  readonly distinct: number
  readonly atMostBits: number
}

/** All bounds of one stretch hold together with this confidence, if the characters at a position are equally likely; if they are not, they hold less. */
export const CONFIDENCE = 0.99

/** Visible ASCII, of which session IDs are made, and the end of a shorter text. */
const MOST_CHARACTERS = 95

/** For each position up to the longest text's end, the most that it can hold. */
export function positionsOf(texts: readonly string[]): readonly Position[] {
  const longest = Math.max(0, ...texts.map((text) => text.length))
  const doubt = (1 - CONFIDENCE) / Math.max(1, longest)
  const known = new Map<number, Position>()
  return Array.from({ length: longest }, (_, index) => {
    const distinct = new Set(texts.map((text) => text[index] ?? '')).size
    const position = known.get(distinct) ?? positionOf(distinct, texts.length, doubt)
    known.set(distinct, position)
    return position
  })
}

function positionOf(distinct: number, draws: number, doubt: number): Position {
  return { distinct, atMostBits: Math.log2(mostCharacters(distinct, draws, doubt)) }
}

/** The largest alphabet of which so many draws show no more than `distinct` with a probability of `doubt` at least. */
function mostCharacters(distinct: number, draws: number, doubt: number): number {
  let size = distinct
  while (size < MOST_CHARACTERS && seenAtMost(distinct, draws, size + 1) >= doubt) size++
  return size
}

/** The probability that `draws` from `size` equally likely characters show `distinct` different ones at most. */
function seenAtMost(distinct: number, draws: number, size: number): number {
  const seen = new Float64Array(distinct + 1)
  seen[0] = 1
  for (let draw = 0; draw < draws; draw++)
    for (let count = Math.min(distinct, draw + 1); count >= 0; count--) {
      const anew = count === 0 ? 0 : seen[count - 1]! * (size - count + 1)
      seen[count] = (seen[count]! * count + anew) / size
    }
  return seen.reduce((sum, probability) => sum + probability, 0)
}

/** Numbers that go up from handle to handle. */
import type { Column, Part } from './part.ts'

/** Numbers between two handles that a counter leaves out at the most. */
const MOST_STEP = 64
const FEWEST = 3

/** A counter, written in decimal, base 16 or base 36, with leading zeros or without. */
export function counterOf({ texts }: Column): Part | undefined {
  if (texts.length < FEWEST) return undefined
  for (const radix of [10, 16, 36]) {
    const numbers = numbersIn(texts, radix)
    const steps = numbers && stepsOf(numbers)
    if (steps?.every((step) => step > 0 && step <= MOST_STEP)) return counter(texts, numbers!, steps, radix)
  }
  return undefined
}

function counter(texts: readonly string[], numbers: readonly number[], steps: readonly number[], radix: number): Part {
  const [least, most, last] = [Math.min(...steps), Math.max(...steps), numbers.at(-1)!]
  const width = texts.every((text) => text.length === texts[0]!.length) ? texts[0]!.length : 0
  const write = (number: number) => number.toString(radix).padStart(width, '0')
  return {
    kind: 'counter',
    label: least === most ? (most === 1 ? 'a counter' : `a counter in steps of ${most}`) : 'a counter with gaps',
    texts,
    atMostBits: Math.log2(most - least + 1),
    next: (ahead) => {
      const [from, to] = [last + least * (ahead + 1), last + most * (ahead + 1)]
      return Array.from({ length: to - from + 1 }, (_, index) => write(from + index))
    },
  }
}

/** Something that only grows, as a clock of unknown unit does: the next is near the last. */
export function increasingOf({ texts }: Column): Part | undefined {
  const numbers = numbersIn(texts, 10) ?? numbersIn(texts, 16)
  const steps = numbers && stepsOf(numbers)
  if (steps === undefined || texts.length < 12 || !steps.every((step) => step > 0)) return undefined
  return { kind: 'increasing', label: 'a number that only grows', texts, atMostBits: Math.log2(Math.max(...steps) + 1) }
}

function stepsOf(numbers: readonly number[]): readonly number[] {
  return numbers.slice(1).map((number, index) => number - numbers[index]!)
}

/** Exact numbers only. */
function numbersIn(texts: readonly string[], radix: number): readonly number[] | undefined {
  const shape = radix === 10 ? /^\d{1,15}$/ : radix === 16 ? /^[\da-f]{1,12}$/ : /^[\da-z]{1,9}$/
  if (!texts.every((text) => shape.test(text))) return undefined
  return texts.map((text) => Number.parseInt(text, radix))
}

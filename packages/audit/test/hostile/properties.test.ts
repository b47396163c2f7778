/** Whatever is under audit, the answer is a report or a refusal: no other error, no fault of the interpreter, no rule that throws. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { audit } from '../../src/audit.ts'
import { AuditError } from '../../src/audit-error.ts'
import { listExamples } from '../harness/examples.ts'
import { memoryHost } from '../source/memory-host.ts'
import { program } from './grammar.ts'

/** What went wrong in the auditor itself. */
async function faultsOf(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const placed = Object.fromEntries(Object.entries(files).map(([path, text]) => [`/app/${path}`, text]))
  const gaps = await audit('/app', { host: memoryHost(placed) }).then(
    (report) => report.gaps,
    (error: unknown) =>
      error instanceof AuditError ? error.gaps : [{ path: '.', reason: `Following: ${String(error)}` }],
  )
  return gaps.map((gap) => gap.reason).filter((reason) => /^Following|^The rule/.test(reason))
}

test('random programs', async () => {
  await fc.assert(
    fc.asyncProperty(program, async (text) => {
      expect(await faultsOf({ 'server.ts': text })).toEqual([])
    }),
    { numRuns: 300, interruptAfterTimeLimit: 15_000 },
  )
}, 300_000)

describe('examples, mutated', () => {
  const examples = listExamples().map(({ files }) => files)
  const TOKEN = /[\w$]+|'[^'\n]*'|[^\s\w]/g

  interface Mutation {
    readonly kind: 'drop' | 'double' | 'swap' | 'replace' | 'drop line' | 'swap lines'
    readonly at: number
    readonly other: number
  }

  const mutation: fc.Arbitrary<Mutation> = fc.record({
    kind: fc.constantFrom('drop', 'double', 'swap', 'replace', 'drop line', 'swap lines'),
    at: fc.nat(),
    other: fc.nat(),
  })

  function mutate(text: string, { kind, at, other }: Mutation): string {
    if (kind === 'drop line' || kind === 'swap lines') {
      const lines = text.split('\n')
      const [i, j] = [at % lines.length, other % lines.length]
      if (kind === 'drop line') return lines.toSpliced(i, 1).join('\n')
      return lines.with(i, lines[j]!).with(j, lines[i]!).join('\n')
    }
    const tokens = [...text.matchAll(TOKEN)]
    if (tokens.length === 0) return text
    const [a, b] = [tokens[at % tokens.length]!, tokens[other % tokens.length]!]
    const put = (token: RegExpExecArray, value: string): string =>
      text.slice(0, token.index) + value + text.slice(token.index + token[0].length)
    if (kind === 'drop') return put(a, '')
    if (kind === 'double') return put(a, `${a[0]} ${a[0]}`)
    return put(a, b[0])
  }

  test('end in a report or a refusal', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...examples),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        async (files, all) => {
          const mutated = [...files].map(([path, text]) => [path, all.reduce(mutate, text)] as const)
          expect(await faultsOf(Object.fromEntries(mutated))).toEqual([])
        },
      ),
      { numRuns: 150, interruptAfterTimeLimit: 20_000 },
    )
  }, 300_000)
})

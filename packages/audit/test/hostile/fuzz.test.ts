/**
 * Broken and odd sources through the whole pipeline: an end within a bounded number of steps, reports that keep their
 * schemas, and nothing of a tree left in memory when its audit is over.
 *
 * A longer run: `SALLYPORT_FUZZ_RUNS=20000 npx vitest run packages/audit/test/hostile/fuzz.test.ts`. A failure names its
 * seed; `SALLYPORT_FUZZ_SEED` repeats it.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Ajv2020 } from 'ajv/dist/2020.js'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { audit } from '../../src/audit.ts'
import { AuditError } from '../../src/audit-error.ts'
import { extract } from '../../src/extract/extract.ts'
import { Machine } from '../../src/extract/machine.ts'
import type { Report } from '../../src/finding/finding.ts'
import { renderJson } from '../../src/report/json.ts'
import schema from '../../src/report/report.schema.json' with { type: 'json' }
import { renderSarif } from '../../src/report/sarif.ts'
import { rules } from '../../src/rules/index.ts'
import { readSources } from '../../src/source/read.ts'
import type { SourceTree } from '../../src/source/tree.ts'
import { compileSarifSchema } from '../report/sarif-schema.ts'
import { memoryHost } from '../source/memory-host.ts'
import { brokenProgram, oddTree, program } from './grammar.ts'

const RUNS = Number(process.env['SALLYPORT_FUZZ_RUNS'] ?? 8)
const SEED = Number(process.env['SALLYPORT_FUZZ_SEED'] ?? 20_261_126)
/** The interpreter takes more than this many steps in ten seconds, on slow machines as well. */
const MOST_STEPS = 3_000_000
const LONGEST_RUN_MS = 600_000 + RUNS * 1_000

const keepsJsonSchema = new Ajv2020({ strict: true }).compile(schema)
const keepsSarifSchema = compileSarifSchema()

/** Counts the steps of every interpreter while these tests run. */
const counted = { steps: 0 }
const { step } = Machine.prototype
beforeAll(() => {
  Machine.prototype.step = function countedStep(this: Machine) {
    counted.steps += 1
    return step.call(this)
  }
})
afterAll(() => {
  Machine.prototype.step = step
})

async function reportOn(files: Readonly<Record<string, string>>): Promise<Report | AuditError> {
  const placed = Object.fromEntries(Object.entries(files).map(([path, text]) => [`/app/${path}`, text]))
  return audit('/app', { host: memoryHost(placed), profile: 'auditor', today: '2026-11-26' }).catch(
    (error: unknown) => {
      if (error instanceof AuditError) return error
      throw error
    },
  )
}

/** What came of it; a failure is told with its seed and its smallest case. */
async function run(files: fc.Arbitrary<Readonly<Record<string, string>>>, share: number) {
  const details = await fc.check(
    fc.asyncProperty(files, async (each) => {
      counted.steps = 0
      const outcome = await reportOn(each)
      expect(counted.steps).toBeLessThan(MOST_STEPS)
      expect(outcome.gaps.map(({ reason }) => reason).filter((reason) => /^Following|^The rule/.test(reason))).toEqual(
        [],
      )
      if (outcome instanceof AuditError) return
      keepsJsonSchema(JSON.parse(renderJson(outcome)))
      expect(keepsJsonSchema.errors ?? []).toEqual([])
      keepsSarifSchema(JSON.parse(renderSarif(outcome, rules, { pages: new Map() })))
      expect(keepsSarifSchema.errors ?? []).toEqual([])
    }),
    { numRuns: Math.ceil(RUNS * share), seed: SEED },
  )
  return { failed: details.failed, error: fc.defaultReportMessage(details) }
}

test.each([
  ['programs', program.map((text) => ({ 'server.ts': text })), 1],
  ['broken programs', brokenProgram.map((text) => ({ 'server.ts': text })), 2],
  ['odd trees', oddTree, 1],
] as const)(
  '%s end, and their reports keep their schemas',
  async (_, files, share) => {
    const { failed, error } = await run(files, share)
    expect(failed ? error : undefined).toBeUndefined()
  },
  LONGEST_RUN_MS,
)

test('nothing of a tree is left when its audit is over', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const trees: WeakRef<SourceTree>[] = []
  for (const text of fc.sample(program, { numRuns: 12, seed: SEED })) trees.push(await auditOnce(text))
  const left = (): number => trees.filter((tree) => tree.deref() !== undefined).length
  // References that were looked at live until the turn ends, and code that is being optimised holds what it has seen.
  for (let turn = 0; turn < 5 && (turn === 0 || left() > 0); turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20 * turn))
    collect()
  }
  expect(left()).toBe(0)
}, 300_000)

async function auditOnce(text: string): Promise<WeakRef<SourceTree>> {
  const tree = readSources('/app', { host: memoryHost({ '/app/server.ts': text }) })
  await audit('/app', {}, { read: () => tree, extract, rules })
  return new WeakRef(tree)
}

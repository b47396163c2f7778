/** Random lives of sessions, step by step beside the model: whatever the layer answers, the model answers too. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  CapReachedError,
  createSessions,
  FencedError,
  MisuseError,
  SessionEndedError,
  type Caller,
  type Session,
} from '../src/index.ts'
import { alice, bob, minuteMs } from './layer.ts'
import { Model, type ModelCaller, type ModelRequest } from './model.ts'
import { start, storeKinds } from './store/each.ts'

const settings = {
  absoluteTimeoutMs: 120 * minuteMs,
  idleTimeoutMs: 30 * minuteMs,
  coalesceMs: minuteMs,
  graceMs: 5000,
  perPrincipal: 4,
}

const owners = [undefined, alice, bob]
const agents = [undefined, 'one', 'two']
const pick = fc.nat(1000)
const callers = fc.record({ owner: fc.constantFrom(...owners), agent: fc.constantFrom(...agents) })

const steps = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('open' as const), caller: callers }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('resume' as const), of: pick, rightful: fc.boolean(), caller: callers }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('regenerate' as const), of: pick, as: fc.option(callers) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('update' as const), of: pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('read' as const), of: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('terminate' as const), of: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('burn' as const), of: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('revokeOthers' as const), of: pick }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('revoke' as const),
      owner: fc.constantFrom(alice, bob),
      agent: fc.constantFrom(...agents),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 1000, 4999, 5000, minuteMs, 29 * minuteMs, 30 * minuteMs, 60 * minuteMs),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sweep' as const) }) },
)

const callerOf = ({ owner, agent }: ModelCaller): Caller => ({
  ...(owner ? { principal: owner } : { anonymous: true as const }),
  ...(agent !== undefined && { agent }),
})

/** Which of these it is depends on who swept when, and on how long ago. */
const over = (reason: string) => (['ended', 'expired', 'unknown'].includes(reason) ? 'over' : reason)

/** What an operation came to, in the words of the model. */
async function outcomeOf<T>(work: () => Promise<T>): Promise<T | 'ended' | 'fenced' | 'full' | 'misuse'> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof SessionEndedError) return 'ended'
    if (error instanceof FencedError) return 'fenced'
    if (error instanceof CapReachedError) return 'full'
    if (error instanceof MisuseError) return 'misuse'
    throw error
  }
}

describe.each(storeKinds)('on $name', (kind) => {
  beforeAll(() => kind.begin())
  afterAll(() => kind.finish())

  test('every life of sessions is that of the model', { timeout: 120_000 }, async () => {
    const property = fc.asyncProperty(fc.array(steps, { minLength: 10, maxLength: 60 }), async (life) => {
      const { stores, clock, close } = await kind.make()
      const { coalesceMs: _, perPrincipal, ...options } = settings
      const processes = stores.map((store) =>
        createSessions({
          ...options,
          store,
          public: true,
          sweepIntervalMs: 0,
          storeDeadlineMs: 5000,
          caps: { perPrincipal },
        }),
      )
      const model = new Model(settings, start)
      const handles: { real: string; model: Parameters<Model['resume']>[0]; caller: ModelCaller }[] = []
      const requests: { real: Session<number>; model: ModelRequest }[] = []
      let turn = 0
      try {
        for (const step of life) {
          const sessions = processes[(turn += 1) % 2]!
          const handle = 'of' in step ? handles[step.of % handles.length] : undefined
          const request = 'of' in step ? requests[step.of % requests.length] : undefined
          if (step.do === 'open') {
            const expected = model.open(step.caller)
            const got = await outcomeOf(() => sessions.open(callerOf(step.caller), { data: 0 }))
            if (expected === 'full' || typeof got === 'string') expect(got).toBe(expected)
            else {
              handles.push({ real: got.handle, model: expected, caller: step.caller })
              requests.push({ real: got.session, model: { ...expected, owner: step.caller.owner } })
            }
          } else if (step.do === 'resume' && handle) {
            const caller = step.rightful ? handle.caller : step.caller
            const expected = model.resume(handle.model, caller)
            const got = await sessions.resume<number>(handle.real, callerOf(caller))
            const wanted = typeof expected === 'string' ? expected : 'live'
            expect(over(got.live ? 'live' : got.reason)).toBe(over(wanted))
            if (got.live && typeof expected !== 'string') {
              expect(got.session.data).toBe(expected.session.data)
              requests.push({ real: got.session, model: expected })
            }
          } else if (step.do === 'regenerate' && request) {
            const to = step.as ?? undefined
            const got = await outcomeOf(() => sessions.regenerate(request.real, to ? { caller: callerOf(to) } : {}))
            if (got === 'misuse') {
              // Refused before anything was asked: the session is another's.
              expect(to && (request.model.owner !== undefined || to.owner === undefined)).toBe(true)
              continue
            }
            const expected = model.regenerate(request.model, to)
            if (typeof expected === 'string' || typeof got === 'string') expect(got).toBe(expected)
            else {
              const caller = { owner: expected.session.owner, agent: expected.session.agent }
              handles.push({ real: got.handle, model: expected, caller })
              requests.push({ real: got.session, model: { ...expected, owner: caller.owner } })
            }
          } else if (step.do === 'update' && request) {
            const got = await outcomeOf(() => sessions.update(request.real, (count) => count + 1))
            expect(got).toBe(model.update(request.model))
          } else if (step.do === 'read' && request) {
            const got = await outcomeOf(async () => (await sessions.read(request.real)).data)
            expect(got).toBe(model.read(request.model))
          } else if (step.do === 'terminate' && request) {
            model.terminate(request.model)
            await sessions.terminate(request.real)
          } else if (step.do === 'burn' && handle) {
            const expected = model.burn(handle.model)
            const burnt = await sessions.burn(handle.real, 'url')
            if (expected !== 'over') expect(burnt).toBe(expected === 'burnt')
          } else if (step.do === 'revokeOthers' && request) {
            const got = await outcomeOf(() => sessions.revokeOthers(request.real, 'test'))
            if (got === 'misuse') expect(request.model.owner).toBeUndefined()
            else expect(got ?? 'done').toBe(model.revokeOthers(request.model))
          } else if (step.do === 'revoke') {
            model.revoke(step.owner, step.agent)
            const target = { principal: step.owner, ...(step.agent !== undefined && { agent: step.agent }) }
            await sessions.revoke(target, 'test')
          } else if (step.do === 'wait') {
            clock.now += step.ms
            model.now += step.ms
          } else if (step.do === 'sweep') await sessions.sweep(3)
        }
      } finally {
        close()
      }
    })
    await fc.assert(property, { numRuns: kind.name === 'memory' ? 300 : 40 })
  })
})

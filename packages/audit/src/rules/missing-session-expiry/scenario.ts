/** Two sessions that nobody uses, and one that is used all the time: do they end when the server says they do? */
import type { Exchange, LiveFindingDraft } from '../../finding/finding.ts'
import { handlesIn, hasHandles, headersFor, logIn, mergedHandles } from '../../wire/login.ts'
import { isGranted, isRefused, statusOf } from '../../wire/reading.ts'
import { defineScenario, judgedLive, leftOpen, withoutSessions } from '../../wire/scenario.ts'
import type { LoginFlow } from '../../wire/config.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Survey } from '../../wire/survey.ts'

/** A session that should be over. */
interface Wait {
  readonly opening: Exchange
  readonly legitimate: Exchange
  /** The last use that was served, of a session that was used meanwhile. */
  readonly last?: Exchange
  readonly after: Exchange
  /** Where it was refused for want of a credential: whether Alice can still open one. */
  readonly renewed?: Exchange
  readonly waitedMs: number
  /** The longest that the session can have been left alone: from before one use was sent to the answer of the next. */
  readonly gapMs: number
  /** The longest that it can have been there. */
  readonly ageMs: number
}

interface Recording {
  readonly survey: Survey
  /** No session of MCP is watched, but what a login hands out. */
  readonly byLogin: boolean
  readonly stated: { readonly idleMs?: number; readonly absoluteMs?: number }
  /** The limit passed, and twice the limit: servers sweep now and then. */
  readonly idle: readonly Wait[]
  readonly absolute: Wait | undefined
}

/** Beyond a limit by this share and time at least. */
const SOON = 1.25
const LATE = 2.25
const GRACE_MS = 300
/** Servers sweep now and then, some once a second. */
const SWEEP_MS = 1_500
const LEAST_BEYOND = 1.1
const BEFORE_ABSOLUTE = 0.85
const USES_PER_IDLE = 3
const LONGEST_PAUSE_MS = 1_000
const MOST_REPEATS = 3

export const scenario = defineScenario<Recording>({
  timed: true,

  async play(stage) {
    const { survey, config } = stage
    const { idleMs, absoluteMs } = config.timeouts
    const byLogin = !survey.sessions && survey.page && loginOf(stage) !== undefined
    const none = { survey, byLogin, stated: config.timeouts, idle: [], absolute: undefined }
    if ((!survey.sessions && !byLogin) || (idleMs === undefined && absoluteMs === undefined)) return none
    const stated = config.timeouts
    const [absolute, ...idle] = await Promise.all([
      absoluteMs === undefined
        ? undefined
        : telling(
            () => waitInUse(absoluteMs * SOON + SWEEP_MS + GRACE_MS, stage),
            (wait) => isByAge(wait, stated),
          ),
      ...idleWaits(idleMs, absoluteMs).map((ms) =>
        telling(
          () => waitUnused(ms, stage),
          (wait) => isByIdle(wait, stated),
        ),
      ),
    ])
    return { ...none, idle: idle.filter((wait) => wait !== undefined), absolute }
  },

  judge({ survey, byLogin, stated, idle, absolute }) {
    const unfit = byLogin ? undefined : withoutSessions(survey)
    if (unfit !== undefined) return unfit
    if (stated.idleMs === undefined && stated.absoluteMs === undefined)
      return leftOpen('No timeouts are configured, and waiting for the usual ones takes hours.')
    const byIdle = stated.idleMs === undefined ? 'unstated' : outcomeOf(idle, (wait) => isByIdle(wait, stated))
    const byAge =
      stated.absoluteMs === undefined
        ? 'unstated'
        : outcomeOf(absolute ? [absolute] : [], (wait) => isByAge(wait, stated))
    const findings = [
      ...(byIdle === 'lives' ? [findingFor('idle', idle.at(-1), byAge === 'ends')] : []),
      ...(byAge === 'lives' ? [findingFor('absolute', absolute, byIdle === 'ends')] : []),
    ].filter((draft) => draft !== undefined)
    return judgedLive(
      findings,
      [
        ...(byIdle === 'unknown' ? ['The idle timeout could not be tried.'] : []),
        ...(byAge === 'unknown' ? ['The absolute timeout could not be tried.'] : []),
        ...(byIdle === 'unstated' ? ['No idle timeout is configured, so none was tried.'] : []),
        ...(byAge === 'unstated' ? ['No absolute timeout is configured, so none was tried.'] : []),
      ],
      [...(byIdle === 'ends' ? ['idle timeout'] : []), ...(byAge === 'ends' ? ['absolute timeout'] : [])],
    )
  },
})

/** Waits once more where this machine stood still so long that another limit may have been the reason. */
async function telling(
  wait: () => Promise<Wait | undefined>,
  tells: (wait: Wait) => boolean,
): Promise<Wait | undefined> {
  let waited = await wait()
  for (let again = 0; again < MOST_REPEATS && waited !== undefined && !tells(waited); again++) waited = await wait()
  return waited
}

/** A moment after the idle timeout, and well after it; never so late that the absolute timeout could be the reason. */
function idleWaits(idleMs: number | undefined, absoluteMs = Infinity): readonly number[] {
  if (idleMs === undefined) return []
  const latest = absoluteMs * BEFORE_ABSOLUTE
  const waits = [idleMs * SOON, idleMs * LATE + SWEEP_MS].map((ms) => Math.min(ms + GRACE_MS, latest))
  return waits.filter((ms, at) => ms > idleMs * LEAST_BEYOND && ms !== waits[at - 1])
}

/** Something of Alice's that should end. */
interface Held {
  readonly opening: Exchange
  use(): Promise<Exchange>
  close(): Promise<void>
}

function open(stage: Stage): Promise<Held | Exchange> {
  const login = loginOf(stage)
  return stage.survey.sessions || login === undefined ? openSession(stage) : openLogin(login, stage)
}

async function openSession(stage: Stage): Promise<Held | Exchange> {
  const { actors, survey } = stage
  const { exchange: opening, session } = await stage.open(actors.alice)
  if (session === undefined) return opening
  return {
    opening,
    use: () => stage.request(actors.alice, session, survey.method),
    close: () => stage.close(session),
  }
}

function loginOf({ config }: Stage): LoginFlow | undefined {
  return config.login ?? config.principals.alice?.login
}

/** A login of its own, and the page that it opens. What is renewed by use is presented from then on. */
async function openLogin(login: LoginFlow, stage: Stage): Promise<Held | Exchange> {
  const own = stage.config.principals.alice?.headers ?? []
  const names = new Set(own.map(([name]) => name.toLowerCase()))
  const { handles: first, answer: opening } = await logIn({ name: 'alice', headers: own }, login, stage)
  if (!hasHandles(first)) return opening
  let handles = first
  return {
    opening,
    async use() {
      const presented = headersFor(handles).filter(([name]) => !names.has(name))
      const page = await stage.send({ name: 'alice', headers: [...own, ...presented] }, { method: 'GET' })
      handles = mergedHandles(handles, handlesIn(page))
      return page
    },
    close: () => Promise.resolve(),
  }
}

async function openUsed(stage: Stage): Promise<(Pick<Wait, 'opening' | 'legitimate'> & { held: Held }) | undefined> {
  const held = await open(stage)
  if (!('use' in held)) return undefined
  const legitimate = await held.use()
  return isGranted(legitimate) ? { opening: held.opening, legitimate, held } : undefined
}

async function waitUnused(ms: number, stage: Stage): Promise<Wait | undefined> {
  const startedAt = stage.now()
  const own = await openUsed(stage)
  if (own === undefined) return undefined
  const { held, ...shown } = own
  const usedAt = stage.now()
  await stage.sleep(ms)
  const after = await held.use()
  const endedAt = stage.now()
  const waitedMs = endedAt - usedAt
  return { ...shown, after, waitedMs, gapMs: waitedMs, ageMs: endedAt - startedAt, ...(await renewal(after, stage)) }
}

/** Her credential may have ended instead of the session. */
async function renewal(after: Exchange, stage: Stage): Promise<Pick<Wait, 'renewed'>> {
  if (!WANTS_CREDENTIAL.has(statusOf(after))) return {}
  const held = await open(stage)
  if (!('use' in held)) return { renewed: held }
  const renewed = await held.use()
  await held.close()
  return { renewed }
}

const WANTS_CREDENTIAL: ReadonlySet<number | undefined> = new Set([401, 403])

/** Used again and again, so that only age can end it; until it ends, or `latestMs` have passed. */
async function waitInUse(latestMs: number, stage: Stage): Promise<Wait | undefined> {
  const openedAt = stage.now()
  const own = await openUsed(stage)
  if (own === undefined) return undefined
  const { held, ...shown } = own
  const { idleMs = LONGEST_PAUSE_MS * USES_PER_IDLE } = stage.config.timeouts
  const pauseMs = Math.min(LONGEST_PAUSE_MS, idleMs / USES_PER_IDLE)
  const startedAt = stage.now()
  let last = own.legitimate
  let usedAt = openedAt
  let gapMs = 0
  for (;;) {
    await stage.sleep(Math.min(pauseMs, latestMs))
    const askedAt = stage.now()
    const after = await held.use()
    const now = stage.now()
    const waitedMs = now - startedAt
    gapMs = Math.max(gapMs, now - usedAt)
    if (!isGranted(after) || waitedMs > latestMs)
      return { ...shown, last, after, waitedMs, gapMs, ageMs: now - openedAt, ...(await renewal(after, stage)) }
    last = after
    usedAt = askedAt
  }
}

/** A machine that stood still may have waited so long that the other limit was the reason. */
function isByIdle({ after, ageMs }: Wait, { absoluteMs = Infinity }: Recording['stated']): boolean {
  return isGranted(after) || ageMs < absoluteMs
}

function isByAge({ after, gapMs }: Wait, { idleMs = Infinity }: Recording['stated']): boolean {
  return isGranted(after) || gapMs < idleMs
}

/** Ended at the first look or at a later one; lives where it is served at every one, and no other limit was in play. */
function outcomeOf(waits: readonly Wait[], tells: (wait: Wait) => boolean): 'ends' | 'lives' | 'unknown' {
  const hasEnded = ({ after, renewed }: Wait): boolean =>
    isRefused(after) && (renewed === undefined || isGranted(renewed))
  if (waits.some((wait) => tells(wait) && hasEnded(wait))) return 'ends'
  return waits.length > 0 && waits.every(({ after }) => isGranted(after)) ? 'lives' : 'unknown'
}

function findingFor(kind: 'idle' | 'absolute', wait: Wait | undefined, partial: boolean): LiveFindingDraft | undefined {
  if (wait === undefined) return undefined
  const { opening, legitimate, last, after, waitedMs } = wait
  const seconds = (waitedMs / 1000).toFixed(1)
  const how = kind === 'idle' ? 'without use' : 'of use'
  return {
    key: kind,
    what: `The ${kind} timeout does not hold: after ${seconds} seconds ${how} the session is still served.`,
    trace: [
      { note: 'Alice opens a session', exchange: opening },
      { note: 'she uses it', exchange: last ?? legitimate },
      { note: `${seconds} seconds ${how} later it is still served`, exchange: after },
    ],
    confidence: 'high',
    partial,
  }
}

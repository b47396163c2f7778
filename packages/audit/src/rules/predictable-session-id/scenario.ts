/** Mallory opens sessions of his own, sees how their IDs are made, and names the one that Alice will be given before she asks for it. */
import type { Exchange, LiveFindingDraft } from '../../finding/finding.ts'
import { handleIn } from '../../wire/handles.ts'
import type { IssuedHandle } from '../../wire/prediction/part.ts'
import { announce, study, type Study } from '../../wire/prediction/study.ts'
import { responseHeader, statusOf } from '../../wire/reading.ts'
import { defineScenario, judgedLive, type LiveVerdict, leftOpen, liveNotApplicable } from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Actor } from '../../wire/wire.ts'

/** What a sample shows, and what was announced of it. No handle among it but as a secret. */
interface Sample {
  readonly what: 'session ID' | 'state handle'
  readonly issued: number
  readonly bits: number
  readonly madeOf: string
  readonly uuidVersion?: number
  readonly content?: string
  readonly first?: Exchange
  readonly last?: Exchange
  /** Two that were given the same handle. */
  readonly twins?: readonly [Exchange, Exchange]
  readonly announced?: {
    readonly generator: string
    readonly size: number
    readonly came: boolean
    readonly exchange: Exchange
  }
}

interface Recording {
  readonly eras: readonly string[]
  readonly refusal: string | undefined
  readonly samples: readonly Sample[]
}

/** Enough to solve for a generator's state, few enough that a server keeps them all. */
const SAMPLE = 40
/** Where one takes so long, fewer are asked for, and the next before the last has come. */
const SLOW_MS = 250
/** Between two that are asked for before the first has come. */
const APART_MS = 100
const SLOW_SAMPLE = 16
/** Of the time that the whole probe has. */
const SAMPLE_SHARE = 0.25
/** Fewer decide nothing. */
const FEWEST = 12
/** How often the next one is announced: others may open sessions in between. */
const ROUNDS = 3
/** Handles that others may be given between sample and announcement. */
const OTHERS = 2
/** Announcing more than this many is no prediction. */
const MOST_ANNOUNCED = 20_000
/** A random UUID has 122; the clauses ask for 128 and accept it. */
const ENOUGH_BITS = 122
/** Below this, trying is enough. */
const FEW_BITS = 64

export const scenario = defineScenario<Recording>({
  perEndpoint: true,
  alone: () => true,

  async play(stage) {
    const { survey } = stage
    const samples: Sample[] = []
    if (survey.eras.includes('legacy') && survey.sessions)
      samples.push(await sampleOf('session ID', stage, sessionMint()))
    const handleMint = await handleMintOf(stage)
    if (handleMint !== undefined) samples.push(await sampleOf('state handle', stage, handleMint))
    return { eras: survey.eras, refusal: survey.refusal, samples }
  },

  judge({ eras, refusal, samples }): LiveVerdict {
    if (eras.length === 0) return leftOpen(refusal ?? 'No MCP server answered.')
    if (samples.length === 0) return liveNotApplicable('The server hands out no session IDs.')
    const enough = samples.filter(({ issued }) => issued >= FEWEST)
    return judgedLive(
      enough.flatMap(findingsOf),
      samples
        .filter(({ issued }) => issued < FEWEST)
        .map((sample) => `Only ${sample.issued} ${sample.what}s were handed out: too few to say how they are made.`),
      enough.map(({ issued, what }) => `${issued} ${what}s, taken apart`),
    )
  },
})

/** Asks for one handle. */
type Mint = (
  stage: Stage,
  actor: Actor,
) => Promise<{ readonly exchange: Exchange; readonly handle: string | undefined }>

/** Each is ended while the next is opened, and no later: servers count sessions. */
function sessionMint(): Mint {
  let ending = Promise.resolve()
  return async (stage, actor) => {
    const before = ending
    const { exchange, session } = await stage.open(actor, { unused: true })
    await before
    if (session !== undefined) ending = stage.close(session)
    return { exchange, handle: session?.id }
  }
}

/** Where the configuration names a tool that mints handles. */
async function handleMintOf(stage: Stage): Promise<Mint | undefined> {
  const make = stage.config.canary?.make
  if (make === undefined || stage.survey.eras.length === 0) return undefined
  const inSession = !stage.survey.eras.includes('modern')
  const sessions = new Map<Actor, Awaited<ReturnType<Stage['open']>>['session']>()
  return async (_stage, actor) => {
    if (inSession && !sessions.has(actor)) sessions.set(actor, (await stage.open(actor)).session)
    const exchange = await stage.call(actor, sessions.get(actor), make, { canary: stage.canary() })
    const handle = handleIn(exchange, make.handle)
    if (handle !== undefined) stage.keep('handle', handle)
    return { exchange, handle }
  }
}

interface Issued extends IssuedHandle {
  readonly exchange: Exchange
}

async function sampleOf(what: Sample['what'], stage: Stage, mint: Mint): Promise<Sample> {
  const issued = await issueMany(stage, mint)
  const { announced, shown } = await announceNext(issued, stage, mint)
  const { bits, madeOf, uuidVersion, content } = described(shown)
  const twins = twinsIn(issued)
  return {
    what,
    issued: issued.length,
    bits,
    madeOf,
    ...(uuidVersion !== undefined && { uuidVersion }),
    ...(content !== undefined && { content }),
    ...(issued[0] && { first: issued[0].exchange }),
    ...(issued.at(-1) && { last: issued.at(-1)!.exchange }),
    ...(twins && { twins }),
    ...(announced && { announced }),
  }
}

function described({ atMostBits, parts, uuidVersion, content }: Study) {
  const labels = parts
    .filter(({ kind }) => kind !== 'constant')
    .map(({ label, atMostBits: own }) => `${label} (${Math.floor(own)} bits)`)
  return {
    bits: Math.floor(atMostBits),
    madeOf: labels.join(', ') || 'a constant',
    uuidVersion,
    content: content?.label,
  }
}

/**
 * In the order in which they were asked for. A server that takes its time is asked again before it has answered, as far as
 * it has room: it answers in its order all the same, since it is asked at some distance.
 */
async function issueMany(stage: Stage, mint: Mint): Promise<Issued[]> {
  const { alice, bob } = stage.actors
  const startedAt = stage.now()
  const until = startedAt + stage.config.budget.seconds * SAMPLE_SHARE * 1000
  const ask = (): Promise<Issued | undefined> => {
    const one = issue(stage, bob ?? alice, mint)
    // Whoever waits for it is told; where the one before it failed, nobody waits any longer.
    one.catch(() => {})
    return one
  }
  let tookMs: number | undefined
  const first = ask()
  const answered = first.then(() => (tookMs = stage.now() - startedAt))
  await Promise.race([answered, stage.sleep(SLOW_MS)])
  const isSlow = tookMs === undefined
  const most = isSlow ? SLOW_SAMPLE : SAMPLE
  const ahead = isSlow ? stage.room : 1
  const issued: Issued[] = []
  const asked = [first]
  for (;;) {
    const count = issued.length + asked.length
    const isEnough = count >= most || (count >= FEWEST && stage.now() >= until)
    if (!isEnough && asked.length < ahead) asked.push(ask())
    if (!isEnough && asked.length < ahead) await stage.sleep(tookMs === undefined ? APART_MS : tookMs / ahead)
    else {
      const one = await asked.shift()
      if (one === undefined) break
      issued.push(one)
    }
  }
  await Promise.all(asked)
  return issued
}

/** When, by the server's clock as far as it tells; a prediction wants differences only, a digest of the time wants the time. */
async function issue(stage: Stage, actor: Actor, mint: Mint): Promise<Issued | undefined> {
  const sentAtMs = stage.now()
  const { exchange, handle } = await mint(stage, actor)
  if (handle === undefined) return undefined
  return { handle, sentAtMs, receivedAtMs: stage.now(), exchange }
}

interface Announced {
  readonly announced?: Sample['announced']
  /** What was seen before anything was announced. */
  readonly shown: Study
}

/** Says what Alice will be given, and then lets her ask. */
async function announceNext(issued: Issued[], stage: Stage, mint: Mint): Promise<Announced> {
  const shown = study(byServerClock(issued).issued)
  if (issued.length < FEWEST) return { shown }
  let announced: Sample['announced']
  for (let round = 0; round < ROUNDS && announced?.came !== true; round++) {
    const next = await announceOnce(issued, round === 0 ? shown : study(byServerClock(issued).issued), stage, mint)
    if (next === undefined) break
    announced = next
  }
  return { shown, ...(announced && { announced }) }
}

async function announceOnce(issued: Issued[], seen: Study, stage: Stage, mint: Mint): Promise<Sample['announced']> {
  const slowestMs = Math.max(...issued.map(({ sentAtMs, receivedAtMs }) => receivedAtMs - sentAtMs))
  const fromMs = stage.now() + byServerClock(issued).offsetMs
  const announcement = announce(seen, { fromMs, toMs: fromMs + 2 * slowestMs + 20 }, OTHERS)
  if (announcement === undefined || announcement.size > MOST_ANNOUNCED) return undefined
  stage.keep('announced', announcement.likeliest)
  const next = await issue(stage, stage.actors.alice, mint)
  if (next === undefined) return undefined
  issued.push(next)
  return {
    generator: announcement.generator,
    size: announcement.size,
    came: announcement.includes(next.handle),
    exchange: next.exchange,
  }
}

/** The same sample with its times moved to the server's clock, as the `Date` of its answers shows it. */
function byServerClock(issued: readonly Issued[]): { readonly issued: readonly Issued[]; readonly offsetMs: number } {
  const [first] = issued
  const date = first ? Date.parse(responseHeader(first.exchange, 'date') ?? '') : Number.NaN
  const offsetMs = first === undefined || Number.isNaN(date) ? 0 : date - first.sentAtMs
  return {
    offsetMs,
    issued: issued.map((one) => ({
      ...one,
      sentAtMs: one.sentAtMs + offsetMs,
      receivedAtMs: one.receivedAtMs + offsetMs,
    })),
  }
}

function twinsIn(issued: readonly Issued[]): readonly [Exchange, Exchange] | undefined {
  const seen = new Map<string, Exchange>()
  for (const { handle, exchange } of issued) {
    const first = seen.get(handle)
    if (first !== undefined) return [first, exchange]
    seen.set(handle, exchange)
  }
  return undefined
}

function findingsOf(sample: Sample): readonly LiveFindingDraft[] {
  const finding = announcedFinding(sample) ?? twinsFinding(sample) ?? fewBitsFinding(sample)
  return finding === undefined ? [] : [finding]
}

function announcedFinding(sample: Sample): LiveFindingDraft | undefined {
  const { announced, what, issued } = sample
  if (announced?.came !== true) return undefined
  const { generator, size, exchange } = announced
  const said = size === 1 ? 'was named' : `was one of the ${size} that were named`
  return {
    key: `${what} announced`,
    what: `The ${what} that Alice was given ${said} before she asked for it: it is made of ${generator}.`,
    trace: [
      ...sampleSteps(sample),
      { note: `out of ${issued} handles, the next one was computed; then Alice asks, and is given it`, exchange },
    ],
    confidence: 'high',
  }
}

function twinsFinding({ twins, what }: Sample): LiveFindingDraft | undefined {
  if (twins === undefined) return undefined
  return {
    key: `${what} twice`,
    what: `The same ${what} was handed out twice.`,
    trace: [
      { note: `a ${what} is handed out`, exchange: twins[0] },
      { note: 'and again', exchange: twins[1] },
    ],
    confidence: 'high',
  }
}

function fewBitsFinding(sample: Sample): LiveFindingDraft | undefined {
  const { bits, what, issued, madeOf, uuidVersion, content } = sample
  if (bits >= ENOUGH_BITS) return undefined
  const version = uuidVersion === undefined ? '' : `, a UUID of version ${uuidVersion}`
  const holds = content === undefined ? '' : `; it can be decoded: ${content}`
  return {
    key: `${what} bits`,
    what: `A ${what} holds at most ${bits} bits, as ${issued} of them show with 99 % confidence: ${madeOf}${version}${holds}.`,
    trace: sampleSteps(sample),
    confidence: bits < FEW_BITS ? 'high' : 'medium',
  }
}

function sampleSteps({ first, last, issued, what }: Sample): LiveFindingDraft['trace'] {
  return [
    ...(first
      ? [{ note: `Mallory asks for a ${what} of his own (${statusOf(first) ?? 'no answer'})`, exchange: first }]
      : []),
    ...(last ? [{ note: `and for more, ${issued} in all`, exchange: last }] : []),
  ]
}

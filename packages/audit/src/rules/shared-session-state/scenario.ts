/** Two open sessions of their own and work at the same time: does anything of the one arrive at the other? */
import type { Exchange, LiveFindingDraft } from '../../finding/finding.ts'
import { Gate } from '../../wire/gate.ts'
import { textsIn } from '../../wire/handles.ts'
import type { Session } from '../../wire/legacy.ts'
import { judgeMixing, type Mixing, playMixing } from '../../wire/mixing.ts'
import {
  holds,
  isEventStream,
  isRefused,
  isServed,
  isSuccess,
  messagesIn,
  resultIn,
  statusOf,
} from '../../wire/reading.ts'
import {
  defineScenario,
  found,
  judgedViews,
  type LiveVerdict,
  leftOpen,
  liveNotApplicable,
  undecided,
  type View,
  withstood,
} from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Actor } from '../../wire/wire.ts'

/** Both ask at once, under the same JSON-RPC id, for something that only they have named. */
interface Round {
  readonly alice: Exchange
  readonly other: Exchange
  readonly aliceMark: string
  readonly otherMark: string
  /** Alice asked first, for something that takes its time; the other asked for what does not exist. */
  readonly slow?: true
  /** Where her answer was lost: what she is given when the other asks under another JSON-RPC id. */
  readonly control?: Exchange
}

interface Crossing {
  readonly opening: Exchange
  /** Alice alone, before the other came: her answer holds its mark. */
  readonly alone: Exchange
  readonly mark: string
  readonly otherOpening: Exchange
  readonly otherIsIn: boolean
  /** Whatever is asked for is answered with the list that would be told by. */
  readonly alike?: true
  readonly rounds: readonly Round[]
  /** Where her session was gone when the other had his: a new one of hers after as long a time, while nobody opens any. */
  readonly leftAlone?: Exchange
}

/** A request that names no session. */
interface Nameless {
  readonly before: Exchange
  readonly opening: Exchange
  readonly during: Exchange
  readonly after: Exchange
  /** What Alice wrote in her session and finds there, asked for without one. */
  readonly read?: { readonly exchange: Exchange; readonly own: Exchange; readonly canary: string }
}

/** What Alice wrote in her session, asked for in another one. */
interface Spill {
  /** Absent where there are no sessions. */
  readonly opening?: Exchange
  readonly written: Exchange
  readonly read: Exchange
  readonly foreign: Exchange
  readonly canary: string
}

/** Alice's event stream while another opens his. */
interface TakeOver {
  readonly stream: Exchange
  readonly taking: Exchange
  readonly ended: boolean
  /** The same stream, left alone as long. */
  readonly stays: boolean
}

/** One-time effects, asked for together. */
interface Race {
  readonly opening?: Exchange
  readonly together: readonly Exchange[]
  readonly afterwards: Exchange
  readonly limit: number
}

interface Recording {
  readonly eras: readonly string[]
  readonly sessions: boolean
  readonly refusal: string | undefined
  readonly by: string
  /** Not Alice in another session. */
  readonly isSomebodyElse: boolean
  readonly crossing?: Crossing
  readonly nameless?: Nameless
  readonly spill?: Spill
  readonly takeOver?: TakeOver
  readonly mixings?: readonly Mixing[]
  readonly race?: Race
}

const ROUNDS = 10
const RACERS = 8
/** How long a stream is watched. */
const WATCH_MS = 150
/** An answer that was lost does not come later either; what was lost once is given more time, unless the server is known to be quick. */
const LOST_MS = 1_500
const SURELY_LOST_MS = 5_000
const QUICK_MS = LOST_MS / 10

export const scenario = defineScenario<Recording>({
  perEndpoint: true,
  alone: () => true,
  showsIsolation: true,

  async play(stage) {
    const { survey, actors } = stage
    const { eras, sessions, refusal } = survey
    const isSomebodyElse = actors.bob !== undefined || survey.anonymous
    const other = actors.bob ?? { ...(isSomebodyElse ? actors.nobody : actors.alice), name: 'mallory' }
    const facts = { eras, sessions, refusal, by: other.name, isSomebodyElse }
    if (eras.length === 0) return facts
    if (eras.includes('legacy')) return { ...facts, ...(await playSessions(other, stage)) }
    const isOther = isSomebodyElse && !survey.anonymous
    const spill = isOther ? await playSpill(other, {}, stage) : undefined
    const mixings = isOther ? await playMixing({ actor: actors.alice }, { actor: other }, stage) : []
    const race = await playRace(undefined, stage)
    return { ...facts, mixings, ...(spill && { spill }), ...(race && { race }) }
  },

  judge(recording): LiveVerdict {
    const { eras, refusal, by, crossing, race, spill, mixings = [] } = recording
    if (eras.length === 0) return leftOpen(refusal ?? 'No MCP server answered.')
    const isTried = race !== undefined || spill !== undefined || mixings.length > 0
    if (!eras.includes('legacy') && !isTried)
      return liveNotApplicable('The server keeps no sessions, and neither a race nor a canary for two is configured.')
    if (crossing === undefined && !isTried) return leftOpen("Alice's own session could not be used.")
    const views = [
      judgeCrossing(recording),
      judgeNameless(recording),
      judgeTakeOver(recording),
      judgeSpill(recording),
      ...mixings.map((mixing) => judgeMixing(mixing, by)),
      judgeRace(recording),
    ]
    return judgedViews(views)
  },
})

/** All that two sessions show, one of Alice's and one of another's. */
async function playSessions(other: Actor, stage: Stage): Promise<Partial<Recording>> {
  const inSessions = stage.survey.sessions && stage.survey.transport === 'http'
  const before = inSessions ? await askNameless(other, stage) : undefined
  const first = await openHers(stage)
  const fallen = before && first && (await playNameless(other, first, stage))
  const hers = first && (await answeredOne(first, stage))
  const met = hers && (await playCrossing(other, hers, stage))
  // Where answers are lost, there is nothing more to be learnt by waiting for some.
  const isLosing = met?.crossing.rounds.some(({ alice }) => isLost(alice)) === true
  const played: Partial<PlayedInBoth> = isLosing || !met?.both ? {} : await playBoth(other, met.both, stage)
  const race = isLosing ? undefined : await playRace(hers?.session, stage)
  if (first) await stage.close(first.session)
  const after = fallen && (await askNameless(other, stage))
  return {
    ...(met && { crossing: met.crossing }),
    ...(before && first && fallen && after && { nameless: { before, opening: first.exchange, ...fallen, after } }),
    ...(played.takeOver && { takeOver: played.takeOver }),
    ...(played.spill && hers && { spill: { ...played.spill, opening: hers.exchange } }),
    ...(played.mixings && { mixings: played.mixings }),
    ...(race && { race: { ...race, ...(hers && { opening: hers.exchange }) } }),
  }
}

interface PlayedInBoth {
  readonly takeOver: TakeOver | undefined
  readonly spill: Spill | undefined
  readonly mixings: readonly Mixing[]
}

/** What else two sessions show. */
async function playBoth(other: Actor, both: Both, stage: Stage): Promise<PlayedInBoth> {
  const takeOver = both.hers.transport === 'http' ? await playTakeOver(other, both, stage) : undefined
  const spill = await playSpill(other, both, stage)
  // What one has in every session is no other's.
  const isOther = stage.actors.bob !== undefined || stage.survey.anonymous
  const askers = [
    { actor: stage.actors.alice, session: both.hers },
    { actor: other, session: both.his },
  ] as const
  return { takeOver, spill, mixings: isOther ? await playMixing(...askers, stage) : [] }
}

/** Something to ask, and what only its own answer holds. */
interface Question {
  readonly method: string
  readonly params: object
  readonly mark: string
}

/** A tool that nobody has: servers name it in their answer, and do nothing else. */
function namingQuestion(stage: Stage): Question {
  const name = stage.canary()
  return { method: 'tools/call', params: { name, arguments: {} }, mark: name }
}

/** Where servers do not name what they do not have: the list of tools, as nobody else asks for it. */
const LISTING: Question = { method: 'tools/list', params: {}, mark: '"tools":' }

interface Asking {
  readonly id?: number
  readonly gate?: Gate
  readonly timeoutMs?: number
}

function ask(stage: Stage, actor: Actor, session: Session, { method, params }: Question, more: Asking = {}) {
  return stage.request(actor, session, method, params, { timeoutMs: LOST_MS, ...more })
}

interface Hers {
  readonly exchange: Exchange
  readonly session: Session
}

async function openHers(stage: Stage): Promise<Hers | undefined> {
  const { exchange, session } = await stage.open(stage.actors.alice)
  return session && { exchange, session }
}

/** A session in which Alice is answered while there is no other. */
interface Answered extends Hers {
  readonly alone: Exchange
  /** The answer names what she asked for; else it is the list of tools. */
  readonly mark: string
}

/** This one, or a new one where she is no longer answered in it. */
async function answeredOne(first: Hers, stage: Stage): Promise<Answered> {
  const own = await askAlone(first, stage)
  if (holds(own.alone, own.mark)) return own
  const second = await openHers(stage)
  return second ? askAlone(second, stage) : own
}

async function askAlone(hers: Hers, stage: Stage): Promise<Answered> {
  const { alice } = stage.actors
  const naming = namingQuestion(stage)
  const named = await ask(stage, alice, hers.session, naming)
  if (holds(named, naming.mark)) return { ...hers, alone: named, mark: naming.mark }
  return { ...hers, alone: await ask(stage, alice, hers.session, LISTING), mark: LISTING.mark }
}

/** In her session, and in another's, which is opened now. */
async function playCrossing(
  other: Actor,
  { exchange: opening, session, alone, mark }: Answered,
  stage: Stage,
): Promise<{ readonly crossing: Crossing; readonly both: Both | undefined }> {
  const usedAt = stage.now()
  const { exchange: otherOpening, session: othersOwn } = await stage.open(other)
  const tookMs = stage.now() - usedAt
  const both = othersOwn && { hers: session, his: othersOwn }
  const isNamed = mark !== LISTING.mark
  const alike = both && !isNamed && holds(await ask(stage, other, both.his, namingQuestion(stage)), mark)
  const rounds = both && !alike ? await playRounds(other, both, isNamed, stage) : []
  const crossing = { opening, alone, mark, otherOpening, otherIsIn: both !== undefined, rounds }
  const [first] = rounds
  const leftAlone = first && isGone(first.alice) ? await leaveAlone(tookMs, stage) : undefined
  return { crossing: { ...crossing, ...(alike && { alike }), ...(leftAlone && { leftAlone }) }, both }
}

/** A session may be over because of the time that passed. */
async function leaveAlone(ms: number, stage: Stage): Promise<Exchange | undefined> {
  const hers = await openHers(stage)
  if (hers === undefined) return undefined
  await ask(stage, stage.actors.alice, hers.session, LISTING)
  await stage.sleep(ms)
  return ask(stage, stage.actors.alice, hers.session, LISTING)
}

interface Both {
  readonly hers: Session
  readonly his: Session
}

async function playRounds(
  other: Actor,
  { hers, his }: Both,
  isNamed: boolean,
  stage: Stage,
): Promise<readonly Round[]> {
  const rounds: Round[] = []
  let timeoutMs = LOST_MS
  while (rounds.length < ROUNDS && rounds.filter(({ alice }) => isLost(alice)).length < LOST_TWICE) {
    const [herQuestion, hisQuestion] = [isNamed ? namingQuestion(stage) : LISTING, namingQuestion(stage)]
    const more = { gate: new Gate(2), id: 70_000 + rounds.length, timeoutMs }
    const [toAlice, toOther] = await Promise.all([
      ask(stage, stage.actors.alice, hers, herQuestion, more),
      ask(stage, other, his, hisQuestion, more),
    ])
    rounds.push({ alice: toAlice, other: toOther, aliceMark: herQuestion.mark, otherMark: hisQuestion.mark })
    if (rounds.some(isCrossed)) break
    if (isLost(toAlice) && !(await isQuick(hers, herQuestion, stage))) timeoutMs = SURELY_LOST_MS
  }
  return rounds.some(isCrossed) ? rounds : [...rounds, ...(await playSlowRounds(other, { hers, his }, stage))]
}

/** Whether Alice is answered at once when she asks alone: what takes ten times as long beside another is not late. */
async function isQuick(hers: Session, question: Question, stage: Stage): Promise<boolean> {
  const since = stage.now()
  const alone = await ask(stage, stage.actors.alice, hers, question)
  return messagesIn(alone).length > 0 && stage.now() - since < QUICK_MS
}

const MOST_TOOLS = 3
/** Later than Alice's question, and before the answer of a tool that works for it. */
const HEAD_START_MS = 15

/** Answers that take their time, asked for first, while another asks under the same JSON-RPC id. */
async function playSlowRounds(other: Actor, both: Both, stage: Stage): Promise<readonly Round[]> {
  const rounds: Round[] = []
  // Where whatever is asked for is served, a result says nothing of whose it is.
  if (isServed(await ask(stage, other, both.his, namingQuestion(stage)))) return rounds
  for (const { name } of stage.readOnlyTools.slice(0, MOST_TOOLS)) {
    const tool: Question = { method: 'tools/call', params: { name, arguments: {} }, mark: '' }
    if (!isServed(await ask(stage, stage.actors.alice, both.hers, tool))) continue
    for (let round = 0; round < LOST_TWICE && !rounds.some(isCrossed); round++) {
      const timeoutMs = round === 0 ? LOST_MS : SURELY_LOST_MS
      const id = 80_000 + 2 * rounds.length
      const played = await playSlowRound({ other, tool, id, otherId: id, timeoutMs }, both, stage)
      const control = isLost(played.alice)
        ? (await playSlowRound({ other, tool, id, otherId: id + 1, timeoutMs }, both, stage)).alice
        : undefined
      rounds.push({ ...played, ...(control && { control }) })
    }
  }
  return rounds
}

interface SlowRound {
  readonly other: Actor
  readonly tool: Question
  readonly id: number
  readonly otherId: number
  readonly timeoutMs: number
}

async function playSlowRound(
  { other, tool, id, otherId, timeoutMs }: SlowRound,
  { hers, his }: Both,
  stage: Stage,
): Promise<Round> {
  const question = namingQuestion(stage)
  const [toAlice, toOther] = await Promise.all([
    ask(stage, stage.actors.alice, hers, tool, { id, timeoutMs }),
    stage.sleep(HEAD_START_MS).then(() => ask(stage, other, his, question, { id: otherId, timeoutMs })),
  ])
  return { alice: toAlice, other: toOther, aliceMark: tool.mark, otherMark: question.mark, slow: true }
}

/** An answer that is lost once may have been late. */
const LOST_TWICE = 2

function isCrossed({ alice, other, aliceMark, otherMark, slow }: Round): boolean {
  return isForeign(other, aliceMark, slow) || holds(alice, otherMark)
}

/** What does not exist gives no result: one that comes is another's. */
function isForeign(other: Exchange, aliceMark: string, slow: true | undefined): boolean {
  return slow ? isServed(other) : holds(other, aliceMark)
}

/** No answer to the question, though nothing was refused. A limit that is reached (429) and a fault (5xx) are answers. */
function isLost(exchange: Exchange): boolean {
  return (statusOf(exchange) === undefined || isSuccess(exchange)) && messagesIn(exchange).length === 0
}

function judgeCrossing({ crossing, by, isSomebodyElse }: Recording): View {
  if (crossing === undefined) return found()
  const { opening, alone, mark, otherOpening, otherIsIn, alike, rounds, leftAlone } = crossing
  const start = [
    { note: 'Alice opens a session', exchange: opening },
    { note: 'and is answered in it', exchange: alone },
    { note: `${by} opens a session of his own`, exchange: otherOpening },
  ]
  const theft = rounds.find(isCrossed)
  if (theft !== undefined) return found(crossed(start, theft, by))
  if (!holds(alone, mark)) return undecided('Alice was not answered in a session of her own.')
  if (alike) return undecided('Whatever is asked for is answered alike, so that no answer shows whose it is.')
  const last = rounds.at(-1)
  if (!otherIsIn || last === undefined)
    return undecided(`${by} could open no session beside Alice's (${statusOf(otherOpening) ?? 'no answer'}).`)
  if (isLost(last.other)) return undecided(`${by} was not answered in a session of his own.`)
  const lost = rounds.filter(isLostToOther)
  // A limit of one session for each principal is no weakness.
  if (lost.length >= LOST_TWICE) return found(lockedOut(start, lost.at(-1) ?? last, by))
  // One that she was served in beside him is not gone because of him.
  const [first = last] = rounds
  if (isGone(first.alice) && isSomebodyElse && leftAlone !== undefined && isAnswered(leftAlone))
    return found(lockedOut(start, first, by))
  if (isGone(last.alice) && isSomebodyElse) return undecided("Alice's session was over before she had asked in it.")
  if (![last.alice, last.other].every((exchange) => isRefused(exchange) || messagesIn(exchange).length > 0))
    return undecided(`Questions at the same time were not answered (${statusOf(last.alice) ?? 'no answer'}).`)
  return withstood(`${rounds.length} times two questions at once`)
}

/** A tool that takes its time may take more of it beside others, but not because of the id that they ask under. */
function isLostToOther({ alice, slow, control }: Round): boolean {
  return isLost(alice) && (!slow || (control !== undefined && isServed(control)))
}

function isAnswered(exchange: Exchange): boolean {
  return !isGone(exchange) && messagesIn(exchange).length > 0
}

function isGone(exchange: Exchange): boolean {
  return [400, 404, 410].includes(statusOf(exchange) ?? 0)
}

function crossed(start: LiveFindingDraft['trace'], round: Round, by: string): LiveFindingDraft {
  const toOther = isForeign(round.other, round.aliceMark, round.slow)
  const [own, foreign] = toOther ? [round.alice, round.other] : [round.other, round.alice]
  const [whose, who] = toOther ? ["Alice's session", by] : [`the session of ${by}`, 'Alice']
  return {
    key: 'answers cross',
    what: `What was asked in ${whose} is answered to ${who}, in another session: what keeps their requests apart is shared.`,
    trace: [
      ...start,
      { note: 'both ask at once, under the same JSON-RPC id', exchange: own },
      { note: `${who} is given the answer to the other's question`, exchange: foreign },
    ],
    confidence: 'high',
  }
}

function lockedOut(start: LiveFindingDraft['trace'], { alice, other, control }: Round, by: string): LiveFindingDraft {
  const when = control === undefined ? 'asks in a session of his own' : 'asks for something else under her JSON-RPC id'
  return {
    key: 'locked out',
    what: `While ${by} ${when}, Alice's question in her own session is no longer answered: one transport serves them both.`,
    trace: [
      ...start,
      ...(control ? [{ note: 'while both ask under ids of their own, she is answered', exchange: control }] : []),
      { note: `${by} is answered`, exchange: other },
      { note: "Alice's question in her own session is lost", exchange: alice },
    ],
    confidence: 'high',
  }
}

/** Only a difference between before and during shows that it was Alice's session that served the request. */
function askNameless(other: Actor, stage: Stage): Promise<Exchange> {
  return stage.request(other, nowhere(stage), 'tools/list')
}

function nowhere({ target }: Stage): Session {
  return { transport: 'http', id: undefined, path: `${target.pathname}${target.search}`, cookies: [] }
}

/** While hers is the only one. */
async function playNameless(
  other: Actor,
  { session: hers }: Hers,
  stage: Stage,
): Promise<Pick<Nameless, 'during'> & Partial<Pick<Nameless, 'read'>>> {
  const during = await askNameless(other, stage)
  const read = await readNameless(other, hers, stage)
  return { during, ...(read && { read }) }
}

/** A server that a request breaks in the same way, whether or not Alice has a session, does not serve it in hers. */
function isBrokenAlike(before: Exchange, during: Exchange): boolean {
  const status = statusOf(during)
  return status !== undefined && status >= 500 && status === statusOf(before)
}

async function readNameless(other: Actor, hers: Session, stage: Stage): Promise<Nameless['read']> {
  const { canary } = stage.config
  if (canary === undefined || canary.make !== undefined) return undefined
  const text = stage.canary()
  await stage.call(stage.actors.alice, hers, canary.put, { canary: text })
  const own = await stage.call(stage.actors.alice, hers, canary.get, { canary: text })
  return { exchange: await stage.call(other, nowhere(stage), canary.get, { canary: '' }), own, canary: text }
}

function judgeNameless({ nameless, by, isSomebodyElse }: Recording): View {
  if (nameless === undefined) return found()
  const { before, opening, during, after, read } = nameless
  // What is hers may be hers without a session, too.
  if (isSomebodyElse && read !== undefined && holds(read.exchange, read.canary))
    return found({
      key: 'no session named',
      what: `A request of ${by} that names no session falls into Alice's: it reads what she wrote there.`,
      trace: [
        { note: 'Alice opens a session, and writes something down in it', exchange: opening },
        { note: `${by} names no session, and reads it`, exchange: read.exchange },
      ],
      confidence: 'high',
    })
  if (!isServed(during))
    return isRefused(during) || isBrokenAlike(before, during)
      ? withstood('no session named')
      : undecided('A request that names no session was not answered.')
  if (read !== undefined && isServed(read.exchange) && holds(read.own, read.canary))
    return withstood('no session named')
  if (isServed(before))
    return undecided(
      'Requests that name no session are served, whether or not Alice has one: whose state they see cannot be told.',
    )
  if (!isRefused(before)) return undecided('A request that names no session was not answered while there was none.')
  return found({
    key: 'no session named',
    what: `A request of ${by} that names no session is served as soon as Alice has one: it falls into hers.`,
    trace: [
      { note: `${by} names no session, and is refused`, exchange: before },
      { note: 'Alice opens one', exchange: opening },
      { note: `${by} still names none, and is served`, exchange: during },
      { note: isServed(after) ? 'as long as anything is left of it' : 'when hers is over, no longer', exchange: after },
    ],
    primary: 2,
    confidence: 'high',
  })
}

async function playTakeOver(other: Actor, { hers, his }: Both, stage: Stage): Promise<TakeOver | undefined> {
  const stream = await stage.stream(stage.actors.alice, hers)
  if (!isEventStream(stream.exchange())) return undefined
  const stays = !(await stream.ends(WATCH_MS))
  const taking = await stage.stream(other, his)
  const ended = await stream.ends(WATCH_MS)
  const record = { stream: stream.exchange(), taking: taking.exchange(), ended, stays }
  taking.close()
  stream.close()
  return record
}

function judgeTakeOver({ takeOver, by, isSomebodyElse }: Recording): View {
  // A limit of one stream for each principal is no weakness.
  if (takeOver === undefined || !isSomebodyElse || !takeOver.stays || !isEventStream(takeOver.taking)) return found()
  if (!takeOver.ended) return withstood("Alice's event stream beside another's")
  return found({
    key: 'stream taken over',
    what: `When ${by} opens the event stream of his own session, Alice's ends: there is one stream for all.`,
    trace: [
      { note: 'Alice receives the event stream of her session', exchange: takeOver.stream },
      { note: `${by} asks for that of his own, and hers is cut off`, exchange: takeOver.taking },
    ],
    confidence: 'high',
  })
}

async function playSpill(other: Actor, { hers, his }: Partial<Both>, stage: Stage): Promise<Spill | undefined> {
  const { alice } = stage.actors
  const { canary } = stage.config
  // State that a handle names is asked for by the rule for handles.
  if (canary === undefined || canary.make !== undefined) return undefined
  const text = stage.canary()
  const written = await stage.call(alice, hers, canary.put, { canary: text })
  const read = await stage.call(alice, hers, canary.get, { canary: text })
  const foreign = await stage.call(other, his, canary.get, { canary: '' })
  return { written, read, foreign, canary: text }
}

function judgeSpill({ spill, by, isSomebodyElse }: Recording): View {
  // What is hers may be hers in every session.
  if (spill === undefined || !isSomebodyElse) return found()
  const { opening, written, read, foreign, canary } = spill
  if (!holds(read, canary)) return undecided('Alice does not find what she wrote in her own session.')
  if (!holds(foreign, canary))
    return isServed(foreign) || isRefused(foreign)
      ? withstood(opening ? 'what Alice wrote, read in another session' : 'what Alice wrote, read by another')
      : undecided(`${by} was not answered.`)
  return found({
    key: 'state of another session',
    what: opening
      ? `${by} reads in a session of his own what Alice wrote in hers: both are one.`
      : `${by} reads, under his own name, what Alice wrote under hers: it is kept for everybody.`,
    trace: [
      ...(opening ? [{ note: 'Alice opens a session', exchange: opening }] : []),
      { note: opening ? 'and writes something down' : 'Alice writes something down', exchange: written },
      { note: 'which she finds there', exchange: read },
      { note: `${by} finds it as well`, exchange: foreign },
    ],
    confidence: 'high',
  })
}

/** Requests that the server has read all but one byte of, let go together. */
async function playRace(hers: Session | undefined, stage: Stage): Promise<Race | undefined> {
  const { race } = stage.config
  const { alice } = stage.actors
  if (race === undefined) return undefined
  const gate = new Gate(RACERS)
  const call = (more: { readonly gate?: Gate } = {}) => stage.call(alice, hers, race, { canary: stage.canary() }, more)
  const together = await Promise.all(Array.from({ length: RACERS }, () => call({ gate })))
  const afterwards = await call()
  return { together, afterwards, limit: race.limit }
}

function judgeRace({ race }: Recording): View {
  if (race === undefined) return found()
  const { opening, together, afterwards, limit } = race
  const refusal = outcomeOf(afterwards)
  const done = together.filter((exchange) => isServed(exchange) && outcomeOf(exchange) !== refusal)
  if (done.length === 0 || refusal === undefined)
    return undecided(
      'The one-time effect of the race did not happen, or what it looks like when it may not happen cannot be told.',
    )
  if (done.length <= limit)
    return withstood(`${together.length} requests at once for what may happen ${limit} time${limit === 1 ? '' : 's'}`)
  return found({
    key: 'race',
    what: `What may happen ${limit} time${limit === 1 ? '' : 's'} happened ${done.length} times, as ${together.length} requests came at once: it is checked and done in two steps.`,
    trace: [
      ...(opening ? [{ note: 'Alice opens a session', exchange: opening }] : []),
      ...done.slice(0, limit + 1).map((exchange, index) => ({
        note: index < limit ? 'a request that came with others has its effect' : 'and so has one too many',
        exchange,
      })),
      { note: 'one that comes alone afterwards is refused, as it should be', exchange: afterwards },
    ],
    primary: (opening ? 1 : 0) + limit,
    confidence: 'high',
  })
}

/** What an answer amounts to, its numbers and canaries left out; undefined where there is none. */
function outcomeOf(exchange: Exchange): string | undefined {
  if (isRefused(exchange)) return 'refused'
  if (messagesIn(exchange).length === 0) return undefined
  const result = resultIn(exchange)
  if (result === undefined) return 'refused'
  return textsIn(result)
    .join('\n')
    .replaceAll(/canary-[0-9a-f]+|\d+/g, '#')
}

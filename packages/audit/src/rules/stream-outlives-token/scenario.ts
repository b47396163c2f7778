/** Somebody whose credential is about to end opens a stream; when it has ended, is he still told things? */
import type { Era, Exchange, LiveFindingDraft } from '../../finding/finding.ts'
import { isEventStream, isGranted, isRefused, statusOf } from '../../wire/reading.ts'
import { defineScenario, judgedLive, leftOpen, liveNotApplicable, type LiveVerdict } from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Stream } from '../../wire/stream.ts'
import type { Actor } from '../../wire/wire.ts'

/** Where the stream is opened: in an era of MCP, or as one of the server's own. */
type Kind = Era | 'feed'

interface Watched {
  readonly kind: Kind
  /** A request with the credential while it holds. */
  readonly before: Exchange
  /** The same when it no longer does. */
  readonly after: Exchange
  readonly stream: Exchange
  /** The stream was open at the beginning. */
  readonly opened: boolean
  readonly stayed: boolean
  /** Something happened afterwards that the stream tells of; absent where nothing is configured that would. */
  readonly told?: boolean
}

interface Recording {
  readonly kinds: readonly Kind[]
  readonly refusal: string | undefined
  readonly anonymous: boolean
  readonly hasShortLived: boolean
  readonly watched: readonly Watched[]
}

/** Beside the life of the credential: what a server may take to notice. */
const GRACE_MS = 1_500
const TOLD_MS = 500

export const scenario = defineScenario<Recording>({
  timed: 'from the start',

  async play(stage) {
    const { survey, actors, config } = stage
    const { eras, refusal, anonymous, feed } = survey
    const kinds = feed ? (['feed'] as const) : eras
    const { shortLived } = actors
    const lifeMs = config.principals.shortLived?.expiresInMs
    const facts = { kinds, refusal, anonymous, hasShortLived: shortLived !== undefined && lifeMs !== undefined }
    if (shortLived === undefined || lifeMs === undefined || anonymous || kinds.length === 0)
      return { ...facts, watched: [] }
    const watched = await Promise.all(kinds.map((kind) => watch(kind, shortLived, lifeMs, stage)))
    return { ...facts, watched }
  },

  judge({ kinds, refusal, anonymous, hasShortLived, watched }): LiveVerdict {
    if (kinds.length === 0) return leftOpen(refusal ?? 'No MCP server answered.')
    if (anonymous) return liveNotApplicable('The server asks for no credential that a stream could outlive.')
    if (!hasShortLived) return leftOpen('No short-lived credential (shortLived, with expiresInMs) is configured.')
    const streams = watched.filter(({ opened }) => opened)
    if (streams.length === 0)
      return watched.some(({ before }) => isGranted(before))
        ? liveNotApplicable('The server opens no streams.')
        : leftOpen('The short-lived credential was over before a stream could be opened.')
    return judgedLive(
      streams.filter(outlived).map(findingOf),
      streams.flatMap(({ after, kind }) =>
        isRefused(after)
          ? []
          : [
              `The short-lived credential was still good when its time was over (${kind}, ${statusOf(after) ?? 'no answer'}).`,
            ],
      ),
      streams
        .filter(({ stayed, after }) => !stayed && isRefused(after))
        .map(({ kind }) => `a stream beyond its credential (${kind})`),
    )
  },
})

interface Opened {
  readonly before: Exchange
  readonly stream: Stream | undefined
  ask(): Promise<Exchange>
}

const OPENERS: Readonly<Record<Kind, (actor: Actor, stage: Stage) => Promise<Opened>>> = {
  legacy: openLegacy,
  modern: openModern,
  feed: openFeed,
}

async function watch(kind: Kind, actor: Actor, lifeMs: number, stage: Stage): Promise<Watched> {
  const { before, stream, ask } = await OPENERS[kind](actor, stage)
  const first = stream?.exchange()
  const opened = first !== undefined && isEventStream(first)
  if (stream === undefined || !opened)
    return { kind, before, after: before, stream: first ?? before, opened: false, stayed: false }
  // The life counts from the start of the probe, so that this waits long enough.
  const closed = await stream.ends(lifeMs + GRACE_MS)
  const after = await ask()
  const told = closed ? undefined : await tellsOf(stream, stage)
  const watched = {
    kind,
    before,
    after,
    stream: stream.exchange(),
    opened,
    stayed: !closed,
    ...(told !== undefined && { told }),
  }
  stream.close()
  return watched
}

async function openLegacy(actor: Actor, stage: Stage): Promise<Opened> {
  const { exchange, session } = await stage.open(actor)
  if (session === undefined) return { before: exchange, stream: undefined, ask: () => Promise.resolve(exchange) }
  const ask = () => stage.request(actor, session, 'tools/list')
  const before = await ask()
  const uri = stage.config.resource?.uri
  if (uri !== undefined) await stage.request(actor, session, 'resources/subscribe', { uri })
  return { before, stream: session.stream ?? (await stage.stream(actor, session)), ask }
}

async function openModern(actor: Actor, stage: Stage): Promise<Opened> {
  const ask = () => stage.ask(actor, 'tools/list')
  const before = await ask()
  const uri = stage.config.resource?.uri
  const notifications = {
    toolsListChanged: true,
    resourcesListChanged: true,
    ...(uri && { resourceSubscriptions: [uri] }),
  }
  return { before, stream: await stage.listen(actor, 'subscriptions/listen', { notifications }), ask }
}

/** A stream of the server's own. */
async function openFeed(actor: Actor, stage: Stage): Promise<Opened> {
  const ask = () => stage.send(actor, { method: 'GET' })
  return { before: await ask(), stream: await stage.wire.listen(actor, { method: 'GET' }), ask }
}

/** Alice makes something happen. */
async function tellsOf(stream: Stream, stage: Stage): Promise<boolean | undefined> {
  const { resource } = stage.config
  if (resource === undefined) return undefined
  const seen = stream.events.length
  const inSession = stage.survey.eras.includes('modern') ? undefined : (await stage.open(stage.actors.alice)).session
  await stage.call(stage.actors.alice, inSession, resource.trigger, { canary: stage.canary() })
  const event = await stream.until(
    (one) => stream.events.indexOf(one) >= seen && one.data.includes(resource.uri),
    TOLD_MS,
  )
  return event !== undefined
}

function outlived({ stayed, after }: Watched): boolean {
  return stayed && isRefused(after)
}

function findingOf({ kind, before, after, stream, told }: Watched): LiveFindingDraft {
  return {
    key: `${kind} stream`,
    what: `A stream stays open when the credential that it was opened with has ended${told ? ', and goes on telling what happens' : ''}.`,
    trace: [
      { note: 'the credential holds', exchange: before },
      { note: 'it has ended: a request is refused', exchange: after },
      {
        note: told
          ? 'the stream that was opened with it still tells what happens'
          : 'the stream that was opened with it stays',
        exchange: stream,
      },
    ],
    confidence: told ? 'high' : 'medium',
  }
}

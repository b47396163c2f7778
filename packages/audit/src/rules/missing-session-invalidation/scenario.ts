/** Alice ends her session and presents its ID once more. */
import type { Exchange, HeaderField } from '../../finding/finding.ts'
import { type Handles, hasHandles, headersFor, logIn, sendStep } from '../../wire/login.ts'
import type { LoginFlow, LoginStep } from '../../wire/config.ts'
import type { Session } from '../../wire/legacy.ts'
import {
  isEventStream,
  isGranted,
  isRefused,
  isServed,
  isSuccess,
  parsed,
  type RpcMessage,
  statusOf,
} from '../../wire/reading.ts'
import {
  defineScenario,
  found,
  judgedViews,
  undecided,
  type View,
  withoutSessions,
  withstood,
} from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Stream } from '../../wire/stream.ts'
import type { Survey } from '../../wire/survey.ts'
import type { Actor } from '../../wire/wire.ts'

interface Recording {
  readonly survey: Survey
  /** By DELETE, by the logout of the configuration, or by either. */
  readonly ends: readonly End[]
}

/** Alice's session, used, ended, and asked for again. */
interface End {
  /** What was asked to end the session. */
  readonly how: 'DELETE' | 'The logout'
  readonly opening?: Exchange
  readonly legitimate?: Exchange
  /** DELETE; of HTTP+SSE, where the end of the stream ends the session, absent. */
  readonly ended?: Exchange
  readonly after?: Exchange
  /** An event stream that was open when the session ended: what came on it afterwards. */
  readonly stream?: { readonly late: Exchange | undefined }
  /** The same under an ID that names nothing. Where that is served, a served ID shows no session. */
  readonly control?: Exchange
}

/** A server learns of a closed connection a moment later. */
const NOTICE_MS = 250
const LATE_EVENT_MS = 1_500

export const scenario = defineScenario<Recording>({
  perEndpoint: true,
  alone: ({ logout }) => logout !== undefined,

  async play(stage) {
    const { survey, config } = stage
    const { login, logout } = config
    if (logout === undefined) return { survey, ends: survey.sessions ? [await endAndReturn(stage)] : [] }
    // A logout that ends a login is tried on a login of its own: Alice goes on under hers.
    if (login === undefined) return { survey, ends: survey.sessions ? [await endAndReturn(stage, logout)] : [] }
    const byLogout = await logOut(login, logout, stage)
    if (!survey.sessions) return { survey, ends: [byLogout] }
    // What the login hands out is nothing that sessions of MCP ask for: the logout is told which of them to end.
    if (byLogout.control !== undefined && isGranted(byLogout.control))
      return { survey, ends: [await endAndReturn(stage, logout)] }
    return { survey, ends: [byLogout, await endAndReturn(stage)] }
  },

  judge({ survey, ends }) {
    const hasLogout = ends.some(({ how }) => how === 'The logout')
    const unfit = hasLogout ? undefined : withoutSessions(survey)
    if (unfit !== undefined) return unfit
    const views = ends.map((end) => judgeOne(end, survey))
    // DELETE is optional where there is a logout that ends what it should.
    const isEnough = ends.some(({ how }, at) => how === 'The logout' && (views[at]?.tried.length ?? 0) > 0)
    return judgedViews(isEnough ? views.map((view) => ({ ...view, open: [] })) : views)
  },
})

function judgeOne(end: End, { transport }: Survey): View {
  const { legitimate, after, how } = end
  if (legitimate === undefined || !isGranted(legitimate) || after === undefined)
    return undecided("Alice's own session could not be used, so its end shows nothing.")
  return transport === 'sse' && how === 'DELETE' ? judgeStream(end) : judgeEnd(end)
}

/** Alice logs in, logs out, and presents what the login had given her once more; with a handle that names nothing beside it. */
async function logOut(login: LoginFlow, logout: LoginStep, stage: Stage): Promise<End> {
  const how = 'The logout'
  const { alice } = stage.actors
  const { handles, answer: opening } = await logIn({ name: alice.name, headers: [] }, login, stage)
  if (!hasHandles(handles)) return { how, opening }
  const nowhere = {
    cookies: handles.cookies.map((cookie) => `${cookie.slice(0, cookie.indexOf('='))}=${stage.inventedId()}`),
    fields: handles.fields.map(([name]): HeaderField => [name, stage.inventedId()]),
  }
  const look = await lookUnder(handles, stage)
  const legitimate = await look(handles)
  const control = await look(nowhere)
  const ended = await sendStep(alice, logout, handles, stage)
  return { how, opening, legitimate, ended, after: await look(handles), control }
}

/** How Alice is served with the one or the other handle: within a session that she opened with the first, else as a page. */
async function lookUnder(first: Handles, stage: Stage): Promise<(handles: Handles) => Promise<Exchange>> {
  const { eras, method } = stage.survey
  const own = stage.config.principals.alice?.headers ?? []
  const presenting = (handles: Handles): Actor => {
    const given = new Set(own.map(([name]) => name))
    return { name: 'alice', headers: [...own, ...headersFor(handles).filter(([name]) => !given.has(name))] }
  }
  if (!eras.includes('legacy'))
    return (handles) =>
      eras.includes('modern')
        ? stage.ask(presenting(handles), method)
        : stage.send(presenting(handles), { method: 'GET' })
  const { exchange, session } = await stage.open(presenting(first))
  return (handles) => (session ? stage.request(presenting(handles), session, method) : Promise.resolve(exchange))
}

/** By its own route where one is configured. */
function askToEnd(session: Session, stage: Stage, logout: LoginStep | undefined): Promise<Exchange> {
  const { alice } = stage.actors
  if (logout === undefined) return stage.end(alice, session)
  const { method, path, body } = logout
  const named: readonly HeaderField[] = session.id === undefined ? [] : [['mcp-session-id', session.id]]
  const headers = [...named, ...logout.headers]
  return stage.send(alice, { method, path, headers, ...(body !== undefined && { body }) })
}

async function endAndReturn(stage: Stage, logout?: LoginStep): Promise<End> {
  const how = logout === undefined ? 'DELETE' : 'The logout'
  const { alice } = stage.actors
  const { exchange: opening, session } = await stage.open(alice)
  if (session === undefined) return { how, opening }
  const legitimate = await stage.request(alice, session, stage.survey.method)
  if (session.transport === 'sse') {
    session.stream?.close()
    await stage.sleep(NOTICE_MS)
    return { how, opening, legitimate, after: await stage.notify(alice, session, 'notifications/initialized') }
  }
  const open = await stage.stream(alice, session)
  const ended = await askToEnd(session, stage, logout)
  const before = open.events.length
  const after = await lastLook(session, stage)
  const control = await stage.request(alice, stage.unknownLike(session), stage.survey.method)
  const stream = isEventStream(open.exchange()) ? await aftermathOf(open, before) : undefined
  return { how, opening, legitimate, ended, after, control, ...(stream && { stream }) }
}

/** A server may need a moment to end a session. */
async function lastLook(session: Session, stage: Stage): Promise<Exchange> {
  const look = () => stage.request(stage.actors.alice, session, stage.survey.method)
  const first = await look()
  if (!isServed(first)) return first
  await stage.sleep(NOTICE_MS)
  return look()
}

/** What the server goes on to say on the stream, where it does not close it. That it is still there says nothing of anything. */
async function aftermathOf(stream: Stream, before: number): Promise<End['stream']> {
  const closed = await stream.ends(LATE_EVENT_MS)
  const late = stream.events.slice(before).some(({ data }) => parsed(data).some(isNews)) ? stream.exchange() : undefined
  stream.close()
  return { late: closed ? undefined : late }
}

function isNews({ method, result }: RpcMessage): boolean {
  return (method !== undefined && method !== 'ping') || result !== undefined
}

function judgeEnd({ how, opening, legitimate, ended, after, control, stream }: End): View {
  if (!opening || !legitimate || !ended || !after) return undecided('The session could not be ended.')
  const isAgreed = isSuccess(ended) || (how === 'The logout' && isRedirect(ended))
  if (isAgreed && (isRefused(after) || isOver(after, legitimate, control)))
    return judgeLateEvents({ how, opening, ended, after, ...(stream && { stream }) })
  if (control === undefined || (isGranted(control) && !isOwnPage(after, legitimate, control)))
    return undecided('Any ID is served, so that of an ended session shows nothing.')
  if (!isGranted(after) || !isAgreed)
    return undecided(
      `${how} was answered with ${statusOf(ended) ?? 'nothing'}, so whether sessions can be ended otherwise is not known.`,
    )
  return found({
    key: how === 'DELETE' ? how : 'logout',
    what: `${how} is answered as if the session had ended, and what names it is served as before.`,
    trace: [
      { note: 'Alice opens a session', exchange: opening },
      { note: 'she uses it', exchange: legitimate },
      { note: 'she ends it, and the server agrees', exchange: ended },
      { note: 'what names the ended session is still served', exchange: after },
    ],
    confidence: 'high',
  })
}

function isRedirect(exchange: Exchange): boolean {
  const status = statusOf(exchange) ?? 0
  return status >= 300 && status < 400
}

/** A page that sends strangers elsewhere, or shows them something else, does so again. */
function isOver(after: Exchange, legitimate: Exchange, control: Exchange | undefined): boolean {
  return control !== undefined && isSamePage(after, control) && !isSamePage(legitimate, control)
}

/** A page that everybody is shown, but Alice her own. */
function isOwnPage(after: Exchange, legitimate: Exchange, control: Exchange): boolean {
  return isSamePage(after, legitimate) && !isSamePage(legitimate, control)
}

function isSamePage(one: Exchange, other: Exchange): boolean {
  if (one.request.body !== undefined || statusOf(one) === undefined) return false
  return statusOf(one) === statusOf(other) && one.response?.body === other.response?.body
}

/** The ID is refused; a stream that was open may still deliver. */
function judgeLateEvents({ how, opening, ended, after, stream }: Omit<End, 'legitimate' | 'control'>): View {
  // A stream that stays open and silent tells nobody anything.
  if (!stream?.late || !opening || !ended || !after) return withstood(how === 'DELETE' ? how : 'a logout')
  return found({
    key: 'late events',
    what: `${how} ends the session, and an event stream that was open goes on delivering.`,
    trace: [
      { note: 'Alice opens a session', exchange: opening },
      { note: 'she ends it, and the server agrees', exchange: ended },
      { note: 'its ID is refused', exchange: after },
      { note: 'a stream from before still delivers', exchange: stream.late },
    ],
    confidence: 'high',
  })
}

function judgeStream({ opening, legitimate, after }: End): View {
  if (!opening || !legitimate || !after) return undecided('The session could not be ended.')
  if (isRefused(after)) return withstood('the end of the stream')
  if (!isSuccess(after))
    return undecided(`After the end of the stream its ID was answered with ${statusOf(after) ?? 'nothing'}.`)
  return found({
    key: 'stream',
    what: 'The stream that carries the session has ended, and messages under its ID are still accepted.',
    trace: [
      { note: 'Alice opens a session', exchange: opening },
      { note: 'she uses it, then closes the stream', exchange: legitimate },
      { note: 'the ID is still accepted', exchange: after },
    ],
    confidence: 'medium',
  })
}

/** A handle from before authentication, presented after it from another connection: does it name what Alice became? */
import type { Exchange, HeaderField, LiveFindingDraft } from '../../finding/finding.ts'
import {
  type Handles,
  handlesIn,
  hasHandles,
  headersFor,
  keepHandles,
  mergedHandles,
  noHandles,
  sendStep,
} from '../../wire/login.ts'
import type { LoginFlow } from '../../wire/config.ts'
import { isGranted, isRefused, isServed, responseHeader, resultIn, statusOf } from '../../wire/reading.ts'
import { defineScenario, judgedLive, leftOpen, liveNotApplicable, type LiveVerdict } from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Survey } from '../../wire/survey.ts'
import type { Actor } from '../../wire/wire.ts'

/** One thing that is different for who is logged in: asked before the login, after it, and by Mallory with the old handle. */
interface Witness {
  readonly before: Exchange
  readonly fresh: Exchange
  readonly stolen: Exchange
  /** The same with a handle that names nothing: what everybody sees after the login shows nothing of Alice. */
  readonly control?: Exchange
}

const PAGE: HeaderField = ['accept', 'application/json, text/html;q=0.9']
/** The target may answer GET with a stream that says nothing. */
const PAGE_MS = 1_500

interface Recording {
  readonly survey: Survey
  readonly login: boolean
  /** Where the old handle comes from: the server's first answer, or Mallory's invention. */
  readonly origin: 'minted' | 'planted' | undefined
  readonly opening: Exchange | undefined
  /** The login, or Alice's first request with her credential. */
  readonly raised: Exchange | undefined
  readonly witnesses: readonly Witness[]
}

export const scenario = defineScenario<Recording>({
  alone: ({ login, loginTool }) => login !== undefined || loginTool !== undefined,

  async play(stage) {
    const { survey, config } = stage
    const login = config.login !== undefined || config.loginTool !== undefined
    return { survey, login, ...(await (login ? playLogins(stage) : playBearer(stage))) }
  },

  judge(recording) {
    const { survey, login, opening, witnesses } = recording
    if (!login && survey.eras.length === 0) return leftOpen(survey.refusal ?? 'No MCP server answered.')
    if (!login && survey.anonymous) return liveNotApplicable('Nobody logs in: there is no before and after.')
    if (login && witnesses.length === 0) return leftOpen('The login hands out no handle that could be told.')
    if (witnesses.length === 0 && opening !== undefined)
      return isRefused(opening)
        ? judgedLive([], [], ['no session before authentication'])
        : leftOpen('Whether there is a session before authentication could not be told.')
    return judgeWitnesses(recording)
  },
})

type Played = Omit<Recording, 'survey' | 'login'>

const NONE: Played = { origin: undefined, opening: undefined, raised: undefined, witnesses: [] }

function playLogins(stage: Stage): Promise<Played> {
  return stage.config.loginTool === undefined ? playLogin(stage) : playTool(stage)
}

/** Mallory opens a session under the credential that they share, and Alice logs in within it. */
async function playTool(stage: Stage): Promise<Played> {
  const { alice } = stage.actors
  const { loginTool } = stage.config
  const mallory: Actor = { ...alice, name: 'mallory' }
  const { exchange: opening, session } = await stage.open(mallory)
  if (loginTool === undefined || session?.id === undefined) return { ...NONE, opening }
  const before = await stage.call(mallory, session, loginTool.shows)
  const raised = await stage.call(alice, session, loginTool)
  const now = { ...session, id: responseHeader(raised, 'mcp-session-id') ?? session.id }
  const fresh = await stage.call(alice, now, loginTool.shows)
  const stolen = await stage.call(mallory, session, loginTool.shows)
  return { origin: 'minted', opening, raised, witnesses: [{ before, fresh, stolen }] }
}

async function playLogin(stage: Stage): Promise<Played> {
  const { login } = stage.config
  const { nobody, alice } = stage.actors
  if (login === undefined) return NONE
  const { opening, minted } = await mintedBefore(login, stage)
  const made = await plantedBeside(minted, login, stage)
  const old = mergedHandles(made, minted)
  keepHandles(old, stage)
  const before = await witness(nobody, old, stage)
  const raised = await sendStep(alice, login.auth, old, stage)
  const now = mergedHandles(old, handlesIn(raised))
  keepHandles(now, stage)
  const fresh = await witness(alice, now, stage)
  const stolen = await witness(nobody, old, stage)
  const control = await witness(nobody, inventedLike(old, stage), stage)
  const witnesses = hasHandles(old)
    ? before.flatMap((one, at) => witnessed(one, fresh[at], stolen[at], control[at]))
    : []
  return { origin: hasHandles(minted) ? 'minted' : 'planted', opening, raised, witnesses }
}

/**
 * What the server hands out before anybody has logged in: where the configuration says so, else the cookies of the places
 * where a stranger would begin.
 */
async function mintedBefore(
  { init, auth }: LoginFlow,
  stage: Stage,
): Promise<{ readonly opening?: Exchange; readonly minted: Handles }> {
  const { nobody } = stage.actors
  if (init !== undefined) {
    const opening = await sendStep(nobody, init, noHandles, stage)
    return { opening, minted: handlesIn(opening) }
  }
  for (const path of new Set([auth.path, '/', stage.target.pathname])) {
    const opening = await stage.send(nobody, { method: 'GET', path, headers: [PAGE] }, { timeoutMs: PAGE_MS })
    const minted = { cookies: handlesIn(opening).cookies, fields: [] }
    if (hasHandles(minted)) return { opening, minted }
  }
  return { minted: noHandles }
}

/** What the login hands out under names that nothing was minted for, with values of Mallory's instead. */
async function plantedBeside(minted: Handles, { auth }: LoginFlow, stage: Stage): Promise<Handles> {
  if (minted.fields.length > 0) return noHandles
  const handed = handlesIn(await sendStep(stage.actors.alice, auth, noHandles, stage))
  const invented = inventedLike(handed, stage)
  return hasHandles(minted) ? { cookies: invented.cookies, fields: [] } : invented
}

function inventedLike({ cookies, fields }: Handles, stage: Stage): Handles {
  return {
    cookies: cookies.map((cookie) => `${cookie.slice(0, cookie.indexOf('='))}=${stage.inventedId()}`),
    fields: fields.map(([name]) => [name, stage.inventedId()]),
  }
}

/** What the handles open: the target as a page, and as MCP. */
async function witness(actor: Actor, handles: Handles, stage: Stage): Promise<readonly Exchange[]> {
  const bare: Actor = { name: actor.name, headers: unique(headersFor(handles)) }
  const page = await stage.send(bare, { method: 'GET', headers: [PAGE] }, { timeoutMs: PAGE_MS })
  const opening = await stage.open({ ...bare, headers: bare.headers.filter(([name]) => name !== 'mcp-session-id') })
  const mcp = opening.session ? await stage.request(bare, opening.session, stage.survey.method) : opening.exchange
  if (opening.session) await stage.close(opening.session)
  return [page, mcp]
}

function unique(headers: Actor['headers']): Actor['headers'] {
  return headers.filter(([name], at) => headers.findIndex(([own]) => own === name) === at)
}

function witnessed(
  before: Exchange,
  fresh: Exchange | undefined,
  stolen: Exchange | undefined,
  control?: Exchange,
): readonly Witness[] {
  return fresh && stolen ? [{ before, fresh, stolen, ...(control && { control }) }] : []
}

/** Without a login: a session, or a cookie, from before the first credential, then used with one. */
async function playBearer(stage: Stage): Promise<Played> {
  const { survey, actors } = stage
  const { alice, nobody } = actors
  if (survey.eras.length === 0 || survey.anonymous) return NONE
  if (!survey.eras.includes('legacy')) return { ...NONE, opening: (await stage.knock(nobody))[0] }
  const { exchange: opening, session } = await stage.open(nobody)
  if (session?.id !== undefined) {
    const before = await stage.request(nobody, session, stage.survey.method)
    const fresh = await stage.request(alice, session, stage.survey.method)
    const stolen = await stage.request(nobody, session, stage.survey.method)
    return { origin: 'minted', opening, raised: fresh, witnesses: [{ before, fresh, stolen }] }
  }
  const handles: Handles = { cookies: handlesIn(opening).cookies, fields: [] }
  if (!hasHandles(handles)) return { ...NONE, opening }
  const headers = headersFor(handles)
  const [before] = await stage.knock(nobody, { headers })
  const [fresh] = await stage.knock(alice, { headers })
  const [stolen] = await stage.knock(nobody, { headers })
  return { origin: 'minted', opening, raised: fresh, witnesses: before ? witnessed(before, fresh, stolen) : [] }
}

function judgeWitnesses({ origin, opening, raised, witnesses }: Recording): LiveVerdict {
  const telling = witnesses.filter(
    ({ before, fresh, control }) =>
      isGranted(fresh) && !isSame(before, fresh) && !(control !== undefined && isSame(control, fresh)),
  )
  const proof = telling.find(({ stolen, fresh }) => isSame(stolen, fresh))
  if (proof !== undefined) return judgedLive([findingOf(proof, { origin, opening, raised })], [], [])
  if (telling.some(({ stolen, before }) => isSame(stolen, before) || isRefused(stolen)))
    return judgedLive([], [], ['the handle from before authentication, after it'])
  // A session that Alice is not served in has not become hers.
  if (
    witnesses.length > 0 &&
    witnesses.every(({ fresh, stolen }) => isRefused(fresh) && isRefused(stolen)) &&
    !isLogin(raised)
  )
    return judgedLive([], [], ['a session from before authentication is not raised'])
  return leftOpen('Nothing was found at this address that is different before and after the login.')
}

/** A login is a request of its own; Alice's first request with her credential is what was asked for. */
function isLogin(raised: Exchange | undefined): boolean {
  return raised !== undefined && !/"method"\s*:\s*"tools\/list"/.test(raised.request.body ?? '')
}

/** The same answer, as far as who asks makes a difference. */
function isSame(one: Exchange, other: Exchange): boolean {
  if (statusOf(one) !== statusOf(other) || statusOf(one) === undefined) return false
  if (/"method"\s*:\s*"tools\/call"/.test(one.request.body ?? ''))
    return JSON.stringify(resultIn(one)) === JSON.stringify(resultIn(other))
  if (one.request.body !== undefined) return isServed(one) === isServed(other)
  return one.response?.body === other.response?.body
}

function findingOf(
  { before, fresh, stolen }: Witness,
  { origin, opening, raised }: Pick<Recording, 'origin' | 'opening' | 'raised'>,
): LiveFindingDraft {
  const whose = origin === 'planted' ? 'that Mallory made up' : 'from before the login'
  return {
    key: origin ?? 'login',
    what: `The handle ${whose} is still the session after it: whoever had it before Alice logged in is Alice now.`,
    trace: [
      ...(opening
        ? [{ note: 'Mallory is given a handle, and gets it into the client of Alice', exchange: opening }]
        : []),
      { note: `with the handle ${whose} he is nobody yet`, exchange: before },
      ...(raised && raised !== fresh ? [{ note: 'Alice logs in with it', exchange: raised }] : []),
      { note: 'Alice is served', exchange: fresh },
      {
        note: `Mallory, from another connection, presents the handle ${whose} and is served as she is`,
        exchange: stolen,
      },
    ],
    confidence: 'high',
  }
}

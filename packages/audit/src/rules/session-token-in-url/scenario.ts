/** Session IDs and credentials, presented in the query instead of their headers. */
import type { Exchange, LiveFindingDraft } from '../../finding/finding.ts'
import { isGranted, isRefused, statusOf } from '../../wire/reading.ts'
import { defineScenario, judgedLive, leftOpen, type LiveVerdict } from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Survey } from '../../wire/survey.ts'
import type { Actor } from '../../wire/wire.ts'

/** A secret in the query, beside the same request without it. */
interface Trial {
  readonly secret: 'session ID' | 'credential'
  readonly parameter: string
  readonly without: Exchange
  readonly inQuery: Exchange
}

interface Recording {
  readonly survey: Survey
  readonly legitimate: Exchange | undefined
  readonly trials: readonly Trial[]
  /** Of HTTP+SSE: whether the address of messages names the session. */
  readonly inAddress: boolean
  /** A message to the same address with another ID. */
  readonly unknown: Exchange | undefined
}

const ID_PARAMETERS = ['sessionId', 'session_id', 'session', 'sid', 'mcp-session-id', 'Mcp-Session-Id']
const CREDENTIAL_PARAMETERS = ['access_token', 'token', 'api_key', 'apiKey', 'key', 'auth', 'authorization']

export const scenario = defineScenario<Recording>({
  perEndpoint: true,
  async play(stage) {
    const { survey } = stage
    const none = { survey, legitimate: undefined, trials: [], inAddress: false, unknown: undefined }
    if (survey.eras.length === 0 && !survey.page) return none
    const credentials = await tryCredentials(stage)
    if (!survey.sessions)
      return { ...none, legitimate: (await stage.knock(stage.actors.alice))[0], trials: credentials }
    const { session } = await stage.open(stage.actors.alice)
    if (session === undefined) return { ...none, trials: credentials }
    const legitimate = await stage.request(stage.actors.alice, session, stage.survey.method)
    const inAddress = session.transport === 'sse' && session.id !== undefined
    const unknown = inAddress
      ? await stage.request(stage.actors.alice, stage.unknownLike(session), stage.survey.method)
      : undefined
    const ids = session.transport === 'sse' ? [] : await tryIds(session.id ?? '', stage)
    return { ...none, legitimate, trials: [...ids, ...credentials], inAddress, unknown }
  },

  judge({ survey, legitimate, trials, inAddress, unknown }): LiveVerdict {
    if (survey.eras.length === 0 && !survey.page) return leftOpen(survey.refusal ?? 'No MCP server answered.')
    if (legitimate === undefined || !isGranted(legitimate))
      return leftOpen("Alice's own requests are not served, so what is in an address shows nothing.")
    const taken = trials.filter(({ without, inQuery }) => isGranted(inQuery) && isRefused(without))
    const unclear = trials.filter((trial) => !isGranted(trial.inQuery) && !isIgnored(trial))
    const named = inAddress && unknown !== undefined && isRefused(unknown)
    return judgedLive(
      [...distinct(taken).map(findingOf), ...(named ? [addressFinding(legitimate)] : [])],
      [
        ...(inAddress && !named ? ['Whether the ID in the address of messages decides could not be told.'] : []),
        ...unclear.map(({ secret, parameter }) => `Whether a ${secret} is taken from ${parameter} could not be told.`),
      ],
      [
        ...trials.filter(isIgnored).map(({ secret }) => secret),
        ...(trials.length === 0 ? ['no secret is asked for'] : []),
      ],
    )
  },
})

/** Refused, or met with the same fault as without the secret. */
function isIgnored({ without, inQuery }: Trial): boolean {
  if (isRefused(inQuery)) return true
  return !isGranted(inQuery) && statusOf(inQuery) !== undefined && statusOf(inQuery) === statusOf(without)
}

/** The ID of a session of Alice's in the query alone. */
async function tryIds(id: string, stage: Stage): Promise<readonly Trial[]> {
  const { alice } = stage.actors
  const { session } = await stage.open(alice)
  if (session === undefined || id === '') return []
  const bare = { ...session, id: undefined }
  const without = await stage.request(alice, bare, stage.survey.method)
  if (isGranted(without)) return []
  return stage.together(
    ID_PARAMETERS.map((parameter) => async (): Promise<Trial> => {
      const path = withQuery(session.path, parameter, session.id ?? '')
      const inQuery = await stage.request(alice, { ...bare, path }, stage.survey.method)
      return { secret: 'session ID', parameter, without, inQuery }
    }),
  )
}

/** Alice's credential in the query alone, where the server asks for one. */
async function tryCredentials(stage: Stage): Promise<readonly Trial[]> {
  const { alice, nobody } = stage.actors
  const own = alice.headers.find(([name]) => name === 'authorization' || /key|token/.test(name))?.[1]
  if (own === undefined || stage.survey.anonymous) return []
  const credential = own.replace(/^\w+\s+/, '')
  const { pathname, search } = stage.target
  const without = await admission(nobody, `${pathname}${search}`, stage)
  const trials = await stage.together(
    CREDENTIAL_PARAMETERS.map((parameter) => async (): Promise<readonly Trial[]> => {
      const inQuery = await admission(nobody, withQuery(`${pathname}${search}`, parameter, credential), stage)
      return inQuery && without ? [{ secret: 'credential', parameter, without, inQuery }] : []
    }),
  )
  return trials.flat()
}

/** Whether a server lets somebody in at an address. HTTP+SSE does so when it opens the stream; its messages go elsewhere. */
async function admission(actor: Actor, path: string, stage: Stage): Promise<Exchange | undefined> {
  if (stage.survey.transport !== 'sse') return (await stage.knock(actor, { path }))[0]
  const stream = await stage.wire.listen(actor, { method: 'GET', path, headers: [['accept', 'text/event-stream']] })
  stream.close()
  return stream.exchange()
}

function withQuery(path: string, parameter: string, value: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${parameter}=${encodeURIComponent(value)}`
}

function distinct(trials: readonly Trial[]): readonly Trial[] {
  return trials.filter(({ secret }, at) => trials.findIndex((one) => one.secret === secret) === at)
}

function findingOf({ secret, parameter, without, inQuery }: Trial): LiveFindingDraft {
  return {
    key: secret,
    what: `The server takes a ${secret} from the query parameter ${parameter}.`,
    trace: [
      { note: `without a ${secret} the request is refused`, exchange: without },
      { note: `with it in the address alone it is served`, exchange: inQuery },
    ],
    confidence: 'high',
  }
}

function addressFinding(exchange: Exchange): LiveFindingDraft {
  return {
    key: 'endpoint',
    what: 'Messages go to an address that names the session: its ID is in every log on the way.',
    trace: [{ note: "Alice's message, with her session ID in its address", exchange }],
    confidence: 'high',
    partial: true,
  }
}

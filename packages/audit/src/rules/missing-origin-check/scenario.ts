/**
 * Requests as a page of Mallory's would make Alice's browser send them: under a name of his that points to the server
 * (DNS rebinding), and across origins. Each with Alice's credential, so that nothing else refuses them.
 */
import type { Exchange, HeaderField, LiveFindingDraft } from '../../finding/finding.ts'
import { isEventStream, isRefused, isServed, isSuccess, responseHeader } from '../../wire/reading.ts'
import { defineScenario, judgedLive, leftOpen } from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Survey } from '../../wire/survey.ts'

interface Visit {
  readonly page: 'rebinding' | 'foreign'
  /** `POST`, `GET`, `DELETE`: what the page sends. */
  readonly verb: string
  readonly origin: string
  readonly exchange: Exchange
  /** Of a DELETE: whether the session is still there. */
  readonly after?: Exchange
}

interface Recording {
  readonly survey: Survey
  readonly legitimate: readonly Exchange[]
  readonly visits: readonly Visit[]
  /** What a browser is told when it asks whether a foreign page may. */
  readonly preflight: Exchange | undefined
  /** A request that a browser sends without asking: plain text. */
  readonly simple: readonly Exchange[]
  /** Alice's credential is one that a browser adds by itself. */
  readonly ambient: boolean
}

const NAME = 'rebound.example'
const PAGE = 'https://mallory.example'
/** What a browser sends for any page, without asking first. */
const SIMPLE: readonly HeaderField[] = [
  ['origin', PAGE],
  ['content-type', 'text/plain'],
]

export const scenario = defineScenario<Recording>({
  perEndpoint: true,
  async play(stage) {
    const { survey, actors } = stage
    const ambient = actors.alice.headers.every(([name]) => name === 'cookie')
    const none = { survey, legitimate: [], visits: [], preflight: undefined, simple: [], ambient }
    if (survey.eras.length === 0) return none
    const [legitimate = [], simple = [], [preflight] = []] = await stage.together([
      () => stage.knock(actors.alice),
      () => stage.knock(actors.alice, { headers: SIMPLE }),
      async () => [await askFirst(stage)],
    ])
    const pages = [
      { page: 'rebinding', origin: `http://${NAME}:${portText(stage)}` },
      { page: 'rebinding', origin: 'null' },
      { page: 'foreign', origin: PAGE },
    ] as const
    const visits = await stage.together(
      pages.flatMap((from) => [() => visitFrom(from, stage), () => visitWithin(from, stage)]),
    )
    return { ...none, legitimate, visits: visits.flat(), preflight, simple }
  },

  judge({ survey, legitimate, visits, preflight, simple, ambient }) {
    if (survey.eras.length === 0) return leftOpen(survey.refusal ?? 'No MCP server answered.')
    if (!legitimate.every(isServed)) return leftOpen("Alice's own requests are not served, so a page's show nothing.")
    // A page cannot add a header that it does not know.
    const partial = !survey.anonymous && !ambient
    const rebound = visits.filter((one) => one.page === 'rebinding' && outcomeOf(one) === 'served')
    const foreign = visits.filter((one) => one.page === 'foreign' && outcomeOf(one) === 'served')
    const mayAsk = preflight !== undefined && allows(preflight)
    const crossed = foreign.filter(({ verb }) => mayAsk || (verb === 'POST' && simple.some(isServed)))
    const unclear = visits.filter((one) => one.page === 'rebinding' && outcomeOf(one) === 'unclear')
    return judgedLive(
      [
        ...(rebound.length > 0 ? [reboundFinding(distinct(rebound), partial)] : []),
        ...(rebound.length === 0 && crossed.length > 0
          ? [crossedFinding(distinct(crossed), { preflight, partial, mayAsk })]
          : []),
      ],
      unclear.map(
        ({ verb, origin }) => `Whether ${verb} from a foreign page (Origin: ${origin}) is served could not be told.`,
      ),
      visits.filter((one) => outcomeOf(one) === 'refused').map(({ verb, origin }) => `${verb} with Origin: ${origin}`),
    )
  },
})

function portText({ target }: Stage): string {
  return target.port === '' ? (target.protocol === 'https:' ? '443' : '80') : target.port
}

type From = Pick<Visit, 'page' | 'origin'>

function headersOf({ page, origin }: From, stage: Stage): readonly HeaderField[] {
  return [['origin', origin], ...(page === 'rebinding' ? ([['host', `${NAME}:${portText(stage)}`]] as const) : [])]
}

async function visitFrom(from: From, stage: Stage): Promise<readonly Visit[]> {
  const answers = await stage.knock(stage.actors.alice, { headers: headersOf(from, stage) })
  return answers.map((exchange) => ({ ...from, verb: 'POST', exchange }))
}

/** In a session that Alice has opened. */
async function visitWithin(from: From, stage: Stage): Promise<readonly Visit[]> {
  const { survey, actors } = stage
  const { alice } = actors
  if (!survey.eras.includes('legacy') || !survey.sessions || survey.transport === 'sse') return []
  const { session } = await stage.open(alice)
  if (session === undefined) return []
  const headers = headersOf(from, stage)
  const within = await stage.request(alice, session, stage.survey.method, {}, { headers })
  const stream = await stage.stream(alice, session, { headers })
  stream.close()
  const ended = await stage.end(alice, session, { headers })
  const after = await stage.request(alice, session, stage.survey.method)
  await stage.close(session)
  return [
    { ...from, verb: 'POST', exchange: within },
    { ...from, verb: 'GET', exchange: stream.exchange() },
    { ...from, verb: 'DELETE', exchange: ended, after },
  ]
}

function askFirst(stage: Stage): Promise<Exchange> {
  return stage.send(stage.actors.nobody, {
    method: 'OPTIONS',
    headers: [
      ['origin', PAGE],
      ['access-control-request-method', 'POST'],
      ['access-control-request-headers', 'content-type,mcp-session-id,mcp-protocol-version'],
    ],
  })
}

function outcomeOf({ verb, exchange, after }: Visit): 'served' | 'refused' | 'unclear' {
  if (verb === 'DELETE') {
    if (isRefused(exchange)) return 'refused'
    return isSuccess(exchange) && after !== undefined && isRefused(after) ? 'served' : 'unclear'
  }
  if (verb === 'GET' ? isEventStream(exchange) : isServed(exchange)) return 'served'
  return isRefused(exchange) ? 'refused' : 'unclear'
}

/** Whether a browser would go on to send JSON for a foreign page. */
function allows(preflight: Exchange): boolean {
  const origin = responseHeader(preflight, 'access-control-allow-origin')
  const headers = responseHeader(preflight, 'access-control-allow-headers') ?? ''
  return isSuccess(preflight) && (origin === '*' || origin === PAGE) && /\*|content-type/i.test(headers)
}

function distinct(visits: readonly Visit[]): readonly Visit[] {
  return visits.filter(({ verb }, at) => visits.findIndex((one) => one.verb === verb) === at)
}

/** What all verbs show is one finding, since one check is missing. */
function reboundFinding(visits: readonly Visit[], partial: boolean): LiveFindingDraft {
  return {
    key: 'rebinding',
    what: `${served(visits)} though Host is ${NAME} and Origin is ${visits[0]?.origin}: neither is checked.`,
    trace: visits.flatMap(({ verb, exchange, after }) => [
      { note: `a page of Mallory's sends ${verb} from Alice's browser, and it is served`, exchange },
      ...(after ? [{ note: 'the session is gone', exchange: after }] : []),
    ]),
    primary: 0,
    confidence: 'high',
    partial,
  }
}

function served(visits: readonly Visit[]): string {
  const verbs = visits.map(({ verb }) => verb)
  const last = verbs.at(-1)
  return verbs.length > 1 ? `${verbs.slice(0, -1).join(', ')} and ${last} are served` : `${last} is served`
}

function crossedFinding(
  visits: readonly Visit[],
  { preflight, partial, mayAsk }: { preflight: Exchange | undefined; partial: boolean; mayAsk: boolean },
): LiveFindingDraft {
  const door = mayAsk ? 'CORS lets every page send it' : 'it needs no permission of CORS, since plain text is taken'
  const asked = mayAsk && preflight
  return {
    key: 'foreign',
    what: `${served(visits)} for a page of another origin: Origin is not checked, and ${door}.`,
    trace: [
      ...(asked ? [{ note: 'the browser asks, and is told that a foreign page may', exchange: preflight }] : []),
      ...visits.map(({ verb, exchange }) => ({
        note: `a page of Mallory's sends ${verb} from Alice's browser, and it is served`,
        exchange,
      })),
    ],
    primary: asked ? 1 : 0,
    confidence: 'high',
    partial,
  }
}

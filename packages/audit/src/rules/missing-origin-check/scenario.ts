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

export const scenario = defineScenario<Recording>({
  async play(stage) {
    const { survey, actors } = stage
    const ambient = actors.alice.headers.every(([name]) => name === 'cookie')
    const none = { survey, legitimate: [], visits: [], preflight: undefined, simple: [], ambient }
    if (survey.eras.length === 0) return none
    const legitimate = await stage.knock(actors.alice)
    const visits = [
      ...(await visit('rebinding', `http://${NAME}:${portText(stage)}`, stage)),
      ...(await visit('rebinding', 'null', stage)),
      ...(await visit('foreign', PAGE, stage)),
    ]
    const preflight = await askFirst(stage)
    const simple = await stage.knock(actors.alice, {
      headers: [
        ['origin', PAGE],
        ['content-type', 'text/plain'],
      ],
    })
    return { ...none, legitimate, visits, preflight, simple }
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
        ...distinct(rebound).map((one) => reboundFinding(one, partial)),
        ...(rebound.length === 0
          ? distinct(crossed).map((one) => crossedFinding(one, { preflight, partial, mayAsk }))
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

async function visit(page: Visit['page'], origin: string, stage: Stage): Promise<readonly Visit[]> {
  const { alice } = stage.actors
  const host: readonly HeaderField[] = page === 'rebinding' ? [['host', `${NAME}:${portText(stage)}`]] : []
  const headers: readonly HeaderField[] = [['origin', origin], ...host]
  const posts = (await stage.knock(alice, { headers })).map((exchange) => ({ page, origin, verb: 'POST', exchange }))
  if (!stage.survey.eras.includes('legacy') || !stage.survey.sessions || stage.survey.transport === 'sse') return posts
  const { session } = await stage.open(alice)
  if (session === undefined) return posts
  const within = await stage.request(alice, session, stage.survey.method, {}, { headers })
  const stream = await stage.stream(alice, session, { headers })
  stream.close()
  const ended = await stage.end(alice, session, { headers })
  const after = await stage.request(alice, session, stage.survey.method)
  await stage.close(session)
  return [
    ...posts,
    { page, origin, verb: 'POST', exchange: within },
    { page, origin, verb: 'GET', exchange: stream.exchange() },
    { page, origin, verb: 'DELETE', exchange: ended, after },
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

function reboundFinding({ verb, origin, exchange, after }: Visit, partial: boolean): LiveFindingDraft {
  return {
    key: `rebinding ${verb}`,
    what: `${verb} is served though Host is ${NAME} and Origin is ${origin}: neither is checked.`,
    trace: [
      { note: `a page of Mallory's sends ${verb} from Alice's browser, and it is served`, exchange },
      ...(after ? [{ note: 'the session is gone', exchange: after }] : []),
    ],
    primary: 0,
    confidence: 'high',
    partial,
  }
}

function crossedFinding(
  { verb, exchange }: Visit,
  { preflight, partial, mayAsk }: { preflight: Exchange | undefined; partial: boolean; mayAsk: boolean },
): LiveFindingDraft {
  const door = mayAsk ? 'CORS lets every page send it' : 'it needs no permission of CORS, since plain text is taken'
  return {
    key: `foreign ${verb}`,
    what: `${verb} from a page of another origin is served: Origin is not checked, and ${door}.`,
    trace: [
      ...(mayAsk && preflight
        ? [{ note: 'the browser asks, and is told that a foreign page may', exchange: preflight }]
        : []),
      { note: `a page of Mallory's sends ${verb} from Alice's browser, and it is served`, exchange },
    ],
    confidence: 'high',
    partial,
  }
}

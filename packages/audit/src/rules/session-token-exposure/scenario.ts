/** While Alice has a session, others look at the pages on which servers say how they are, and provoke errors: is her ID shown? */
import type { Exchange, LiveFindingDraft } from '../../finding/finding.ts'
import { holds, isServed, isSuccess, statusOf } from '../../wire/reading.ts'
import { defineScenario, judgedLive, leftOpen, type LiveVerdict, withoutSessions } from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Survey } from '../../wire/survey.ts'
import type { Actor } from '../../wire/wire.ts'

interface Look {
  readonly by: string
  /** A page, or how an error was provoked. */
  readonly at: string
  readonly exchange: Exchange
}

interface Recording {
  readonly survey: Pick<Survey, 'eras' | 'sessions' | 'refusal'>
  /** Alice's own. */
  readonly id: string | undefined
  readonly opening?: Exchange
  readonly used?: Exchange
  readonly looks: readonly Look[]
}

/** Where servers show their state. */
const PAGES = [
  '/',
  '/health',
  '/healthz',
  '/status',
  '/sessions',
  '/api/sessions',
  '/api/status',
  '/debug',
  '/debug/sessions',
  '/admin/sessions',
  '/metrics',
  '/stats',
  '/info',
  '/mcp/sessions',
  '/mcp/health',
  '/mcp/status',
  '/connections',
  '/clients',
]

export const scenario = defineScenario<Recording>({
  provokes: true,

  async play(stage) {
    const { survey, actors } = stage
    if (!survey.eras.includes('legacy') || !survey.sessions) return { survey, id: undefined, looks: [] }
    const { exchange: opening, session } = await stage.open(actors.alice)
    if (session?.id === undefined) return { survey, id: undefined, opening, looks: [] }
    const used = await stage.request(actors.alice, session, 'tools/list')
    const others = [actors.nobody, ...(actors.bob ? [actors.bob] : [])]
    const looks = await stage.together(others.flatMap((other) => looksOf(other, stage)))
    keepAlike(session.id, looks, stage)
    return { survey, id: session.id, opening, used, looks }
  },

  judge({ survey, id, opening, used, looks }): LiveVerdict {
    const without = withoutSessions(survey as Survey)
    if (without !== undefined) return without
    if (id === undefined || opening === undefined || used === undefined || !isServed(used))
      return leftOpen("Alice's own session could not be used.")
    const shown = looks.filter(({ exchange }) => shows(exchange, id))
    // One proof for each place: what nobody in particular sees, others see as well.
    const places = shown.filter(({ at }, index) => shown.findIndex((one) => one.at === at) === index)
    const silent = looks.filter(({ exchange }) => statusOf(exchange) === undefined)
    return judgedLive(
      places.map((one) => findingOf(one, opening, used)),
      silent.length > 0 ? [`${silent.length} of ${looks.length} looks at pages and errors were not answered.`] : [],
      [
        `${looks.length} looks at pages and errors, ${looks.filter(({ exchange }) => isSuccess(exchange)).length} of which answered`,
      ],
    )
  },
})

function looksOf(other: Actor, stage: Stage): readonly (() => Promise<Look>)[] {
  const own = stage.target.pathname
  const pages = [
    ...new Set(
      [...PAGES, `${own}/sessions`, `${own}/health`, `${own}/status`].map((page) => page.replace(/\/{2,}/g, '/')),
    ),
  ]
  const named = {
    transport: 'http' as const,
    id: stage.inventedId(),
    path: `${own}${stage.target.search}`,
    cookies: [],
  }
  const asked: readonly (readonly [at: string, ask: () => Promise<Exchange>])[] = [
    ...pages.map((page) => [page, () => read(other, page, stage)] as const),
    ['an unknown session', () => stage.request(other, named, 'tools/list')],
    ['no session', () => stage.request(other, { ...named, id: undefined }, 'tools/list')],
    ['a broken message', () => stage.send(other, { method: 'POST', headers: ACCEPT, body: '{' })],
  ]
  return asked.map(([at, ask]) => async () => ({ by: other.name, at, exchange: await ask() }))
}

/** A page that shows Alice's session ID shows those of others beside it, which no report may pass on: words as long as hers. */
function keepAlike(id: string, looks: readonly Look[], stage: Stage): void {
  for (const { exchange } of looks.filter((one) => shows(one.exchange, id))) {
    const { headers = [], body = '' } = exchange.response ?? {}
    const text = [body, ...headers.map(([, value]) => value)].join('\n')
    for (const [word] of [...text.matchAll(/[\w-]+/g), ...text.matchAll(/[\w.~+/=-]+/g)])
      if (word.length >= SHORTEST_ALIKE && Math.abs(word.length - id.length) <= 2) stage.keep('session', word)
  }
}

const SHORTEST_ALIKE = 8

const ACCEPT = [['accept', 'application/json, text/event-stream']] as const

/** An answer that does not end is a stream, and says nothing of how the server is. */
function read(other: Actor, page: string, stage: Stage): Promise<Exchange> {
  return stage.send(
    other,
    { method: 'GET', path: page, headers: [['accept', 'application/json, text/html, */*']] },
    { timeoutMs: 3_000 },
  )
}

function shows(exchange: Exchange, id: string): boolean {
  return holds(exchange, id) || (exchange.response?.headers ?? []).some(([, value]) => value.includes(id))
}

function findingOf({ by, at, exchange }: Look, opening: Exchange, used: Exchange): LiveFindingDraft {
  const place = at.startsWith('/') ? `The page ${at}` : `The error for ${at}`
  return {
    key: `shown ${at}`,
    what: `${place} shows Alice's session ID to ${by}.`,
    trace: [
      { note: 'Alice opens a session', exchange: opening },
      { note: 'and uses it', exchange: used },
      { note: `${by} looks, and is told her session ID`, exchange },
    ],
    confidence: 'high',
  }
}

/** Every cookie that a server sets when a session opens or somebody logs in. */
import type { Exchange, LiveFindingDraft } from '../../finding/finding.ts'
import { noHandles, handlesIn, mergedHandles, sendStep } from '../../wire/login.ts'
import { headerValues } from '../../wire/response.ts'
import { defineScenario, judgedLive, leftOpen, liveNotApplicable } from '../../wire/scenario.ts'
import type { Survey } from '../../wire/survey.ts'

interface Recording {
  readonly survey: Survey
  /** The target is reached without TLS. */
  readonly plain: boolean
  readonly exchanges: readonly Exchange[]
  /** Cookies long enough to be handles. Once it is a digest no value shows its length. */
  readonly handles: readonly string[]
}

/** Set for the scripts of the page itself, to be sent back beside a form. */
const MEANT_FOR_SCRIPTS = /csrf|xsrf/i
/** Set by what stands before a server, to find the same machine again or to tell people from programs: no session of anybody. */
const OF_A_PROXY =
  /^(?:__cf|_cfuvid$|cf_clearance$|AWSALB|GCLB$|ARRAffinity|BIGipServer|visid_incap_|incap_ses_|ak_bmsc$|bm_s)/i

export const scenario = defineScenario<Recording>({
  alone: ({ login }) => login !== undefined,

  async play(stage) {
    const { survey, actors, config, target } = stage
    const plain = target.protocol === 'http:'
    const exchanges: Exchange[] = []
    if (survey.eras.includes('legacy')) {
      const { exchange, session } = await stage.open(actors.alice)
      exchanges.push(exchange)
      if (session !== undefined) await stage.close(session)
    }
    if (survey.eras.includes('modern')) exchanges.push(await stage.ask(actors.alice, stage.survey.method))
    if (config.login !== undefined) {
      const { init, auth } = config.login
      const first = init && (await sendStep(actors.nobody, init, noHandles, stage))
      const handles = first ? handlesIn(first) : noHandles
      const second = await sendStep(actors.nobody, auth, mergedHandles(noHandles, handles), stage)
      exchanges.push(...(first ? [first] : []), second)
    }
    const handles = exchanges
      .flatMap((exchange) => handlesIn(exchange).cookies)
      .map((cookie) => cookie.replace(/=.*/s, ''))
    return { survey, plain, exchanges, handles }
  },

  judge({ survey, plain, exchanges, handles }) {
    if (exchanges.length === 0) return leftOpen(survey.refusal ?? 'No MCP server answered.')
    const cookies = distinct(exchanges.flatMap((exchange) => cookiesIn(exchange, handles)))
    if (cookies.length === 0) return liveNotApplicable('The server sets no session cookie.')
    const judged = cookies.map((cookie) => ({ cookie, missing: missingIn(cookie, plain) }))
    const open = cookies.filter((cookie) => plain && !has(cookie, 'secure') && missingIn(cookie, plain).length === 0)
    return judgedLive(
      judged.filter(({ missing }) => missing.length > 0).map(({ cookie, missing }) => findingOf(cookie, missing)),
      open.map(
        ({ name }) =>
          `The cookie ${name} is set without Secure. Over plain HTTP it cannot be seen whether it would be with it over TLS.`,
      ),
      judged.filter(({ missing }) => missing.length === 0).map(({ cookie }) => cookie.name),
    )
  },
})

interface Cookie {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  readonly exchange: Exchange
}

function cookiesIn(exchange: Exchange, handles: readonly string[]): readonly Cookie[] {
  return headerValues(exchange.response?.headers ?? [], 'set-cookie').flatMap((text) => {
    const [pair = '', ...rest] = text.split(';')
    const name = pair.trim().replace(/=.*/s, '')
    const attributes = new Map(rest.map(attributeOf))
    const isHandle = attributes.get('max-age') !== '0' && handles.includes(name)
    return !isHandle || MEANT_FOR_SCRIPTS.test(name) || OF_A_PROXY.test(name) ? [] : [{ name, attributes, exchange }]
  })
}

function attributeOf(text: string): readonly [string, string] {
  const [name = '', ...value] = text.trim().split('=')
  return [name.toLowerCase(), value.join('=').toLowerCase()]
}

function missingIn(cookie: Cookie, plain: boolean): readonly string[] {
  const sameSite = cookie.attributes.get('samesite')
  return [
    ...(has(cookie, 'httponly') ? [] : ['HttpOnly']),
    ...(has(cookie, 'secure') || plain ? [] : ['Secure']),
    ...(sameSite === 'lax' || sameSite === 'strict' ? [] : ['SameSite']),
  ]
}

function has({ attributes }: Cookie, name: string): boolean {
  return attributes.has(name)
}

function distinct(cookies: readonly Cookie[]): readonly Cookie[] {
  return cookies.filter(({ name }, at) => cookies.findIndex((one) => one.name === name) === at)
}

function findingOf({ name, exchange }: Cookie, missing: readonly string[]): LiveFindingDraft {
  const list = missing.length > 1 ? `${missing.slice(0, -1).join(', ')} and ${missing.at(-1)}` : missing.join('')
  return {
    key: name,
    what: `The cookie ${name} is set without ${list}.`,
    trace: [{ note: `the cookie ${name} is set without ${list}`, exchange }],
    confidence: 'high',
  }
}

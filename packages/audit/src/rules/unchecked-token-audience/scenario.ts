/** Tokens that are not for this server: of another audience, forged from Alice's own, and made up. */
import type { Exchange, HeaderField, LiveFindingDraft } from '../../finding/finding.ts'
import { isRefused, isGranted } from '../../wire/reading.ts'
import { defineScenario, judgedLive, leftOpen, liveNotApplicable } from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Survey } from '../../wire/survey.ts'
import type { Actor } from '../../wire/wire.ts'

interface Trial {
  /** What kind of token it is, as a reader is told. */
  readonly token: string
  readonly exchange: Exchange
}

interface Recording {
  readonly survey: Survey
  readonly legitimate: readonly Exchange[]
  readonly trials: readonly Trial[]
  /** Whether a credential for another audience is configured. */
  readonly configured: boolean
  /** Alice's credential is a cookie, which no other server is sent. */
  readonly byCookie: boolean
}

export const scenario = defineScenario<Recording>({
  perEndpoint: true,
  async play(stage) {
    const { survey, actors } = stage
    const configured = actors.wrongAudience !== undefined
    const byCookie = !configured && actors.alice.headers.every(([name]) => name === 'cookie')
    if (isSilent(survey) || survey.anonymous || byCookie)
      return { survey, legitimate: [], trials: [], configured, byCookie }
    const trials = await stage.together(strangers(stage).map((stranger) => () => present(stranger, stage)))
    return { survey, legitimate: await stage.knock(actors.alice), trials: trials.flat(), configured, byCookie }
  },

  judge({ survey, legitimate, trials, configured, byCookie }) {
    if (isSilent(survey)) return leftOpen(survey.refusal ?? 'No MCP server answered.')
    if (survey.anonymous) return liveNotApplicable('The server asks for no token.')
    if (byCookie) return liveNotApplicable('The credential is a cookie: there is no token that names an audience.')
    if (!legitimate.every(isGranted))
      return leftOpen("Alice's own token is not served, so a foreign one shows nothing.")
    const taken = trials.filter(({ exchange }) => isGranted(exchange))
    const unclear = trials.filter(({ exchange }) => !isGranted(exchange) && !isRefused(exchange))
    return judgedLive(
      taken.filter(({ token }, at) => taken.findIndex((one) => one.token === token) === at).map(findingOf),
      [
        ...(configured ? [] : ['No token for another audience (wrongAudience) is configured.']),
        ...unclear.map(({ token }) => `Whether ${token} is taken could not be told.`),
      ],
      trials.filter(({ exchange }) => isRefused(exchange)).map(({ token }) => token),
    )
  },
})

function isSilent({ eras, page }: Survey): boolean {
  return eras.length === 0 && !page
}

async function present({ token, actor }: Stranger, stage: Stage): Promise<readonly Trial[]> {
  return (await stage.knock(actor)).map((exchange) => ({ token, exchange }))
}

interface Stranger {
  readonly token: string
  readonly actor: Actor
}

function strangers(stage: Stage): readonly Stranger[] {
  const { alice, wrongAudience } = stage.actors
  const own = alice.headers.find(([name]) => name === 'authorization')?.[1]
  const token = own === undefined ? undefined : /^Bearer\s+(\S+)$/i.exec(own)?.[1]
  const withToken = (text: string): Actor => {
    stage.keep('forged-token', text)
    const headers: readonly HeaderField[] = alice.headers.map(([name, value]) =>
      name === 'authorization' ? [name, `Bearer ${text}`] : [name, value],
    )
    return { name: 'mallory', headers }
  }
  return [
    ...(wrongAudience ? [{ token: 'a token for another audience', actor: wrongAudience }] : []),
    ...(token === undefined
      ? []
      : [{ token: 'a token that nobody issued', actor: withToken(`invented-${stage.inventedId()}`) }]),
    ...forgeriesOf(token ?? '').map(([kind, text]) => ({ token: kind, actor: withToken(text) })),
  ]
}

/** Of a JWT: the same claims for another audience, with a signature that does not fit, and with none. */
function forgeriesOf(token: string): readonly (readonly [kind: string, token: string])[] {
  const [header = '', payload = '', signature = '', ...rest] = token.split('.')
  const claims = jsonIn(payload)
  const head = jsonIn(header)
  if (claims === undefined || head === undefined || signature === '' || rest.length > 0) return []
  const foreign = encoded({ ...claims, aud: 'https://elsewhere.example', iss: 'https://issuer.elsewhere.example' })
  return [
    ['a token with foreign claims under a signature that does not fit', `${header}.${foreign}.${signature}`],
    ['a token with foreign claims and no signature', `${encoded({ ...head, alg: 'none' })}.${foreign}.`],
  ]
}

function jsonIn(part: string): object | undefined {
  try {
    const value = JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as unknown
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function findingOf({ token, exchange }: Trial): LiveFindingDraft {
  return {
    key: token,
    what: `The server serves ${token}.`,
    trace: [{ note: `${token} is served`, exchange }],
    confidence: 'high',
  }
}

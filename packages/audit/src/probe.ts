/** The pipeline from target to report: dial, survey, play, judge, assess, score. */
import { randomBytes } from 'node:crypto'
import type { Assessment, Exchange, Finding, HeaderField, LiveFindingDraft, Report } from './finding/finding.ts'
import { type LiveClaim, liveFindingsOf } from './finding/live.ts'
import type { OnProgress } from './progress.ts'
import { rules as ownRules } from './rules/index.ts'
import { type Played, playAll, type Probing, stageFor } from './play.ts'
import type { RuleEntry, Verdict } from './rules/rule.ts'
import { assess, type Detection } from './score/assess.ts'
import { FORMULA_VERSION, score } from './score/score.ts'
import { Budget, BudgetSpent } from './wire/budget.ts'
import { Connection } from './wire/connection.ts'
import {
  emptyConfig,
  type LoginFlow,
  type LoginStep,
  type PrincipalName,
  principalNames,
  type ProbeConfig,
} from './wire/config.ts'
import { ProbeError } from './probe-error.ts'
import { draftConfig } from './wire/draft.ts'
import { hasHandles, logIn } from './wire/login.ts'
import { Patience } from './wire/patience.ts'
import { isRefused, isServed, statusOf } from './wire/reading.ts'
import { Redactor } from './wire/redact.ts'
import type { Actors, Stage } from './wire/stage.ts'
import { NO_OTHER, type Survey, survey, surveyBeside, type Surveyor } from './wire/survey.ts'
import { isPrivate, targetOf } from './wire/target.ts'
import type { View } from './wire/scenario.ts'
import { type Actor, Wire } from './wire/wire.ts'

export interface ProbeOptions {
  /** Who may be played and what may be called; `parseProbeConfig` reads it. Without it: nobody, and nothing but read-only tools. */
  readonly config?: ProbeConfig
  /** Certificates to trust, PEM. */
  readonly ca?: string
  /** Whoever runs the target agrees. Needed for any that is neither this machine nor in a private network. */
  readonly authorized?: boolean
  /** Ends the probe early: what was not decided is open, what was opened is closed. */
  readonly signal?: AbortSignal
  readonly onProgress?: OnProgress
  readonly tool?: Report['tool']
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: () => number
  readonly random?: (bytes: number) => Buffer
}

/**
 * Probes the MCP server at `url`, whose owner must agree to it. Sends to that origin only, follows no redirect to
 * another, calls nothing that is not read-only or named in the configuration, and closes what it opens.
 * Throws TargetError for what is no address, ProbeError where nothing answers or nobody has agreed.
 */
export async function probe(
  url: string,
  options: ProbeOptions = {},
  rules: readonly RuleEntry[] = ownRules,
): Promise<Report> {
  const { target, probing } = await dial(url, options)
  const surveyed = await surveyLoggedIn(target, probing)
  const played = await playAll(rules, probing, surveyed, () => logInAll(target, probing))
  const beside = await playBeside(rules, probing, target, surveyed)
  const findings = inOrderOf(rules, [...findingsOf(played, surveyed), ...findingsBeside(beside)])
  const verdicts = bothOf(played, beside)
  const evidence = { findings, gaps: [], scored: new Set(['runtime'] as const) }
  const assessments = assess(verdicts.map(detectionOf), evidence).map((one) => withTrials(one, verdicts))
  return {
    ...emptyReport,
    tool: options.tool ?? { name: 'sallyport', version: '0.1.0' },
    subject: {
      kind: 'target',
      url: probing.redactor.redacted(surveyed.url),
      eras: surveyed.eras,
      requests: probing.budget.spent,
    },
    ...(isGradable(assessments, surveyed) ? score(assessments, findings) : { score: null, grade: null }),
    assessments,
    findings,
  }
}

interface PlayedBeside {
  readonly surveyed: Survey
  readonly played: readonly Played[]
}

/** What may differ by endpoint, played once more where the other transport is served beside the target. */
async function playBeside(
  rules: readonly RuleEntry[],
  probing: Probing,
  target: URL,
  surveyed: Survey,
): Promise<PlayedBeside> {
  const wanted = rules.filter(({ scenario }) => scenario?.perEndpoint)
  const found = wanted.length === 0 ? undefined : await lookBeside(surveyed, probing)
  if (found === undefined) return { surveyed, played: [] }
  const own: Probing = { ...probing, config: withoutEffects(probing.config) }
  return { surveyed: found, played: await playAll(wanted, own, found, () => logInAll(target, own)) }
}

function lookBeside(surveyed: Survey, probing: Probing): Promise<Survey | undefined> {
  return onStage(probing, surveyed, async (stage) => {
    const found = await surveyBeside(surveyed, surveyorOf(probing))
    if (found === undefined) return undefined
    const isSame = found.tools.length > 0 && namesOf(found) === namesOf(surveyed)
    const elsewhere = isSame && !surveyed.anonymous ? await stage.knock(probing.actors.nobody) : []
    return { ...found, noOther: surveyed.noOther, elsewhere }
  })
}

/** What is tried before anything is played; undefined where the budget does not last for it. */
async function onStage<T>(
  probing: Probing,
  surveyed: Survey,
  run: (stage: Stage) => Promise<T>,
): Promise<T | undefined> {
  const stage = stageFor(probing, surveyed)
  try {
    return await run(stage)
  } catch (error) {
    if (!(error instanceof BudgetSpent)) throw error
    return undefined
  } finally {
    await stage.close()
  }
}

function namesOf({ tools }: Survey): string {
  return JSON.stringify(tools.map(({ name }) => name).toSorted())
}

/** What has an effect once has had it. */
function withoutEffects(config: ProbeConfig): ProbeConfig {
  const { race: _race, flow: _flow, ...others } = config
  return others
}

function at({ url }: Survey, said: string): string {
  return `At ${new URL(url).pathname}: ${said}`
}

const NOTHING: View = { findings: [], open: [], tried: [] }

/** One verdict for each rule, of both endpoints. */
function bothOf(played: readonly Played[], { surveyed, played: others }: PlayedBeside): readonly Played[] {
  return played.map(({ rule, verdict }) => {
    const other = others.find((one) => one.rule.id === rule.id)?.verdict
    if (other === undefined || other.kind === 'notApplicable') return { rule, verdict }
    const own = verdict.kind === 'judged' ? verdict : NOTHING
    return {
      rule,
      verdict: {
        kind: 'judged',
        findings: [...own.findings, ...other.findings],
        open: [...own.open, ...other.open.filter((one) => !own.open.includes(one)).map((one) => at(surveyed, one))],
        tried: [...own.tried, ...other.tried.map((one) => at(surveyed, one))],
      },
    }
  })
}

function findingsBeside({ surveyed, played }: PlayedBeside): readonly Finding[] {
  return findingsOf(played, surveyed).map((finding) => ({ ...finding, what: at(surveyed, finding.what) }))
}

function findingsOf(played: readonly Played[], { url }: Survey): readonly Finding[] {
  return liveFindingsOf(claimsOf(played), new URL(url).pathname)
}

function inOrderOf(rules: readonly RuleEntry[], findings: readonly Finding[]): readonly Finding[] {
  return rules.flatMap(({ rule }) => findings.filter((finding) => finding.rule === rule.id))
}

/**
 * Whether enough was decided for a grade: a weakness was proven that alone takes the best ones; or the server answered
 * Alice, something was decided, and of the rules that apply at least a third.
 */
function isGradable(assessments: readonly Assessment[], { eras, page }: Survey): boolean {
  const failed = assessments.filter(({ outcome }) => outcome === 'fail')
  if (failed.some(({ severity }) => severity === 'critical' || severity === 'high')) return true
  const count = (outcome: Assessment['outcome']) => assessments.filter((one) => one.outcome === outcome).length
  const decided = failed.length + count('pass')
  return (eras.length > 0 || page || failed.length > 0) && decided > 0 && 2 * decided >= count('open')
}

/** A first configuration for the server at `url`, from what it says of itself. Throws as `probe` does. */
export async function draftFor(url: string, options: ProbeOptions = {}): Promise<string> {
  const { target, probing } = await dial(url, options)
  return draftConfig(probing.redactor.redacted(await surveyLoggedIn(target, probing)))
}

const emptyReport = {
  formula: FORMULA_VERSION,
  profile: 'auditor',
  files: { analysed: 0, skipped: 0 },
  subjects: [],
  suppressed: [],
  leftOut: 0,
  declared: [],
  notices: [],
  lifecycles: [],
  gaps: [],
} as const

/** A target that answers, and whose owner agrees. */
async function dial(url: string, options: ProbeOptions): Promise<{ readonly target: URL; readonly probing: Probing }> {
  const target = targetOf(url)
  if (!isPrivate(target) && options.authorized !== true) throw notAuthorized(target)
  const probing = prepare(target, options)
  await mustAnswer(probing.wireTo(target))
  return { target, probing }
}

function prepare(target: URL, options: ProbeOptions): Probing {
  const { config = emptyConfig, ca, now = () => performance.now(), random = randomBytes } = options
  const signal = options.signal ?? new AbortController().signal
  const redactor = new Redactor(random(32))
  const budget = new Budget(config.budget, now)
  const patience = new Patience()
  keepCredentials(config, redactor)
  keepQuery(target.href, redactor)
  return {
    config,
    budget,
    redactor,
    signal,
    nextId: counting(),
    actors: actorsOf(config),
    now,
    random,
    onProgress: options.onProgress ?? (() => {}),
    wireTo: (url) => new Wire({ target: url, budget, redactor, patience, signal, ...(ca !== undefined && { ca }) }),
  }
}

function counting(): () => number {
  let last = 0
  return () => ++last
}

/** Every part of a credential that could be a secret by itself: the token of a bearer header, the value of a cookie. */
function keepCredentials({ principals, login, loginTool, logout }: ProbeConfig, redactor: Redactor): void {
  for (const [name, principal] of Object.entries(principals)) {
    for (const [header, value] of principal.headers.filter(mayBeSecret)) {
      const kind = `${name.toLowerCase()}-${header}`
      for (const part of value.split(/[\s;,]+/).map((one) => one.replace(/^[\w-]{1,40}=(?=.)/, '')))
        if (part.length >= 8) redactor.keep(kind, part)
      redactor.keep(kind, value)
    }
  }
  const logins = [login, ...Object.values(principals).map((principal) => principal.login)]
  for (const step of [...logins.flatMap((flow) => [flow?.init, flow?.auth]), logout])
    if (step !== undefined) keepStep(step, redactor)
  for (const text of textsIn(loginTool?.arguments)) keepText(text, redactor)
}

function keepStep({ path, headers, body = '' }: LoginStep, redactor: Redactor): void {
  for (const [, value] of headers.filter(mayBeSecret)) if (value.length >= 12) redactor.keep('login', value)
  for (const text of textsInBody(body)) keepText(text, redactor)
  keepQuery(path, redactor)
}

/** What these say everybody may know, and it stands in every other request as well. */
const NO_SECRET = /^(?:accept|accept-language|content-type|host|origin|referer|user-agent)$/

function mayBeSecret([name]: HeaderField): boolean {
  return !NO_SECRET.test(name)
}

/** Short ones are names of users and the like, unless they are called a secret. */
function keepText([name, text]: NamedText, redactor: Redactor): void {
  if (text.length >= 6 || NAMES_A_SECRET.test(name)) redactor.keep('login', text)
}

/** What an address holds under the name of a secret. */
function keepQuery(address: string, redactor: Redactor): void {
  for (const [name, text] of formFields(/\?([^#]*)/.exec(address)?.[1] ?? ''))
    if (NAMES_A_SECRET.test(name)) redactor.keep('address', text)
}

const NAMES_A_SECRET = /pass|pwd|secret|token|key|credential|auth|signature|^pin$|^otp$/i

type NamedText = readonly [name: string, text: string]

/** The values of a body: of JSON its texts, of a form its fields. */
function textsInBody(body: string): readonly NamedText[] {
  try {
    const value = JSON.parse(body) as unknown
    return typeof value === 'object' && value !== null ? textsIn(value) : [['', body]]
  } catch {
    return body.includes('=') ? formFields(body) : [['', body]]
  }
}

/** At whatever depth, each with the name of its field. */
function textsIn(value: unknown, name = ''): readonly NamedText[] {
  if (typeof value === 'string') return [[name, value]]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([own, item]) => textsIn(item, Array.isArray(value) ? name : own))
}

/** As they are meant, and as they are written. */
function formFields(text: string): readonly NamedText[] {
  const written = text.split('&').map((pair): NamedText => [pair.replace(/=.*/s, ''), pair.replace(/^[^=]*=?/s, '')])
  return [...new URLSearchParams(text), ...written]
}

function actorsOf({ principals }: ProbeConfig): Actors {
  const given = (name: PrincipalName) => {
    const principal = principals[name]
    return principal === undefined ? {} : { [name]: { name, headers: principal.headers } }
  }
  const nobody: Actor = { name: 'nobody', headers: [] }
  return {
    alice: { name: 'alice', headers: principals.alice?.headers ?? [] },
    nobody,
    ...given('bob'),
    ...given('carol'),
    ...given('expired'),
    ...given('wrongAudience'),
    ...given('shortLived'),
  }
}

async function mustAnswer(wire: Wire): Promise<void> {
  const connection = await wire.connect()
  if (!(connection instanceof Connection))
    throw new ProbeError('unreachable', `Nothing answers at ${wire.target.origin}: ${connection.failure}.`)
  connection.close()
}

/** Throws ProbeError where somebody but Alice cannot be logged in: what he is refused would show nothing. */
async function surveyLoggedIn(target: URL, probing: Probing): Promise<Survey> {
  const refusals = await logInAll(target, probing)
  const [other] = [...refusals].filter(([name]) => name !== 'alice')
  if (other !== undefined && !probing.signal.aborted) throw new ProbeError('login-failed', other[1])
  const surveyed = await surveyOrNothing(target, probing)
  const noOther = await withoutStrangers(surveyed, probing)
  return { ...surveyed, noOther, refusal: surveyed.refusal && (refusals.get('alice') ?? surveyed.refusal) }
}

/**
 * Bob and Carol must be let in themselves, or what becomes of them shows nothing, and be somebody else than Alice: who is
 * not is played as a client that shares her credential, and no longer as himself. Says why there is nobody else.
 */
async function withoutStrangers(surveyed: Survey, probing: Probing): Promise<string> {
  if (surveyed.eras.length === 0 || surveyed.anonymous) return NO_OTHER
  const { alice, bob, carol, ...others } = probing.actors
  const isSharing = (actor: Actor): boolean => JSON.stringify(actor.headers) === JSON.stringify(alice.headers)
  const why = await onStage(probing, surveyed, async (stage) => {
    const given = [bob, carol].filter((actor) => actor !== undefined)
    const reasons = new Map(
      await Promise.all(
        given.map(
          async (actor) => [actor, isSharing(actor) ? sharing(actor) : await whyNotPlayed(actor, stage)] as const,
        ),
      ),
    )
    const fit = given.filter((actor) => reasons.get(actor) === undefined)
    const twin = given.find(isSharing)
    const named = Object.fromEntries(fit.map((actor) => [actor.name, actor]))
    probing.actors = { alice, ...others, ...named, ...(twin && { sharing: twin }) }
    return [...reasons.values()].find((reason) => reason !== undefined)
  })
  return why ?? NO_OTHER
}

function sharing({ name }: Actor): string {
  return `What ${name} presents is what alice presents: nobody else is played.`
}

async function whyNotPlayed(actor: Actor, stage: Stage): Promise<string | undefined> {
  const answers = await stage.knock(actor)
  const status = answers.map(statusOf).find((one) => one === 401 || one === 403)
  if (status === undefined || answers.some(isServed)) return undefined
  return `The server refused ${actor.name}'s own credential (${status}), so what he is refused shows nothing.`
}

/**
 * Everybody who has a login goes through it; Alice through the configured one, where she has no credential of her own.
 * Says of whom it was refused: he stays what he was.
 */
async function logInAll(target: URL, probing: Probing): Promise<ReadonlyMap<PrincipalName, string>> {
  const refusals = new Map<PrincipalName, string>()
  await onStage(probing, nothingAt(target, undefined), async (stage) => {
    for (const [name, login] of loginsOf(probing.config)) {
      const bare: Actor = { name, headers: probing.config.principals[name]?.headers ?? [] }
      const { actor, handles, answer } = await logIn(bare, login, stage)
      if (hasHandles(handles) && !isRefused(answer)) probing.actors = { ...probing.actors, [name]: actor }
      else refusals.set(name, describeRefusal(name, answer))
    }
  })
  return refusals
}

function loginsOf({ login, principals }: ProbeConfig): readonly (readonly [PrincipalName, LoginFlow])[] {
  const own = principalNames.flatMap((name) => {
    const flow = principals[name]?.login
    return flow === undefined ? [] : [[name, flow] as const]
  })
  return login !== undefined && principals.alice === undefined ? [['alice', login], ...own] : own
}

function describeRefusal(name: PrincipalName, answer: Exchange): string {
  const { response, failure } = answer
  if (response === undefined) return `The login of ${name} was not answered: ${failure ?? 'no answer'}.`
  if (isRefused(answer)) return `The login of ${name} was refused with ${response.status}.`
  return `The login of ${name} was answered with ${response.status} and handed out nothing that names a session.`
}

/** A budget that does not last for the survey leaves everything open. */
async function surveyOrNothing(target: URL, probing: Probing): Promise<Survey> {
  probing.onProgress({ phase: 'surveying', done: 0, total: 0 })
  try {
    return await survey(target, surveyorOf(probing))
  } catch (error) {
    if (!(error instanceof BudgetSpent)) throw error
    return nothingAt(target, error.message)
  }
}

function surveyorOf({ actors, config, redactor, wireTo, nextId }: Probing): Surveyor {
  const { alice, nobody } = actors
  return { wireTo, nextId, redactor, alice, nobody, transport: config.transport, era: config.era }
}

function nothingAt(target: URL, refusal: string | undefined): Survey {
  return {
    url: target.href,
    eras: [],
    transport: 'http',
    method: 'tools/list',
    sessions: false,
    anonymous: false,
    tools: [],
    page: false,
    refusal,
    noOther: NO_OTHER,
  }
}

function claimsOf(played: readonly Played[]): readonly LiveClaim[] {
  return played.flatMap(({ rule, verdict }) =>
    verdict.kind === 'judged' ? verdict.findings.map((draft: LiveFindingDraft) => ({ rule, draft })) : [],
  )
}

function withTrials(assessment: Assessment, played: readonly Played[]): Assessment {
  const verdict = played.find(({ rule }) => rule.id === assessment.rule)?.verdict
  const tried = verdict?.kind === 'judged' ? [...new Set(verdict.tried)] : []
  return tried.length > 0 ? { ...assessment, tried } : assessment
}

function detectionOf({ rule, verdict }: Played): Detection {
  const said: Verdict =
    verdict.kind === 'notApplicable' ? verdict : { kind: 'judged', findings: [], open: verdict.open }
  return { rule, verdict: said }
}

function notAuthorized({ host }: URL): ProbeError {
  return new ProbeError(
    'not-authorized',
    `${host} is neither this machine nor in a private network. Probing attacks sessions there: up to the budget's requests, as every principal of the configuration. With the consent of whoever runs it, say so: --authorized`,
  )
}

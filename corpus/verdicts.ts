/** What readers judged: which server has which weakness, and where. Servers and files are known by digest, never by name. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The rules with labels, and the tool's rules whose findings answer to each label. */
export const ruleLabels: Readonly<Record<string, readonly string[]>> = {
  'session-fixation': ['session-fixation', 'client-supplied-session-id'],
  'plaintext-transport': ['plaintext-transport'],
  'missing-session-expiry': ['missing-session-expiry'],
  'predictable-session-id': ['predictable-session-id'],
  'shared-session-state': ['shared-session-state'],
  'missing-session-invalidation': ['missing-session-invalidation'],
  'unbound-session': ['unbound-session', 'session-as-authentication'],
  'missing-origin-check': ['missing-origin-check'],
  'session-token-in-url': ['session-token-in-url'],
  'timing-unsafe-comparison': ['timing-unsafe-comparison'],
  'weak-session-secret': ['weak-session-secret'],
}

/** The tool's rules that are scored here. */
export const scoredRules: readonly string[] = Object.values(ruleLabels).flat()

export type Judgement = 'vulnerable' | 'safe' | 'not-applicable'

/** Lines of a file, inclusive. `file` is the digest of its path, or the path itself where the labels are at hand. */
export interface Evidence {
  readonly file: string
  readonly start: number
  readonly end: number
}

export interface Label {
  readonly verdict: Judgement
  readonly confidence: string
  /** One of two limits is missing. */
  readonly partial?: boolean
  readonly evidence: readonly Evidence[]
  /** The reader's reason; only from the labels, never in the project. */
  readonly why?: string
}

export interface Server {
  readonly number: number
  /** sha-256 of `<repository>@<commit>`. */
  readonly digest: string
  /** The one folder that was judged, where it was not the whole tree: path or digest of it. */
  readonly within?: string
  readonly labels: Readonly<Record<string, Label>>
  readonly repo?: string
}

export interface FixPair {
  readonly number: number
  /** sha-256 of `<repository>@<vulnerable>..<fixed>`. */
  readonly digest: string
  /** Rules of which one should find the weakness. */
  readonly rules: readonly string[]
  /** A published advisory, the only name that may stand here. */
  readonly advisory?: string
  /** `introduction`: the later commit is the vulnerable one. */
  readonly direction: 'fix' | 'introduction'
  readonly expected: readonly Evidence[]
  readonly id?: string
  readonly why?: string
}

export interface Verdicts {
  readonly servers: readonly Server[]
  readonly fixes: readonly FixPair[]
}

/** Short digest of a path, as the verdict files hold it. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** Whether a path of a checkout is the one that evidence names. */
export function isFile(named: string, path: string): boolean {
  return named === path || named === digestOf(path)
}

/** Whether a path lies in the folder that was judged. */
export function isWithin(folder: string | undefined, path: string): boolean {
  if (folder === undefined) return true
  const parts = path.split('/')
  return parts.some((_, length) => isFile(folder, parts.slice(0, length).join('/')))
}

/** Verdicts of the project's own folder, or of a folder with the original labels, which adds names and reasons. */
export function loadVerdicts(ownFolder: string, labelsFolder?: string): Verdicts {
  const own: Verdicts = {
    servers: readJson<{ servers: Server[] }>(join(ownFolder, 'servers.json'))?.servers ?? [],
    fixes: readJson<{ fixes: FixPair[] }>(join(ownFolder, 'fixes.json'))?.fixes ?? [],
  }
  return labelsFolder === undefined ? own : withFolders(readLabels(labelsFolder), own)
}

function withFolders(labels: Verdicts, own: Verdicts): Verdicts {
  const withinOf = new Map(own.servers.map((server) => [server.digest, server.within]))
  const servers = labels.servers.map((server) => {
    const within = withinOf.get(server.digest)
    return within === undefined ? server : { ...server, within }
  })
  return { servers, fixes: labels.fixes }
}

/** The original label files, as one reader wrote them. */
interface RawLabels {
  readonly repos: readonly {
    readonly repo: string
    readonly commit: string
    readonly labels: Readonly<
      Record<string, { verdict: Judgement; confidence: string; evidence: string[]; why?: string; note?: string }>
    >
  }[]
}

interface RawFixes {
  readonly pairs: readonly {
    readonly id: string
    readonly repo: string
    readonly reference: string
    readonly vulnerable_ref: string
    readonly fixed_ref: string
    readonly direction: 'fix' | 'introduction'
    readonly rules: readonly string[]
    readonly hard?: string
    readonly expect_in_vulnerable: readonly { file: string; lines: number[] }[]
  }[]
}

/** Reads the original labels: with names, paths and reasons. Rules that are not scored here are left out. */
export function readLabels(folder: string): Verdicts {
  const servers = readJson<RawLabels>(join(folder, 'servers.json'))?.repos ?? []
  const fixes = readJson<RawFixes>(join(folder, 'fixes.json'))?.pairs ?? []
  return { servers: servers.map(serverOf), fixes: fixes.map(fixOf) }
}

function serverOf(raw: RawLabels['repos'][number], number: number): Server {
  const labels = Object.entries(raw.labels).flatMap(([rule, label]) =>
    rule in ruleLabels ? [[rule, labelOf(label)] as const] : [],
  )
  const digest = createHash('sha256').update(`${raw.repo}@${raw.commit}`).digest('hex')
  return { number, digest, labels: Object.fromEntries(labels), repo: raw.repo }
}

function labelOf(raw: RawLabels['repos'][number]['labels'][string]): Label {
  return {
    verdict: raw.verdict,
    confidence: raw.confidence,
    ...(raw.note?.includes('partial') ? { partial: true } : {}),
    evidence: raw.evidence.map(evidenceOf),
    why: [raw.why, raw.note].filter(Boolean).join(' · '),
  }
}

/** `src/a.ts:3` or `src/a.ts:3-9`. */
function evidenceOf(text: string): Evidence {
  const colon = text.lastIndexOf(':')
  const [start = 1, end = start] = text
    .slice(colon + 1)
    .split('-')
    .map(Number)
  return { file: text.slice(0, colon), start, end }
}

function fixOf(raw: RawFixes['pairs'][number], number: number): FixPair {
  const advisory = /GHSA-\w{4}-\w{4}-\w{4}/.exec(raw.reference)?.[0]
  const digest = createHash('sha256').update(`${raw.repo}@${raw.vulnerable_ref}..${raw.fixed_ref}`).digest('hex')
  return {
    number,
    digest,
    rules: raw.rules,
    ...(advisory ? { advisory } : {}),
    direction: raw.direction,
    expected: raw.expect_in_vulnerable.flatMap(({ file, lines }) =>
      lines.map((line) => ({ file, start: line, end: line })),
    ),
    id: raw.id,
    ...(raw.hard ? { why: raw.hard } : {}),
  }
}

function readJson<T>(path: string): T | undefined {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : undefined
}

/** Reads the command line into an invocation; what cannot be read comes back as a refusal that says what to do. */
import { parseArgs } from 'node:util'
import type { Profile } from '@sallyport/audit'
import { commands, formats, globalFlags, type Command, type Flag, type Format, type Threshold } from './commands.ts'
import { closest } from './suggest.ts'

export type Invocation =
  | ({
      readonly kind: 'audit'
      readonly since?: string
      readonly showSuppressed: boolean
      readonly includeTests?: true
      readonly fix?: Fixing
      /** The running server whose report is merged in. */
      readonly probe?: Probing
      /** Folder of the one that is probed, of several servers. */
      readonly subject?: string
    } & Documents &
      Settings)
  | ({
      readonly kind: 'probe'
      readonly probe: Probing
      /** A first configuration instead of a report. */
      readonly init: boolean
    } & Documents)
  | ({ readonly kind: 'baseline' | 'badge'; readonly output?: string } & Settings)
  | { readonly kind: 'verify'; readonly report: string }
  | { readonly kind: 'explain'; readonly rule: string; readonly noColor: boolean }
  | { readonly kind: 'rules'; readonly noColor: boolean }
  | { readonly kind: 'help'; readonly command?: Command }
  | { readonly kind: 'version' }
  | Misuse

/** What is to be mended, and how far. */
export interface Fixing {
  readonly kinds: 'safe' | 'all'
  readonly dryRun: boolean
  readonly allowDirty: boolean
}

/** A server that runs, or the command that starts one. */
export type Target = { readonly url: string } | { readonly command: readonly string[] }

/** What is probed, and how. */
export interface Probing {
  readonly target: Target
  readonly config?: string
  readonly ca?: string
  readonly authorized: boolean
}

/** Where a report goes, and when it is bad news. */
export interface Documents {
  readonly format: Format
  readonly output?: string
  /** Further documents of the same report. */
  readonly also: readonly { readonly format: Format; readonly output: string }[]
  readonly failOn?: Threshold
  readonly noColor: boolean
}

/** What is audited, and how the user's own decisions come in. */
export interface Settings {
  readonly path: string
  readonly profile?: Profile
  readonly config?: string
  readonly baseline?: string
  readonly untrusted: boolean
}

export interface Misuse {
  readonly kind: 'misuse'
  readonly message: string
}

type Values = ReadonlyMap<string, string | undefined>
/** Between the values of a repeated flag: no argument of a process can hold it. */
const SEPARATOR = '\0'

type Tokens = NonNullable<ReturnType<typeof parseArgs>['tokens']>

/** What the arguments after `sallyport` ask for. */
export function readArguments(argv: readonly string[]): Invocation {
  const command = commands.find(({ name }) => name === argv[0])
  const flags = command ? command.flags : globalFlags
  // What comes after it is the command line of another program.
  const end = endOf(argv, command)
  // `--probe --` has the command for its value.
  const own = argv.slice(command ? 1 : 0, command?.name === 'audit' && end < argv.length ? end - 1 : end)
  const tokens = tokenize(own, flags)
  const values = readFlags(tokens, flags, command)
  if ('kind' in values) return values
  const positionals = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []))
  if (!command) return withoutCommand(values, positionals)
  if (values.has('help')) return { kind: 'help', command }
  return withCommand(command, values, positionals, argv.slice(end + 1))
}

/** Where the words of this command line end: before the `--` that a command to start follows. */
function endOf(argv: readonly string[], command: Command | undefined): number {
  const at = argv.indexOf('--')
  const starts = command?.name === 'probe' || (command?.name === 'audit' && argv[at - 1] === '--probe')
  return at !== -1 && starts ? at : argv.length
}

/** Not strict, because the messages of strict mode cannot suggest. */
function tokenize(argv: readonly string[], flags: readonly Flag[]): Tokens {
  const options = Object.fromEntries(
    flags.map((flag) => [flag.name, { type: flag.value && !flag.optional ? 'string' : 'boolean' } as const]),
  )
  const { tokens } = parseArgs({
    args: argv.map((argument) => (argument === '-h' ? '--help' : argument)),
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  return tokens
}

function readFlags(tokens: Tokens, flags: readonly Flag[], command: Command | undefined): Values | Misuse {
  const values = new Map<string, string | undefined>()
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const flag = flags.find(({ name }) => name === token.name)
    const complaint = flag ? complaintAbout(flag, token.value) : unknownFlag(token.rawName, flags, command)
    if (complaint !== undefined) return misuse(complaint)
    const earlier = flag?.repeatable ? values.get(token.name) : undefined
    values.set(token.name, earlier === undefined ? token.value : `${earlier}${SEPARATOR}${token.value}`)
  }
  return values
}

function complaintAbout(flag: Flag, value: string | undefined): string | undefined {
  const { name, value: label, choices } = flag
  if (flag.optional && value === undefined) return undefined
  if (label === undefined) return value === undefined ? undefined : `--${name} takes no value.`
  if (!value) return `--${name} needs a value: --${name} <${label}>.`
  if (!choices || choices.includes(value)) return undefined
  return `--${name} cannot be "${value}".${didYouMean(closest(value, choices))} It is one of ${choices.join(', ')}.`
}

function unknownFlag(rawName: string, flags: readonly Flag[], command: Command | undefined): string {
  const meant = closest(
    rawName.replace(/^-+/, ''),
    flags.map(({ name }) => name),
  )
  const help = command ? `sallyport ${command.name} --help` : 'sallyport --help'
  return `There is no flag ${rawName}.${didYouMean(meant && `--${meant}`)} All flags: ${help}`
}

function withoutCommand(values: Values, [word, topic]: readonly string[]): Invocation {
  const command = commands.find(({ name }) => name === topic)
  if (word === 'help' && command) return { kind: 'help', command }
  if (values.has('help') || word === 'help') return { kind: 'help' }
  if (values.has('version')) return { kind: 'version' }
  if (word === undefined) return misuse('Name a command, for example: sallyport audit. All commands: sallyport --help')
  const meant = closest(
    word,
    commands.map(({ name }) => name),
  )
  const hint = didYouMean(meant ?? (/[./\\]/.test(word) ? `sallyport audit ${word}` : undefined))
  return misuse(`There is no command "${word}".${hint} All commands: sallyport --help`)
}

function withCommand(
  command: Command,
  values: Values,
  positionals: readonly string[],
  program: readonly string[],
): Invocation {
  const [first, second] = positionals
  const surplus = command.argument ? second : first
  if (surplus !== undefined) {
    return misuse(
      `"${surplus}" is one too many: sallyport ${command.name} takes ${command.argument ? 'one argument' : 'no argument'}.`,
    )
  }
  const noColor = values.has('no-color')
  switch (command.name) {
    case 'rules':
      return { kind: 'rules', noColor }
    case 'audit':
      return auditInvocation(first ?? '.', values, noColor, program)
    case 'probe':
      if (first === undefined && program.length === 0)
        return misuse(
          'Name the server: sallyport probe http://127.0.0.1:3000/mcp, or how to start it: sallyport probe -- node server.js',
        )
      if (first !== undefined && program.length > 0)
        return misuse('Name the server by its address or by the command that starts it, not by both.')
      return probeInvocation(first === undefined ? { command: program } : { url: first }, values, noColor)
    case 'baseline':
    case 'badge':
      return { kind: command.name, ...given(values, 'output'), ...settings(first ?? '.', values) }
    case 'verify':
      if (first === undefined) return misuse('Name a report: sallyport verify <report.json>')
      return { kind: 'verify', report: first }
    case 'explain':
      if (first === undefined) return misuse('Name a rule: sallyport explain <rule>. All rules: sallyport rules')
      return { kind: 'explain', rule: first, noColor }
  }
}

function probeInvocation(target: Target, values: Values, noColor: boolean): Invocation {
  const documents = readDocuments(values, noColor)
  if ('kind' in documents) return documents
  return {
    kind: 'probe',
    probe: probing(target, values, 'config'),
    init: values.has('init'),
    ...documents,
  }
}

/** `name`: the flag that names the configuration of the probe. */
function probing(target: Target, values: Values, name: string): Probing {
  const config = values.get(name)
  return {
    target,
    ...(config !== undefined && { config }),
    ...given(values, 'ca'),
    authorized: values.has('authorized'),
  }
}

/** The choices of `format`, `fail-on` and `profile` were checked with the flags. */
function readDocuments(values: Values, noColor: boolean): Documents | Misuse {
  const { output } = given(values, 'output')
  const failOn = values.get('fail-on')
  const also = (values.get('also')?.split(SEPARATOR) ?? []).map(readDocument)
  const wrong = also.find((document) => typeof document === 'string')
  if (wrong !== undefined) return misuse(wrong)
  return {
    also: also.filter((document) => typeof document !== 'string'),
    format: (values.get('format') ?? 'text') as Format,
    ...(output === undefined || output === '-' ? {} : { output }),
    ...(failOn === undefined ? {} : { failOn: failOn as Threshold }),
    noColor,
  }
}

function auditInvocation(path: string, values: Values, noColor: boolean, program: readonly string[]): Invocation {
  const documents = readDocuments(values, noColor)
  if ('kind' in documents) return documents
  const fix = fixing(values)
  if (fix !== undefined && 'kind' in fix) return fix
  const url = values.get('probe')
  const target = program.length > 0 ? { command: program } : url === undefined ? undefined : { url }
  if (target !== undefined && fix?.dryRun === true)
    return misuse('--probe judges source as it runs, and --dry-run leaves it as it is: use one of them.')
  if (fix !== undefined && url !== undefined && program.length === 0)
    return misuse(
      '--fix changes the source of a server that has to start anew before it is probed again. Say how: --probe -- <command>.',
    )
  const subject = values.get('subject')
  if (subject !== undefined && target === undefined)
    return misuse('--subject names the server that is probed, and means nothing without --probe.')
  return {
    kind: 'audit',
    ...documents,
    ...(subject !== undefined && { subject: subject.replace(/^\.\/|\/+$/g, '') || '.' }),
    ...(fix && { fix }),
    ...(target && { probe: probing(target, values, 'probe-config') }),
    ...given(values, 'since'),
    showSuppressed: values.has('show-suppressed'),
    ...(values.has('include-tests') && { includeTests: true as const }),
    ...settings(path, values),
  }
}

/** `--dry-run` alone shows what `--fix` would do. */
function fixing(values: Values): Fixing | Misuse | undefined {
  const dryRun = values.has('dry-run')
  const allowDirty = values.has('allow-dirty')
  if (!values.has('fix') && allowDirty && !dryRun) return misuse('--allow-dirty means nothing without --fix.')
  if (!values.has('fix') && !dryRun) return undefined
  if (dryRun && values.has('format'))
    return misuse('--dry-run prints a diff, which has no other format. For a report beside it: --also <format>=<file>.')
  return { kinds: values.get('fix') === 'all' ? 'all' : 'safe', dryRun, allowDirty }
}

/** `sarif=report.sarif`, or what is wrong with it. */
function readDocument(value: string): { readonly format: Format; readonly output: string } | string {
  const [name = '', ...rest] = value.split('=')
  const output = rest.join('=')
  const format = formats.find((known) => known === name)
  if (format === undefined)
    return `--also cannot be "${value}".${didYouMean(closest(name, formats))} It is <format>=<file>, the format one of ${formats.join(', ')}.`
  return output === '' ? `--also ${name} needs a file: --also ${name}=<file>.` : { format, output }
}

function settings(path: string, values: Values): Settings {
  const profile = values.get('profile')
  return {
    path,
    ...(profile === undefined ? {} : { profile: profile as Profile }),
    ...given(values, 'config'),
    ...given(values, 'baseline'),
    untrusted: values.has('untrusted'),
  }
}

function given<const Name extends string>(values: Values, name: Name): { readonly [K in Name]?: string } {
  const value = values.get(name)
  return value === undefined ? {} : ({ [name]: value } as { readonly [K in Name]?: string })
}

function didYouMean(meant: string | undefined): string {
  return meant ? ` Did you mean ${meant}?` : ''
}

function misuse(message: string): Misuse {
  return { kind: 'misuse', message }
}

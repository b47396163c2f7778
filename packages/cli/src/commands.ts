/** The commands and their flags as data: what is parsed, what is suggested and what help says come from here. */
import type { Profile } from '@sallyport/audit'

export interface Flag {
  readonly name: string
  /** What help calls the value; absent for a switch. */
  readonly value?: string
  /** Of a switch that may be given a value too: `--fix`, `--fix=all`. */
  readonly optional?: true
  /** The only values there are. */
  readonly choices?: readonly string[]
  /** Given several times, every value counts; else the last. */
  readonly repeatable?: true
  readonly about: string
}

export interface Command {
  readonly name: 'audit' | 'probe' | 'baseline' | 'badge' | 'verify' | 'explain' | 'rules'
  readonly argument?: string
  readonly about: string
  readonly flags: readonly Flag[]
}

export const formats = [
  'text',
  'json',
  'sarif',
  'markdown',
  'html',
  'github',
  'gitlab',
  'gitlab-sast',
  'junit',
  'unix',
] as const
export type Format = (typeof formats)[number]

export const thresholds = ['none', 'low', 'medium', 'high', 'critical'] as const
export const profiles = ['regular', 'pedantic', 'auditor'] as const satisfies readonly Profile[]

export type Threshold = (typeof thresholds)[number]

const noColor: Flag = { name: 'no-color', about: 'No colour; NO_COLOR in the environment says the same' }
const help: Flag = { name: 'help', about: 'Show this help' }

const profile: Flag = {
  name: 'profile',
  value: 'profile',
  choices: profiles,
  about: 'regular (default), pedantic (low severities too) or auditor (everything, tests too)',
}
const config: Flag = {
  name: 'config',
  value: 'file',
  about: 'Use this configuration, not the nearest sallyport.config.yaml or .json',
}
const untrusted: Flag = {
  name: 'untrusted',
  about: 'The source is not yours: heed no configuration, baseline or comment in it',
}

const format: Flag = {
  name: 'format',
  value: 'format',
  choices: formats,
  about: `${formats.slice(0, -1).join(', ')} or ${formats.at(-1)}`.replace('text', 'text (default)'),
}
const output: Flag = { name: 'output', value: 'file', about: 'Write the report to a file instead of standard output' }
const also: Flag = {
  name: 'also',
  value: 'format=file',
  repeatable: true,
  about: 'Write the same report to a file in another format too; may be repeated',
}
const failOn: Flag = {
  name: 'fail-on',
  value: 'severity',
  choices: thresholds,
  about: 'Exit 1 for findings at or above none, low, medium, high (default) or critical',
}

const ca: Flag = { name: 'ca', value: 'file', about: 'Trust the certificates in this PEM file' }
const authorized: Flag = {
  name: 'authorized',
  about: 'Whoever runs the server agrees; needed outside this machine and private networks',
}

export const commands: readonly Command[] = [
  {
    name: 'audit',
    argument: '[path]',
    about: 'Read the source of an MCP server (default: this folder) and report weak sessions',
    flags: [
      format,
      output,
      also,
      failOn,
      profile,
      config,
      {
        name: 'probe',
        value: 'url | -- command',
        about: 'Probe the running server too, or the one that the command starts, and merge what both show',
      },
      { name: 'probe-config', value: 'file', about: 'The configuration of that probe' },
      { name: 'subject', value: 'folder', about: 'Of several servers in the tree, the one that is probed' },
      ca,
      authorized,
      { name: 'baseline', value: 'file', about: 'Suppress the findings that this file lists' },
      {
        name: 'fix',
        value: 'all',
        optional: true,
        choices: ['safe', 'all'],
        about: 'Mend what can be mended without changing behaviour; --fix=all: also what wants a review',
      },
      { name: 'dry-run', about: 'With --fix: print what would change as a unified diff, and write nothing' },
      { name: 'allow-dirty', about: 'With --fix: also write to files that hold uncommitted changes' },
      { name: 'since', value: 'revision', about: 'Suppress what was found at this Git revision already' },
      { name: 'show-suppressed', about: 'List suppressed findings, in SARIF too; they are never scored' },
      untrusted,
      { name: 'include-tests', about: 'Report findings in tests, fixtures, generated and vendored code too' },
      noColor,
      help,
    ],
  },
  {
    name: 'probe',
    argument: '<url | -- command>',
    about: 'Attack a running MCP server, with the consent of whoever runs it, and prove each weakness',
    flags: [
      { name: 'config', value: 'file', about: 'Principals, what may be called, and the budget, in YAML or JSON' },
      format,
      output,
      also,
      failOn,
      { name: 'init', about: 'Write a first configuration for the server instead, every guess commented' },
      ca,
      authorized,
      noColor,
      help,
    ],
  },
  {
    name: 'baseline',
    argument: '[path]',
    about: 'Write every present finding to a file of known ones, so that only new ones count',
    flags: [
      { name: 'output', value: 'file', about: "The file; the configuration's or sallyport.baseline.json by default" },
      profile,
      config,
      help,
    ],
  },
  {
    name: 'badge',
    argument: '[path]',
    about: 'Audit and draw the grade as an SVG that names commit, tool and formula',
    flags: [
      { name: 'output', value: 'file', about: 'Write the badge to a file instead of standard output' },
      profile,
      config,
      { name: 'baseline', value: 'file', about: 'Suppress the findings that this file lists' },
      untrusted,
      help,
    ],
  },
  {
    name: 'verify',
    argument: '<report.json>',
    about: 'Recompute the grade of a JSON report: exit 1 where it says otherwise',
    flags: [help],
  },
  {
    name: 'explain',
    argument: '<rule>',
    about: 'Show the page of a rule: what it finds, why it matters, what to do',
    flags: [noColor, help],
  },
  { name: 'rules', about: 'List the rules with severity, impact on the score and title', flags: [noColor, help] },
]

export const globalFlags: readonly Flag[] = [{ name: 'version', about: 'Show the version' }, help]

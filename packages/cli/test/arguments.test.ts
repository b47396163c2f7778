import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readArguments } from '../src/arguments.ts'

describe('audit', () => {
  test('has defaults for everything', () => {
    expect(readArguments(['audit'])).toEqual({
      kind: 'audit',
      path: '.',
      format: 'text',
      also: [],
      showSuppressed: false,
      untrusted: false,
      noColor: false,
    })
  })

  test('takes flags before and after the path, with = or a space', () => {
    const flags = [
      '--format=json',
      'src',
      '--output',
      'report.json',
      '--fail-on',
      'none',
      '--include-tests',
      '--no-color',
    ]
    expect(readArguments(['audit', ...flags])).toEqual({
      kind: 'audit',
      path: 'src',
      format: 'json',
      output: 'report.json',
      failOn: 'none',
      includeTests: true,
      also: [],
      showSuppressed: false,
      untrusted: false,
      noColor: true,
    })
  })

  test('takes further documents, as often as it is told', () => {
    expect(readArguments(['audit', '--also', 'sarif=a=b.sarif', '--also=json=c.json'])).toMatchObject({
      also: [
        { format: 'sarif', output: 'a=b.sarif' },
        { format: 'json', output: 'c.json' },
      ],
    })
    expect(readArguments(['audit', '--also', 'sarf=x'])).toMatchObject({
      kind: 'misuse',
      message: expect.stringContaining('Did you mean sarif?'),
    })
    expect(readArguments(['audit', '--also', 'json'])).toMatchObject({
      kind: 'misuse',
      message: '--also json needs a file: --also json=<file>.',
    })
  })

  test('takes what the user has decided', () => {
    const flags = [
      '--profile=auditor',
      '--config',
      'c.yaml',
      '--baseline',
      'b.json',
      '--since',
      'main',
      '--show-suppressed',
    ]
    expect(readArguments(['audit', ...flags, '--untrusted'])).toMatchObject({
      profile: 'auditor',
      config: 'c.yaml',
      baseline: 'b.json',
      since: 'main',
      showSuppressed: true,
      untrusted: true,
    })
  })

  test('takes a path that looks like a flag after --', () => {
    expect(readArguments(['audit', '--', '--odd'])).toMatchObject({ kind: 'audit', path: '--odd' })
  })

  test('writes --output - to standard output', () => {
    expect(readArguments(['audit', '--output', '-'])).not.toHaveProperty('output')
  })
})

test.each([
  [['--version'], { kind: 'version' }],
  [['--help'], { kind: 'help' }],
  [['-h'], { kind: 'help' }],
  [['help'], { kind: 'help' }],
  [['explain', 'session-fixation'], { kind: 'explain', rule: 'session-fixation', noColor: false }],
  [['rules', '--no-color'], { kind: 'rules', noColor: true }],
])('%j is understood', (argv, invocation) => {
  expect(readArguments(argv)).toEqual(invocation)
})

test('a command asked for help gives its own', () => {
  expect(readArguments(['audit', '--help'])).toMatchObject({ kind: 'help', command: { name: 'audit' } })
})

test('what cannot be understood is named, with a way on', () => {
  const misuses = [
    [],
    ['adit'],
    ['./server'],
    ['--verson'],
    ['audit', '--formt', 'json'],
    ['audit', '--format', 'jsn'],
    ['audit', '--format'],
    ['audit', '--format='],
    ['audit', '--fail-on', 'severe'],
    ['audit', '--output'],
    ['audit', '--include-tests=yes'],
    ['audit', '-x'],
    ['audit', 'a', 'b'],
    ['audit', 'a', '--version'],
    ['explain'],
    ['explain', 'a', 'b'],
    ['rules', 'a'],
  ]
  const messages = misuses.map((argv) => {
    const invocation = readArguments(argv)
    return `${['sallyport', ...argv].join(' ')}\n    ${invocation.kind === 'misuse' ? invocation.message : 'understood'}`
  })
  expect(messages.join('\n')).toMatchInlineSnapshot(`
    "sallyport
        Name a command, for example: sallyport audit. All commands: sallyport --help
    sallyport adit
        There is no command "adit". Did you mean audit? All commands: sallyport --help
    sallyport ./server
        There is no command "./server". Did you mean sallyport audit ./server? All commands: sallyport --help
    sallyport --verson
        There is no flag --verson. Did you mean --version? All flags: sallyport --help
    sallyport audit --formt json
        There is no flag --formt. Did you mean --format? All flags: sallyport audit --help
    sallyport audit --format jsn
        --format cannot be "jsn". Did you mean json? It is one of text, json, sarif, markdown, html, github, gitlab, gitlab-sast, junit, unix.
    sallyport audit --format
        --format needs a value: --format <format>.
    sallyport audit --format=
        --format needs a value: --format <format>.
    sallyport audit --fail-on severe
        --fail-on cannot be "severe". It is one of none, low, medium, high, critical.
    sallyport audit --output
        --output needs a value: --output <file>.
    sallyport audit --include-tests=yes
        --include-tests takes no value.
    sallyport audit -x
        There is no flag -x. All flags: sallyport audit --help
    sallyport audit a b
        "b" is one too many: sallyport audit takes one argument.
    sallyport audit a --version
        There is no flag --version. All flags: sallyport audit --help
    sallyport explain
        Name a rule: sallyport explain <rule>. All rules: sallyport rules
    sallyport explain a b
        "b" is one too many: sallyport explain takes one argument.
    sallyport rules a
        "a" is one too many: sallyport rules takes no argument."
  `)
})

test('no command line makes it throw', () => {
  const word = fc.constantFrom(
    'audit',
    'explain',
    'rules',
    '--format',
    '--format=',
    '--output',
    '--',
    '-',
    '',
    '-h',
    '--no-color',
    '--fail-on',
    'json',
    'a=b',
    '--__proto__',
    '--constructor',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(word, fc.string())), (argv) => {
      expect(readArguments(argv).kind).toMatch(/^(audit|explain|rules|help|version|misuse)$/)
    }),
  )
})

describe('probe', () => {
  const documents = { format: 'text', also: [], noColor: false }

  test('takes an address, or the command that starts the server', () => {
    expect(readArguments(['probe', 'http://127.0.0.1:3000/mcp', '--config', 'probe.yaml'])).toEqual({
      kind: 'probe',
      init: false,
      probe: { target: { url: 'http://127.0.0.1:3000/mcp' }, config: 'probe.yaml', authorized: false },
      ...documents,
    })
    expect(readArguments(['probe', '--', 'node', 'server.js', '--format', 'json'])).toMatchObject({
      probe: { target: { command: ['node', 'server.js', '--format', 'json'] } },
      ...documents,
    })
  })

  test('beside an audit, too', () => {
    expect(
      readArguments(['audit', 'src', '--probe', 'http://127.0.0.1:3000', '--probe-config', 'p.yaml']),
    ).toMatchObject({
      kind: 'audit',
      path: 'src',
      probe: { target: { url: 'http://127.0.0.1:3000' }, config: 'p.yaml' },
    })
    expect(readArguments(['audit', '--subject', './wiki/', '--probe', 'http://a'])).toMatchObject({ subject: 'wiki' })
    expect(readArguments(['audit', 'src', '--probe', '--', 'npm', 'start'])).toMatchObject({
      path: 'src',
      probe: { target: { command: ['npm', 'start'] } },
    })
  })

  test.each([
    [['probe'], 'Name the server'],
    [['probe', 'http://a', '--', 'node'], 'not by both'],
    [['audit', '--fix', '--probe', 'http://a'], '--probe -- <command>'],
    [['audit', '--subject', 'wiki'], 'means nothing without --probe'],
  ])('%j is refused', (argv, message) => {
    expect(readArguments(argv)).toMatchObject({ kind: 'misuse', message: expect.stringContaining(message) })
  })
})

import { expect, test } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { main } from '../src/main.ts'
import { fakeConsole } from './fake-console.ts'

test('--version says the version of the package', async () => {
  const console = fakeConsole()
  expect(await main(['--version'], console)).toBe(0)
  expect(console.stdout.written).toEqual([`${manifest.version}\n`])
})

test.each([
  ['an unknown command', ['a\u001b]0;b\u0007']],
  ['a path', ['audit', 'a\u001b[31m\u202eb']],
])('%s cannot steer the terminal', async (_, argv) => {
  const console = fakeConsole()
  expect(await main(argv, console)).toBe(2)
  expect(console.stderr.written.join('')).toMatch(/a\\u\{1b\}/)
  expect(console.stderr.written.join('')).not.toMatch(/[^\P{C}\n]/u)
})

test('help is whole', async () => {
  const console = fakeConsole()
  for (const argv of [['--help'], ['audit', '--help'], ['explain', '--help'], ['rules', '--help']]) {
    expect(await main(argv, console)).toBe(0)
  }
  expect(console.stdout.written.join('\n---\n\n')).toMatchInlineSnapshot(`
    "Session security for MCP servers.

    Usage: sallyport <command> [flags]

    Commands:
      audit [path]              Read the source of an MCP server (default: this folder) and report weak
                                sessions
      probe <url | -- command>  Attack a running MCP server, with the consent of whoever runs it, and
                                prove each weakness
      baseline [path]           Write every present finding to a file of known ones, so that only new
                                ones count
      badge [path]              Audit and draw the grade as an SVG that names commit, tool and formula
      verify <report.json>      Recompute the grade of a JSON report: exit 1 where it says otherwise
      explain <rule>            Show the page of a rule: what it finds, why it matters, what to do
      rules                     List the rules with severity, impact on the score and title

    Flags:
      --version  Show the version
      --help     Show this help

    sallyport <command> --help shows the flags of a command.

    Exit codes:
      0  No finding at or above --fail-on
      1  At least one
      2  Wrong usage, unreadable input, or no server code under the path
      3  A fault of sallyport itself

    ---

    Read the source of an MCP server (default: this folder) and report weak sessions.

    Usage: sallyport audit [path] [flags]

    Flags:
      --format <format>           text (default), json, sarif, markdown, html, github, gitlab,
                                  gitlab-sast, junit or unix
      --output <file>             Write the report to a file instead of standard output
      --also <format=file>        Write the same report to a file in another format too; may be repeated
      --fail-on <severity>        Exit 1 for findings at or above none, low, medium, high (default) or
                                  critical
      --profile <profile>         regular (default), pedantic (low severities too) or auditor
                                  (everything, tests too)
      --config <file>             Use this configuration, not the nearest sallyport.config.yaml or .json
      --probe <url | -- command>  Probe the running server too, or the one that the command starts, and
                                  merge what both show
      --probe-config <file>       The configuration of that probe
      --subject <folder>          Of several servers in the tree, the one that is probed
      --ca <file>                 Trust the certificates in this PEM file
      --authorized                Whoever runs the server agrees; needed outside this machine and
                                  private networks
      --baseline <file>           Suppress the findings that this file lists
      --fix[=all]                 Mend what can be mended without changing behaviour; --fix=all: also
                                  what wants a review
      --dry-run                   With --fix: print what would change as a unified diff, and write
                                  nothing
      --allow-dirty               With --fix: also write to files that hold uncommitted changes
      --since <revision>          Suppress what was found at this Git revision already
      --show-suppressed           List suppressed findings, in SARIF too; they are never scored
      --untrusted                 The source is not yours: heed no configuration, baseline or comment in
                                  it
      --include-tests             Report findings in tests, fixtures, generated and vendored code too
      --no-color                  No colour; NO_COLOR in the environment says the same
      --help                      Show this help

    ---

    Show the page of a rule: what it finds, why it matters, what to do.

    Usage: sallyport explain <rule> [flags]

    Flags:
      --no-color  No colour; NO_COLOR in the environment says the same
      --help      Show this help

    ---

    List the rules with severity, impact on the score and title.

    Usage: sallyport rules [flags]

    Flags:
      --no-color  No colour; NO_COLOR in the environment says the same
      --help      Show this help
    "
  `)
})

test('help of a command is asked for in two ways', async () => {
  const [flag, word] = [fakeConsole(), fakeConsole()]
  await main(['verify', '--help'], flag)
  await main(['help', 'verify'], word)
  expect(word.stdout.written).toEqual(flag.stdout.written)
})

test('help fits the terminal', async () => {
  for (const command of ['audit', 'baseline', 'badge', 'verify', 'explain', 'rules']) {
    const console = fakeConsole({ isTTY: true, columns: 60 })
    await main([command, '--help'], console)
    await main(['--help'], console)
    for (const line of console.stdout.written.join('').split('\n')) expect(line.length, line).toBeLessThanOrEqual(60)
  }
})

test('a fault of ours exits 3 and says so on stderr', async () => {
  const console = fakeConsole()
  const broken = {
    ...console,
    stdout: {
      write: () => {
        throw new Error('the disk is full')
      },
    },
  }
  expect(await main(['--version'], broken)).toBe(3)
  expect(console.stderr.written.join('')).toMatch(/^sallyport: internal fault.*\nError: the disk is full\n/s)
})

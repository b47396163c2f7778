/** Command line in, exit code out. */
import manifest from '../package.json' with { type: 'json' }
import { readArguments, type Invocation } from './arguments.ts'
import { describeTerminal, type Console } from './console.ts'
import { exitCodes, harmless, refuse, type ExitCode } from './exit.ts'
import { renderHelp } from './help.ts'

/** Runs one invocation of `sallyport`: one document to stdout, everything else to stderr. Never throws. */
export async function main(argv: readonly string[], console: Console): Promise<ExitCode> {
  try {
    return await run(readArguments(argv), console)
  } catch (error) {
    console.stderr.write(
      `sallyport: internal fault, which is ours and not your code's. Please report it with these lines:\n`,
    )
    console.stderr.write(`${harmless(String(error instanceof Error ? error.stack : error))}\n`)
    return exitCodes.fault
  }
}

/** Commands are loaded when they are asked for: `--version` should not pay for a parser. */
async function run(invocation: Invocation, console: Console): Promise<ExitCode> {
  switch (invocation.kind) {
    case 'audit':
      return (await import('./commands/audit.ts')).auditCommand(invocation, console)
    case 'probe':
      return (await import('./commands/probe.ts')).probeCommand(invocation, console)
    case 'baseline':
      return (await import('./commands/baseline.ts')).baselineCommand(invocation, console)
    case 'badge':
      return (await import('./commands/badge.ts')).badgeCommand(invocation, console)
    case 'verify':
      return (await import('./commands/verify.ts')).verifyCommand(invocation, console)
    case 'explain':
      return (await import('./commands/explain.ts')).explainCommand(invocation, console)
    case 'rules':
      return (await import('./commands/rules.ts')).rulesCommand(invocation, console)
    case 'help':
      return say(renderHelp(invocation.command, describeTerminal(console.stdout, console, true).width), console)
    case 'version':
      return say(`${manifest.version}\n`, console)
    case 'misuse':
      return refuse(invocation.message, console)
  }
}

function say(document: string, console: Console): ExitCode {
  console.stdout.write(document)
  return exitCodes.clean
}

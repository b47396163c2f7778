/** Help, drawn from the command data. */
import { commands, globalFlags, type Command, type Flag } from './commands.ts'

/** Help for one command, or for `sallyport` as a whole. */
export function renderHelp(command?: Command): string {
  return command ? commandHelp(command) : overview()
}

function overview(): string {
  return `Session security for MCP servers.

Usage: sallyport <command> [flags]

Commands:
${columns(commands.map((command) => [signature(command), command.about]))}

Flags:
${flagTable(globalFlags)}

sallyport <command> --help shows the flags of a command.

Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 wrong usage or unreadable input, 3 a fault of sallyport.
`
}

function commandHelp(command: Command): string {
  return `${command.about}.

Usage: sallyport ${signature(command)} [flags]

Flags:
${flagTable(command.flags)}
`
}

function signature({ name, argument }: Command): string {
  return argument ? `${name} ${argument}` : name
}

function flagTable(flags: readonly Flag[]): string {
  return columns(flags.map(({ name, value, about }) => [value ? `--${name} <${value}>` : `--${name}`, about]))
}

/** Two columns, the second one aligned. */
function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([first]) => first.length))
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`).join('\n')
}

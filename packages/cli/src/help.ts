/** Help, drawn from the command data. */
import { commands, globalFlags, type Command, type Flag } from './commands.ts'

/** Help for one command, or for `sallyport` as a whole, in lines of at most `width` columns where the words allow it. */
export function renderHelp(command: Command | undefined, width: number): string {
  return command ? commandHelp(command, width) : overview(width)
}

function overview(width: number): string {
  return `Session security for MCP servers.

Usage: sallyport <command> [flags]

Commands:
${columns(
  commands.map((command) => [signature(command), command.about]),
  width,
)}

Flags:
${flagTable(globalFlags, width)}

sallyport <command> --help shows the flags of a command.

Exit codes:
${columns(exits, width)}
`
}

const exits = [
  ['0', 'No finding at or above --fail-on'],
  ['1', 'At least one'],
  ['2', 'Wrong usage, unreadable input, or no server code under the path'],
  ['3', 'A fault of sallyport itself'],
] as const

function commandHelp(command: Command, width: number): string {
  return `${wrapped(`${command.about}.`, width).join('\n')}

Usage: sallyport ${signature(command)} [flags]

Flags:
${flagTable(command.flags, width)}
`
}

function signature({ name, argument }: Command): string {
  return argument ? `${name} ${argument}` : name
}

function flagTable(flags: readonly Flag[], width: number): string {
  return columns(
    flags.map((flag) => [usageOf(flag), flag.about]),
    width,
  )
}

function usageOf({ name, value, optional }: Flag): string {
  if (value === undefined) return `--${name}`
  return optional ? `--${name}[=${value}]` : `--${name} <${value}>`
}

/** Two columns, the second one aligned and wrapped. */
function columns(rows: readonly (readonly [string, string])[], width: number): string {
  const indent = Math.max(...rows.map(([first]) => first.length)) + 4
  const lines = rows.flatMap(([first, second]) =>
    wrapped(second, width - indent).map((text, at) => `${(at === 0 ? `  ${first}` : '').padEnd(indent)}${text}`),
  )
  return lines.join('\n')
}

/** `text` broken at spaces into lines of at most `width` columns; a longer word has a line of its own. */
function wrapped(text: string, width: number): readonly string[] {
  return text.split(' ').reduce<string[]>((lines, word) => {
    const line = lines.at(-1)
    if (line === undefined || line.length + 1 + word.length > width) return [...lines, word]
    return [...lines.slice(0, -1), `${line} ${word}`]
  }, [])
}

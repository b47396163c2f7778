/** The streams and the environment a command runs in; injected, so that tests can be a terminal. */

export interface Stream {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

export interface Console {
  /** For the one document a command produces, and nothing else. */
  readonly stdout: Stream
  /** For everything else: errors, progress, notes. */
  readonly stderr: Stream
  readonly env: Readonly<Record<string, string | undefined>>
  readonly platform: string
}

/** What the reader's terminal can show. */
export interface Terminal {
  readonly color: boolean
  /** Whether box drawing, arrows and other characters beyond ASCII arrive as meant. */
  readonly unicode: boolean
  /** Columns. */
  readonly width: number
}

const widthOfPipes = 100
const narrowest = 40
const widest = 120

/** Decides what `stream` can show. `NO_COLOR` and `--no-color` win over `FORCE_COLOR`, and all three over guessing. */
export function describeTerminal(stream: Stream, console: Console, noColor: boolean): Terminal {
  return {
    color: !noColor && hasColor(stream, console.env),
    unicode: hasUnicode(console),
    width: Math.min(widest, Math.max(narrowest, stream.columns || Number(console.env['COLUMNS']) || widthOfPipes)),
  }
}

function hasColor(stream: Stream, env: Console['env']): boolean {
  if (env['NO_COLOR']) return false
  const forced = env['FORCE_COLOR']
  if (forced !== undefined) return forced !== '0' && forced !== 'false'
  return stream.isTTY === true && env['TERM'] !== 'dumb'
}

/** POSIX asks the locale, in this order of precedence; an unset locale is `C`, which is ASCII. Windows has no locale variables. */
function hasUnicode({ env, platform }: Console): boolean {
  if (env['TERM'] === 'dumb' || env['TERM'] === 'linux') return false
  if (platform === 'win32') return env['WT_SESSION'] !== undefined || env['TERM_PROGRAM'] === 'vscode'
  return /utf-?8/i.test(env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '')
}

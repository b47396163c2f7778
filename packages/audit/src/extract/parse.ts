/** The one file that knows the parser. */
import { parseSync, type OxcError } from 'oxc-parser'
import type { Program } from '@oxc-project/types'
import type { Gap } from '../finding/finding.ts'
import type { SourceFile } from '../source/tree.ts'
import { survives, type Attempt } from './parse-child.ts'
import { nestingRisk, treeDepth } from './nesting.ts'
import { salvage } from './salvage.ts'

export type * from '@oxc-project/types'

/** A tree, a gap, or both: a damaged file may still have a tree. */
export type Parsed =
  | { readonly program: Program; readonly gap?: Gap }
  | { readonly program?: undefined; readonly gap: Gap }

/** Beyond this the parser's own recursion could overflow the native stack, which nothing can catch. It dies at about 2,500 levels in a thread. */
export const RISK_FOR_PARSER = 1_000
/** No code that people read comes near; not worth a process. */
const HOPELESS_RISK = 15_000
/** Below this estimate no tree is deep; above it the tree is measured. */
const RISK_FOR_WALKERS = 200
/** Our own walkers recurse; each level of the tree costs them several frames. */
const MAX_TREE_DEPTH = 800

/** Parses one file. Never throws and never takes the process down: what cannot be parsed safely is a gap. */
export function parse(file: SourceFile): Parsed {
  const risk = nestingRisk(file.text)
  if (risk > RISK_FOR_PARSER && !isSafe(file, risk)) {
    return gapIn(file, 'The code nests too deep to parse safely; the file was not analysed.')
  }
  const parsed = bestOf(file)
  const tooDeep = risk > RISK_FOR_WALKERS && parsed.program !== undefined && treeDepth(parsed.program) > MAX_TREE_DEPTH
  return tooDeep
    ? gapIn(file, `The code nests more than ${MAX_TREE_DEPTH} levels deep; the file was not analysed.`)
    : parsed
}

function isSafe(file: SourceFile, risk: number): boolean {
  return risk < HOPELESS_RISK && survives(file.path, file.text, attemptsFor(file.path))
}

/** How to read a file, the likeliest way first. */
export function attemptsFor(path: string): readonly [Attempt, ...Attempt[]] {
  const extension = /\.([cm]?)([jt]s)(x?)$/.exec(path)
  const isTypeScript = extension?.[2] === 'ts'
  const [first, second] = extension?.[1] === 'c' ? (['commonjs', 'module'] as const) : (['module', 'commonjs'] as const)
  const lang = isTypeScript ? (extension?.[3] === 'x' ? 'tsx' : 'ts') : 'jsx'
  // JavaScript with type annotations (Flow, or TypeScript misnamed) and TypeScript with JSX are read as what they are.
  return [
    { lang, sourceType: first },
    { lang, sourceType: second },
    { lang: 'tsx', sourceType: first },
  ]
}

/** The first attempt without errors, else what the best of them kept or what can be salvaged, with a gap. */
function bestOf(file: SourceFile): Parsed {
  const attempts = attemptsFor(file.path)
  let best: Result | undefined
  for (const attempt of attempts) {
    const result = attemptOn(file.path, file.text, attempt)
    if (result.error === undefined && result.program) return { program: result.program }
    if (!best || keptBy(result) > keptBy(best)) best = result
  }
  const gap = syntaxGap(file, best?.error)
  if (best?.program && best.program.body.length > 0) return { program: best.program, gap }
  const program = salvagedProgram(file, attempts[0])
  return program ? { program, gap } : { gap }
}

function salvagedProgram(file: SourceFile, attempt: Attempt): Program | undefined {
  const rest = salvage(file.text, (piece) => attemptOn(file.path, piece, attempt).error === undefined)
  const result = rest && attemptOn(file.path, rest.text, attempt)
  return result?.error === undefined ? result?.program : undefined
}

interface Result {
  readonly program: Program | undefined
  readonly error: SyntaxMistake | undefined
}

interface SyntaxMistake {
  readonly message: string
  readonly start: number
  readonly end: number
}

function attemptOn(path: string, text: string, attempt: Attempt): Result {
  try {
    const { errors, program } = parseSync(path, text, {
      ...attempt,
      preserveParens: false,
      showSemanticErrors: false,
    })
    const serious = errors.filter((error) => error.severity === 'Error')
    return { program, error: serious[0] && mistakeOf(serious[0]) }
  } catch (error) {
    return {
      program: undefined,
      error: { message: error instanceof Error ? error.message : String(error), start: 0, end: 0 },
    }
  }
}

function mistakeOf(error: OxcError): SyntaxMistake {
  const label = error.labels[0]
  return { message: error.message, start: label?.start ?? 0, end: label?.end ?? 0 }
}

function keptBy(result: Result): number {
  return result.program?.body.length ?? -1
}

function syntaxGap(file: SourceFile, error: SyntaxMistake | undefined): Gap {
  const location = file.locate(error?.start ?? 0, error?.end ?? 0)
  const message = (error?.message ?? 'the parser gave no tree').replace(/\.$/, '')
  return {
    path: file.path,
    reason: `The file was not fully analysed: ${message} at line ${location.startLine}.`,
    location,
  }
}

function gapIn(file: SourceFile, reason: string): Parsed {
  return { gap: { path: file.path, reason } }
}

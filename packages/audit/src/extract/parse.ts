/** The one file that knows the parser. */
import { parseSync, type OxcError } from 'oxc-parser'
import type { Program } from '@oxc-project/types'
import type { Gap } from '../finding/finding.ts'
import type { SourceFile } from '../source/tree.ts'
import { survives, type Attempt } from './parse-child.ts'
import { nestingRisk, tagRisk, treeDepth } from './nesting.ts'
import { salvage } from './salvage.ts'

export type * from '@oxc-project/types'

/** What the parser has made of a file. Objects are made of it when they are first asked for, which costs more than to parse. */
export interface Tree {
  readonly program: Program
}

/** A tree, a gap, or both: a damaged file may still have a tree. */
export type Parsed = { readonly tree: Tree; readonly gap?: Gap } | { readonly tree?: undefined; readonly gap: Gap }

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
  const { best, first } = bestOf(file)
  if (best === undefined || first === undefined)
    return gapIn(file, 'The code nests too deep to parse safely; the file was not analysed.')
  const parsed = parsedFrom(file, best, first)
  return parsed.tree !== undefined && isTooDeep(best.way, parsed.tree)
    ? gapIn(file, `The code nests more than ${MAX_TREE_DEPTH} levels deep; the file was not analysed.`)
    : parsed
}

/** The tree of a file that has no mistakes and is safe to walk; else undefined, and nothing is spent on what is left of it. */
export function parseWhole(file: SourceFile): Program | undefined {
  const { best } = bestOf(file)
  return best?.error === undefined && best?.tree && !isTooDeep(best.way, best.tree) ? best.tree.program : undefined
}

function isTooDeep({ risk }: Way, tree: Tree): boolean {
  return risk > RISK_FOR_WALKERS && treeDepth(tree.program) > MAX_TREE_DEPTH
}

/** A way to read a file, and how deep the text may nest if it is read that way. */
interface Way {
  readonly attempt: Attempt
  readonly risk: number
}

/** The ways that the parser survives, the likeliest first. A child process tries those that are not surely safe. */
export function* safeWays(file: SourceFile): Generator<Way> {
  const { path, text } = file
  const attempts = attemptsFor(path)
  const risk = nestingRisk(text)
  if (risk > RISK_FOR_PARSER && (risk >= HOPELESS_RISK || !survives(path, text, attempts))) return
  const tags = tagRisk(text)
  for (const attempt of attempts) {
    const isTagged = attempt.lang.endsWith('x') && tags > risk
    if (isTagged && tags > RISK_FOR_PARSER && risk <= RISK_FOR_PARSER && !survives(path, text, [attempt])) return
    yield { attempt, risk: isTagged ? tags : risk }
  }
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

interface Best {
  readonly best?: Result
  readonly first?: Way
}

/** Who asks what is wrong with a file is soon followed by who mends it. Weak, so that trees go when memory is needed. */
const lately = new WeakMap<SourceFile, WeakRef<Best>>()

function bestOf(file: SourceFile): Best {
  const known = lately.get(file)?.deref()
  if (known !== undefined) return known
  const found = findBest(file)
  lately.set(file, new WeakRef(found))
  return found
}

/** The first result without errors, else the one that kept most; and the first way that was safe. */
function findBest(file: SourceFile): Best {
  let best: Result | undefined
  let first: Way | undefined
  for (const way of safeWays(file)) {
    const result = attemptOn(file.path, file.text, way)
    first ??= way
    if (result.error === undefined && result.tree) return { best: result, first }
    if (!best || keptBy(result) > keptBy(best)) best = result
  }
  return { ...(best && { best }), ...(first && { first }) }
}

/** The tree; with a gap what the parser kept of a broken file, or what can be salvaged. */
function parsedFrom(file: SourceFile, best: Result, first: Way): Parsed {
  if (best.error === undefined && best.tree) return { tree: best.tree }
  const gap = syntaxGap(file, best.error)
  if (keptBy(best) > 0) return { tree: best.tree!, gap }
  const tree = salvagedTree(file, first)
  return tree ? { tree, gap } : { gap }
}

function salvagedTree(file: SourceFile, way: Way): Tree | undefined {
  const rest = salvage(file.text, (piece) => isFlat(piece) && attemptOn(file.path, piece, way).error === undefined)
  const result = rest && attemptOn(file.path, rest.text, way)
  return result?.error === undefined ? result?.tree : undefined
}

/** A piece may begin within a text, a template or a comment: what was none is code then, and the estimate for the whole does not hold for it. */
function isFlat(piece: string): boolean {
  return Math.max(nestingRisk(piece), tagRisk(piece)) <= RISK_FOR_PARSER
}

interface Result {
  readonly way: Way
  readonly tree: Tree | undefined
  readonly error: SyntaxMistake | undefined
}

interface SyntaxMistake {
  readonly message: string
  readonly start: number
  readonly end: number
}

function attemptOn(path: string, text: string, way: Way): Result {
  try {
    const tree = parseSync(path, text, {
      ...way.attempt,
      preserveParens: false,
      showSemanticErrors: false,
    })
    const serious = tree.errors.filter((error) => error.severity === 'Error')
    return { way, tree, error: serious[0] && mistakeOf(serious[0]) }
  } catch (error) {
    return {
      way,
      tree: undefined,
      error: { message: error instanceof Error ? error.message : String(error), start: 0, end: 0 },
    }
  }
}

function mistakeOf(error: OxcError): SyntaxMistake {
  const label = error.labels[0]
  return { message: error.message, start: label?.start ?? 0, end: label?.end ?? 0 }
}

function keptBy(result: Result): number {
  return result.tree?.program.body.length ?? -1
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

/**
 * How deep a text may nest, from its characters alone. An estimate from above: brackets that are open,
 * plus, on every open level, the operators, words and groups in a row that a grammar can nest without brackets
 * (`!!!x`, `a => b => c`, `a ? b : c ? d : e`, `else if`, `a + b + c`, `a.b().c()`, `<a><b>`).
 */

const OPENERS = codes('([{')
const CLOSERS = codes(')]}')
const OPERATORS = codes('!~+-*/%&|^<>=?:.@')
const BACKTICK = 96
const BACKSLASH = 92
const SLASH = 47
const STAR = 42
const DOLLAR = 36
const OPEN_BRACE = 123
const CLOSE_BRACE = 125
const SEMICOLON = 59
const COMMA = 44
const SPACE = 32
const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const DOUBLE_QUOTE = 34
const SINGLE_QUOTE = 39

const LESS = 60
const EQUALS = 61
const GREATER = 62

/** Words after which an expression or a statement goes on, so that a line break does not end it. */
const CONTINUING_WORD =
  /(?:^|[^\w$.])(?:else|do|await|async|void|typeof|delete|new|return|yield|throw|extends|keyof|readonly|unique|infer|asserts|is|as|satisfies|in|of|instanceof|class|function|case|export|default|abstract|declare)$/
/** Words that carry on what stands before them. */
const CARRYING_WORD = /^(?:else|catch|finally|as|satisfies|in|of|instanceof|extends|is)(?![\w$])/

/** Words whose parentheses govern the statement after them, whatever it is. */
const HEAD_WORD = /(?:^|[^\w$])(?:if|for|while|with|await)$/

/** One open bracket or template. */
interface Level {
  readonly isTemplate: boolean
  /** Whether these are the parentheses of `if`, `for`, `while` or `with`. */
  readonly isHead: boolean
  /** `<` without its `>`: type arguments and tags, in which a comma or a line break ends nothing. */
  angles: number
  /** What has been chained on this level since its last statement or list item began. */
  chain: number
}

interface Scan {
  readonly text: string
  readonly levels: Level[]
  /** Sum of all chains. */
  chained: number
  risk: number
  /** Whether the last token was a word or ended a value: tells a division from a regular expression, and words in a row. */
  last: 'word' | 'value' | 'head' | 'other'
  /** Where the last token ended: comments and white space are none. */
  tokenEnd: number
  /** Per delimiter, up to where no partner is to be found: a search that failed is not repeated, or hostile text costs its square. */
  readonly barren: Map<number, number>
}

/** The greatest estimate anywhere in the text. Linear in its length. */
export function nestingRisk(text: string): number {
  // A level takes at least one character.
  if (text.length < 200) return text.length
  const scan: Scan = {
    text,
    levels: [levelOf(false, false)],
    chained: 0,
    risk: 0,
    last: 'other',
    tokenEnd: 0,
    barren: new Map(),
  }
  // Indentation is a quarter of a text, and says nothing anywhere.
  for (let at = 0; at < text.length;) at = text.charCodeAt(at) === SPACE ? at + 1 : step(scan, at)
  return scan.risk
}

/** How deep tags may nest where the text is read as JSX, in which words, commas and line breaks between tags end nothing. */
export function tagRisk(text: string): number {
  let count = 0
  for (let at = text.indexOf('<'); at !== -1; at = text.indexOf('<', at + 1)) {
    const next = text.charCodeAt(at + 1)
    if (next !== SLASH && next !== EQUALS) count++
  }
  return count
}

/** Depth of a syntax tree, counted without recursion. */
export function treeDepth(root: object): number {
  let deepest = 0
  const pending: [node: object, depth: number][] = [[root, 0]]
  for (let next = pending.pop(); next; next = pending.pop()) {
    const [node, depth] = next
    if (depth > deepest) deepest = depth
    for (const value of Object.values(node)) {
      // Lists are no level of their own.
      if (typeof value === 'object' && value !== null) pending.push([value, Array.isArray(node) ? depth : depth + 1])
    }
  }
  return deepest
}

function step(scan: Scan, at: number): number {
  const { text } = scan
  const code = text.charCodeAt(at)
  if (top(scan).isTemplate) return stepInTemplate(scan, at, code)
  if (isWord(code)) return word(scan, at)
  if (code === SLASH) return slash(scan, at)
  if (code === DOUBLE_QUOTE || code === SINGLE_QUOTE) return quoted(scan, at, code)
  if (code === BACKTICK) return open(scan, at, true)
  if (OPENERS[code]) return open(scan, at, false)
  if (CLOSERS[code]) return close(scan, at, code)
  if (code === LINE_FEED || code === CARRIAGE_RETURN) return lineBreak(scan, at)
  if (code === SEMICOLON) endStatement(scan, at + 1)
  else if (code === COMMA) endListItem(scan)
  else if (OPERATORS[code]) operator(scan, at, code)
  else return at + 1
  return token(scan, at + 1)
}

/** What ends here is a token, not a comment or white space. */
function token(scan: Scan, end: number): number {
  scan.tokenEnd = end
  return end
}

function operator(scan: Scan, at: number, code: number): void {
  const level = top(scan)
  if (code === LESS) level.angles++
  else if (code === GREATER && level.angles > 0 && scan.text.charCodeAt(at - 1) !== EQUALS) level.angles--
  chain(scan, 'other')
}

function stepInTemplate(scan: Scan, at: number, code: number): number {
  if (code === BACKSLASH) return at + 2
  if (code === BACKTICK) return pop(scan, at)
  if (code === DOLLAR && scan.text.charCodeAt(at + 1) === OPEN_BRACE) return open(scan, at + 1, false)
  return at + 1
}

function word(scan: Scan, at: number): number {
  let end = at + 1
  while (isWord(scan.text.charCodeAt(end))) end++
  if (scan.last === 'word') chain(scan, 'word')
  scan.last = 'word'
  return token(scan, end)
}

function open(scan: Scan, at: number, isTemplate: boolean): number {
  const before = scan.last === 'word' ? scan.text.slice(Math.max(0, scan.tokenEnd - 6), scan.tokenEnd) : ''
  scan.levels.push(levelOf(isTemplate, HEAD_WORD.test(before)))
  scan.last = 'other'
  note(scan)
  return token(scan, at + 1)
}

/** Written out: spreading one object into another costs most of a scan. */
function levelOf(isTemplate: boolean, isHead: boolean): Level {
  return { isTemplate, isHead, angles: 0, chain: 0 }
}

function close(scan: Scan, at: number, code: number): number {
  const next = pop(scan, at)
  if (code === CLOSE_BRACE && startsItem(scan.text, skipSpace(scan.text, next))) endItem(scan)
  return next
}

/** A closed group is itself a link of the chain around it: `f()()()`, `x[0][0]`, `if (a) if (b)`. */
function pop(scan: Scan, at: number): number {
  const closed = scan.levels.length > 1 ? scan.levels.pop() : undefined
  if (closed) scan.chained -= closed.chain
  chain(scan, closed?.isHead ? 'head' : 'value')
  return token(scan, at + 1)
}

function chain(scan: Scan, last: Scan['last']): void {
  top(scan).chain++
  scan.chained++
  scan.last = last
  note(scan)
}

function endItem(scan: Scan): void {
  const level = top(scan)
  scan.chained -= level.chain
  level.chain = 0
  level.angles = 0
  scan.last = 'other'
}

/** What an `else` follows is the smaller part of a statement. */
function endStatement(scan: Scan, end: number): void {
  const next = skipSpaceAndComments(scan.text, end)
  if (scan.text.startsWith('else', next) && !isWord(scan.text.charCodeAt(next + 4))) scan.last = 'other'
  else endItem(scan)
}

function endListItem(scan: Scan): void {
  if (top(scan).angles === 0) endItem(scan)
  else scan.last = 'other'
}

function note(scan: Scan): void {
  const risk = scan.levels.length - 1 + scan.chained
  if (risk > scan.risk) scan.risk = risk
}

function lineBreak(scan: Scan, at: number): number {
  const next = skipSpace(scan.text, at + 1)
  const level = top(scan)
  const mayEnd = level.chain > 0 && level.angles === 0 && (scan.last === 'word' || scan.last === 'value')
  if (mayEnd && startsItem(scan.text, next) && !continues(scan)) endItem(scan)
  return next
}

/** After some words an expression or a statement must follow, comments or not. */
function continues({ text, tokenEnd }: Scan): boolean {
  return CONTINUING_WORD.test(text.slice(Math.max(0, tokenEnd - 40), tokenEnd))
}

/** Whether what stands here is a word that can start a statement. */
function startsItem(text: string, at: number): boolean {
  return isWord(text.charCodeAt(at)) && !CARRYING_WORD.test(text.slice(at, at + 12))
}

function skipSpace(text: string, at: number): number {
  let next = at
  while (isSpace(text.charCodeAt(next))) next++
  return next
}

function skipSpaceAndComments(text: string, from: number): number {
  for (let at = from; ;) {
    const next = skipSpace(text, at)
    if (text.startsWith('//', next)) at = endOf(text, '\n', next)
    else if (text.startsWith('/*', next)) at = endOf(text, '*/', next + 2)
    else return next
  }
}

function slash(scan: Scan, at: number): number {
  const next = scan.text.charCodeAt(at + 1)
  if (next === SLASH) return endOf(scan.text, '\n', at)
  if (next === STAR) return skip(scan, at, endOf(scan.text, '*/', at + 2))
  const end = scan.last === 'other' ? partnerOf(scan, at, SLASH, regularExpressionEnd) : undefined
  if (end === undefined) {
    chain(scan, 'other')
    return token(scan, at + 1)
  }
  scan.last = 'value'
  return token(scan, skip(scan, at, end))
}

/** The end of a quoted string, or of nothing: a quote without a partner on its line is an apostrophe. */
function quoted(scan: Scan, at: number, quote: number): number {
  const end = partnerOf(scan, at, quote, quotedEnd)
  if (end === undefined) return at + 1
  scan.last = 'value'
  return token(scan, skip(scan, at, end))
}

type FindEnd = (text: string, at: number, delimiter: number) => number | undefined

function partnerOf(scan: Scan, at: number, delimiter: number, findEnd: FindEnd): number | undefined {
  if (at < (scan.barren.get(delimiter) ?? 0)) return undefined
  const end = findEnd(scan.text, at, delimiter)
  if (end === undefined) scan.barren.set(delimiter, endOf(scan.text, '\n', at))
  return end
}

function quotedEnd(text: string, at: number, quote: number): number | undefined {
  for (let next = at + 1; next < text.length; next++) {
    const code = text.charCodeAt(next)
    if (code === quote) return next + 1
    if (code === BACKSLASH) next++
    else if (code === LINE_FEED) return undefined
  }
  return undefined
}

function regularExpressionEnd(text: string, at: number): number | undefined {
  let inClass = false
  for (let next = at + 1; next < text.length; next++) {
    const char = text[next]
    if (char === '\n') return undefined
    if (char === '\\') next++
    else if (char === '[') inClass = true
    else if (char === ']') inClass = false
    else if (char === '/' && !inClass) return next + 1
  }
  return undefined
}

/**
 * Passes over what seems not to be code. Should that be a mistake, what opens there and does not close there counts all the same;
 * what only closes there never lowers the estimate.
 */
function skip(scan: Scan, from: number, to: number): number {
  let depth = 0
  for (let at = from; at < to; at++) {
    const code = scan.text.charCodeAt(at)
    if (OPENERS[code]) depth++
    else if (CLOSERS[code] && depth > 0) depth--
  }
  // A few are prose; a tower of them is suspect.
  if (depth > 20) {
    scan.chained += depth
    top(scan).chain += depth
    note(scan)
  }
  return to
}

function endOf(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from)
  return at === -1 ? text.length : at + (mark === '\n' ? 0 : mark.length)
}

function top(scan: Scan): Level {
  return scan.levels[scan.levels.length - 1]!
}

function isWord(code: number): boolean {
  return (
    (code >= 97 && code <= 122) ||
    (code >= 65 && code <= 90) ||
    (code >= 48 && code <= 57) ||
    code === 95 ||
    code === DOLLAR ||
    (code > 127 && !UNICODE_SPACE.test(String.fromCharCode(code)))
  )
}

const UNICODE_SPACE = /\s/

function isSpace(code: number): boolean {
  return code === 32 || code === 9 || code === LINE_FEED || code === CARRIAGE_RETURN
}

function codes(chars: string): Uint8Array {
  const table = new Uint8Array(65_536)
  for (const char of chars) table[char.charCodeAt(0)] = 1
  return table
}

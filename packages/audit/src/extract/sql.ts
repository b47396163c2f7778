/** What a statement of SQL does to one table, as far as keys, owners and times of sessions go. */

/** Where a statement takes a value from: a parameter (by position or name), the clock, or neither. */
export type Operand =
  | { readonly kind: 'parameter'; readonly index: number; readonly name: string | undefined }
  | { readonly kind: 'clock' }
  | { readonly kind: 'other' }

export interface Comparison {
  readonly column: string
  readonly operator: string
  readonly operand: Operand
}

export interface Written {
  readonly column: string
  readonly operand: Operand
  /** `balance = balance - $1`: done twice, it leaves something else than done once. */
  readonly sums?: boolean
}

export interface Statement {
  readonly verb: 'select' | 'insert' | 'update' | 'delete'
  readonly table: string
  /** Columns that an insertion or update writes. */
  readonly writes: readonly Written[]
  readonly where: readonly Comparison[]
  /** It gives back the rows that it has made, changed or removed: what the database made up is among that, keys most of all. */
  readonly returns?: boolean
  /** A row that is there already stays, or makes way: `ON CONFLICT`, `OR IGNORE`, `REPLACE`. */
  readonly yields?: boolean
}

const LONGEST = 4_000
const MOST_TERMS = 64
const CLOCK =
  /\b(?:now|current_timestamp|unixepoch|strftime|datetime|julianday|sysdate|getdate|localtimestamp|utc_timestamp|unix_timestamp)\b/i
const known = new Map<string, Statement | undefined>()

/** The statement, or undefined where the text is none, or one that names no single table. */
export function parseSql(text: string): Statement | undefined {
  if (text.length > LONGEST || !/^\s*(?:select|insert|replace|update|delete|with)\s/i.test(text)) return undefined
  if (!known.has(text)) {
    if (known.size > 2_000) known.clear()
    known.set(text, parse(text))
  }
  return known.get(text)
}

function parse(text: string): Statement | undefined {
  const plain = text
    .replace(/--[^\n]*/g, ' ')
    .replace(/\/\*[\s\S]*?\*\//g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  const numbered = numberPlaceholders(plain)
  const insert = /^(?:insert(?: or \w+)?|replace) into ([\w."`[\]]+) ?(?:\(([^)]*)\))? ?values ?\((.*)$/i.exec(numbered)
  if (insert !== null) return { ...insertion(insert[1]!, insert[2], insert[3]!), yields: YIELDS.test(numbered) }
  const update = /^update(?: or \w+)? ([\w."`[\]]+)(?: as \w+| \w+)? set (.*)$/i.exec(numbered)
  if (update !== null) return updating(update[1]!, update[2]!)
  const removal = /^delete from ([\w."`[\]]+)(.*)$/i.exec(numbered)
  if (removal !== null) {
    const rest = removal[2]!
    return { verb: 'delete', table: nameOf(removal[1]!), writes: [], where: whereOf(rest), returns: RETURNS.test(rest) }
  }
  const select = /^(?:select|with) .*?\bfrom ([\w."`[\]]+)(.*)$/i.exec(numbered)
  if (select === null || select[1]!.startsWith('(')) return undefined
  return { verb: 'select', table: nameOf(select[1]!), writes: [], where: whereOf(select[2]!) }
}

const YIELDS = /^replace\b|^insert or (?:ignore|replace)\b|\bon (?:conflict|duplicate key)\b/i

/** `?` becomes `$1`, `$2`, …, so that every placeholder says which parameter it takes. */
function numberPlaceholders(text: string): string {
  let count = 0
  return text.replace(/'(?:[^']|'')*'|\?(\d*)/g, (match, digits: string | undefined) => {
    if (!match.startsWith('?')) return match
    count += 1
    return `$${digits === undefined || digits === '' ? count : digits}`
  })
}

/** Where it does not say which columns, they are named by their places. */
function insertion(table: string, columns: string | undefined, rest: string): Statement {
  const values = splitList(rest)
  const named = columns === undefined ? values.map((_, index) => String(index)) : splitList(columns)
  const writes = named.map((column, index) => ({
    column: nameOf(column),
    operand: operandOf(values[index] ?? ''),
  }))
  return { verb: 'insert', table: nameOf(table), writes, where: [], returns: RETURNS.test(rest) }
}

function updating(table: string, rest: string): Statement {
  const [set = '', ...conditions] = rest.split(/\bwhere\b/i)
  const where = whereOf(`where ${conditions.join(' where ')}`)
  // `uses = uses + 1 where uses = 0`: the second time it changes nothing.
  const isFixed = (name: string): boolean =>
    where.some(({ column, operand }) => column === name && operand.kind === 'other')
  const writes = splitList(set).flatMap((item): readonly Written[] => {
    const match = /^([\w."`[\]]+) ?= ?(.*)$/.exec(item.trim())
    if (match === null) return []
    const column = nameOf(match[1]!)
    const sums = !isFixed(column) && [...match[2]!.matchAll(ADDED)].some(([, name]) => nameOf(name!) === column)
    return [{ column, operand: operandOf(match[2]!), sums }]
  })
  return { verb: 'update', table: nameOf(table), writes, where, returns: RETURNS.test(rest) }
}

/** A column, and something that is added to it or taken off. */
const ADDED = /([\w."`[\]]+)\)? ?(?:[-+]|\|\|)/g

const RETURNS = /\breturning\b/i
const TERM =
  /([\w."`[\]]+) ?(<=|>=|<>|!=|=|<|>|\bis\b) ?((?:[^()]|\([^()]*\))*?)(?= and | or |\)| returning | order | limit | group | for |;|$)/gi

function whereOf(rest: string): readonly Comparison[] {
  const [, conditions = ''] = rest.split(/\bwhere\b(.*)/is)
  const terms: Comparison[] = []
  for (const [, left, operator, right] of conditions.matchAll(TERM)) {
    if (terms.length >= MOST_TERMS) break
    const turned = isPlaceholder(left!) || CLOCK.test(left!)
    terms.push({
      column: nameOf(turned ? right! : left!),
      operator: turned ? turn(operator!) : operator!.toLowerCase(),
      operand: operandOf(turned ? left! : right!),
    })
  }
  return terms
}

function turn(operator: string): string {
  return operator.replace(/[<>]/, (sign) => (sign === '<' ? '>' : '<'))
}

function isPlaceholder(text: string): boolean {
  return /^[$:@]\w+/.test(text.trim())
}

function operandOf(text: string): Operand {
  const parameter = /[$:@](\w+)/.exec(text)
  if (parameter !== null) {
    const number = Number(parameter[1])
    return Number.isNaN(number)
      ? { kind: 'parameter', index: -1, name: parameter[1] }
      : { kind: 'parameter', index: number - 1, name: undefined }
  }
  return CLOCK.test(text) ? { kind: 'clock' } : { kind: 'other' }
}

/** Splits at commas outside parentheses, up to the parenthesis that closes the list. */
function splitList(text: string): readonly string[] {
  const items: string[] = []
  let depth = 0
  let item = ''
  for (const sign of text) {
    if (sign === '(') depth += 1
    if (sign === ')') depth -= 1
    if (depth < 0 || items.length > MOST_TERMS) break
    if (sign === ',' && depth === 0) {
      items.push(item.trim())
      item = ''
    } else item += sign
  }
  return [...items, item.trim()]
}

/** `"public"."sessions"` is `sessions`. */
function nameOf(text: string): string {
  return (text.trim().split('.').at(-1) ?? '').replace(/["`[\]]/g, '').toLowerCase()
}

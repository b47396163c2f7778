/** How tables are made, where a statement does not say which columns it writes. */
import type { SourceFile } from '../source/tree.ts'
import type { Machine } from './machine.ts'
import type { Statement } from './sql.ts'

/** `insert into sessions values (?, ?)`: its columns by their names, where the source says how the table is made. */
export function withColumns(machine: Machine, statement: Statement, file: SourceFile): Statement {
  if (statement.verb !== 'insert' || !statement.writes.every(({ column }) => /^\d+$/.test(column))) return statement
  const columns = columnsOf(machine, statement.table, file)
  if (columns.length < statement.writes.length) return statement
  const writes = statement.writes.map((written, index) => ({ ...written, column: columns[index]! }))
  return { ...statement, writes }
}

const known = new WeakMap<Machine, Map<string, readonly string[]>>()

/** In the same file, or else in others, as long as all that make such a table make the same one. */
function columnsOf(machine: Machine, table: string, own: SourceFile): readonly string[] {
  const columns = columnsAt(machine, table, own)
  return columns.length > 0 ? columns : columnsAnywhere(machine, table)
}

function columnsAt(machine: Machine, table: string, { path, text }: SourceFile): readonly string[] {
  return remembered(machine, `${table} ${path}`, () => columnsIn(text, table))
}

function columnsAnywhere(machine: Machine, table: string): readonly string[] {
  return remembered(machine, table, () => {
    const made = [...machine.modules.values()].map(({ file }) => columnsAt(machine, table, file))
    const [first = [], ...others] = made.filter((columns) => columns.length > 0)
    return others.every((columns) => columns.join() === first.join()) ? first : []
  })
}

function remembered(machine: Machine, key: string, find: () => readonly string[]): readonly string[] {
  const tables = known.get(machine) ?? new Map<string, readonly string[]>()
  known.set(machine, tables)
  const columns = tables.get(key) ?? find()
  tables.set(key, columns)
  return columns
}

function columnsIn(text: string, table: string): readonly string[] {
  if (!/\bcreate\s{1,9}table\b/i.test(text)) return []
  const name = String.raw`["'\x60[]?(?:\w{1,40}\.)?${table}["'\x60\]]?`
  const head = new RegExp(
    String.raw`\bcreate\s{1,9}table\s{1,9}(?:if\s{1,9}not\s{1,9}exists\s{1,9})?${name}\s{0,9}\(`,
    'i',
  )
  const found = head.exec(text)
  return found === null ? [] : definitions(text, found.index + found[0].length).flatMap(nameOf)
}

const LONGEST = 4_000

/** What stands between commas, up to the bracket that closes the list. */
function definitions(text: string, from: number): readonly string[] {
  const parts: string[] = []
  let [depth, start] = [0, from]
  for (let at = from; at < Math.min(text.length, from + LONGEST); at += 1) {
    const letter = text[at]
    if (letter === '(') depth += 1
    else if (letter === ')') depth -= 1
    if (depth < 0 || (depth === 0 && letter === ',')) {
      parts.push(text.slice(start, at))
      start = at + 1
    }
    if (depth < 0) return parts
  }
  return []
}

/** A constraint is no column. */
function nameOf(definition: string): readonly string[] {
  const name = /^[\s"'`[]*(\w+)/.exec(definition.slice(0, 200))?.[1]?.toLowerCase()
  return name === undefined || /^(?:primary|foreign|unique|check|constraint|key|index|exclude)$/.test(name)
    ? []
    : [name]
}

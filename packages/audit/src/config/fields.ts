/** Reads values of unknown shape, and names the field of whatever is not as it should be. */
import { ConfigError } from './config.ts'

/** A value with its place in the file. */
export interface Field {
  readonly file: string
  /** `suppress[2].expires`; '' for the whole document. */
  readonly name: string
  readonly value: unknown
}

const LONGEST_TEXT = 1_000
const MOST_ITEMS = 10_000

export function refuse({ file, name }: Field, complaint: string): never {
  throw new ConfigError(file, name === '' ? undefined : name, complaint)
}

/** The fields of an object, of which only `known` may occur. Absent fields are absent here too. */
export function fieldsOf(field: Field, known: readonly string[]): ReadonlyMap<string, Field> {
  const entries = entriesOf(field)
  for (const name of entries.keys()) {
    if (!known.includes(name))
      refuse(
        field,
        `${field.name === '' ? '' : 'must not hold '}"${name}"${field.name === '' ? ' is no setting' : ''}. It may hold ${known.join(', ')}.`,
      )
  }
  return entries
}

/** Every field of an object whose names are free. */
export function entriesOf(field: Field): ReadonlyMap<string, Field> {
  const { value } = field
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    refuse(field, 'must be a mapping of names to values.')
  const entries = Object.entries(value as object)
  if (entries.length > MOST_ITEMS) refuse(field, `must not hold more than ${MOST_ITEMS} entries.`)
  const prefix = field.name === '' ? '' : `${field.name}.`
  return new Map(entries.map(([name, item]) => [name, { file: field.file, name: `${prefix}${name}`, value: item }]))
}

export function itemsOf(field: Field | undefined): readonly Field[] {
  if (field === undefined) return []
  const { value } = field
  if (!Array.isArray(value)) return refuse(field, 'must be a list.')
  if (value.length > MOST_ITEMS) refuse(field, `must not hold more than ${MOST_ITEMS} items.`)
  return value.map((item: unknown, index) => ({ file: field.file, name: `${field.name}[${index}]`, value: item }))
}

export function textOf(field: Field): string {
  const { value } = field
  if (typeof value !== 'string' || value.trim() === '') return refuse(field, 'must be a text that is not empty.')
  if (value.length > LONGEST_TEXT) refuse(field, `must not be longer than ${LONGEST_TEXT} characters.`)
  return value
}

export function choiceOf<const T extends string>(field: Field, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === field.value)
  return found ?? refuse(field, `must be one of ${choices.join(', ')}.`)
}

/** A calendar day, `YYYY-MM-DD`. YAML readers may make a date of it before we see it. */
export function dayOf(field: Field): string {
  const day = field.value instanceof Date ? field.value.toISOString().slice(0, 10) : field.value
  return typeof day === 'string' && isDay(day) ? day : refuse(field, 'must be a day such as 2027-01-31.')
}

/** Whether a text is a day that the calendar has. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  const time = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
}

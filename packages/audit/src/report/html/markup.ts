/** HTML by template: whatever is put in is escaped, unless it is HTML that a template made. */

/** HTML that a template made. Nothing else makes one. */
export class Markup {
  readonly text: string
  private constructor(text: string) {
    this.text = text
  }

  /** Line breaks and indents of a template are there for who reads it; a line break alone is kept. */
  static of(strings: TemplateStringsArray, ...values: readonly Value[]): Markup {
    return new Markup(
      strings
        .map((part, at) => part.replace(/\s*\n\s*/g, '\n') + (at < values.length ? textOf(values[at]) : ''))
        .join(''),
    )
  }

  /** Text of this program's own (styles, scripts), which no report has touched. */
  static own(text: string): Markup {
    return new Markup(text)
  }
}

type Value = Markup | string | number | undefined | false | readonly (Markup | undefined | false)[]

export const html = (strings: TemplateStringsArray, ...values: readonly Value[]): Markup =>
  Markup.of(strings, ...values)

function textOf(value: Value): string {
  if (value === undefined || value === false) return ''
  if (value instanceof Markup) return value.text
  if (typeof value === 'object') return value.map(textOf).join('')
  return escaped(String(value))
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}

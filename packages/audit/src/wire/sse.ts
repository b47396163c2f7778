/** Server-sent events, read as they come in. */

export interface SseEvent {
  /** `message` where the server names none. */
  readonly name: string
  readonly data: string
  readonly id: string | undefined
}

/** Text of a stream → its events; an event counts when the empty line after it has come. */
export class SseParser {
  private rest = ''

  /** The events that `text` completes. */
  push(text: string): readonly SseEvent[] {
    const blocks = (this.rest + text).split(/\r?\n\r?\n|\r\r/)
    this.rest = blocks.pop() ?? ''
    return blocks.flatMap(eventOf)
  }
}

/** All complete events of a text. */
export function eventsIn(text: string): readonly SseEvent[] {
  return new SseParser().push(`${text}\n\n`)
}

function eventOf(block: string): readonly SseEvent[] {
  const fields = block
    .split(/\r?\n|\r/)
    .filter((line) => !line.startsWith(':'))
    .map(fieldOf)
  const valuesOf = (name: string) => fields.flatMap(([own, value]) => (own === name ? [value] : []))
  const data = valuesOf('data')
  const id = valuesOf('id').at(-1)
  if (data.length === 0 && id === undefined) return []
  return [{ name: valuesOf('event').at(-1) ?? 'message', data: data.join('\n'), id }]
}

function fieldOf(line: string): readonly [string, string] {
  const colon = line.indexOf(':')
  return colon === -1 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')]
}

/** What GitLab demands of a SAST report of schema 15, in our own words: what is required, and of which form. */
import { Ajv } from 'ajv'

const text = { type: 'string', minLength: 1 }
const moment = { type: 'string', pattern: String.raw`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$` }
const link = { type: 'string', pattern: '^https?://.+' }

const product = object(['id', 'name', 'version', 'vendor'], {
  id: text,
  name: text,
  version: text,
  url: link,
  vendor: object(['name'], { name: text }),
})
const identifier = object(['type', 'name', 'value'], { type: text, name: text, value: text, url: link })
const vulnerability = object(['id', 'identifiers', 'location'], {
  id: text,
  name: { type: 'string', maxLength: 255 },
  description: { type: 'string', maxLength: 1_048_576 },
  severity: { enum: ['Info', 'Unknown', 'Low', 'Medium', 'High', 'Critical'] },
  solution: { type: 'string', maxLength: 7_000 },
  identifiers: { type: 'array', minItems: 1, items: identifier },
  location: object([], { file: text, start_line: { type: 'number' }, end_line: { type: 'number' } }),
})
const schema = object(['scan', 'version', 'vulnerabilities'], {
  version: { type: 'string', pattern: String.raw`^\d+\.\d+\.\d+$` },
  scan: object(['analyzer', 'scanner', 'start_time', 'end_time', 'status', 'type'], {
    analyzer: product,
    scanner: product,
    start_time: moment,
    end_time: moment,
    status: { enum: ['success', 'failure'] },
    type: { enum: ['sast'] },
    messages: {
      type: 'array',
      items: object(['level', 'value'], { level: { enum: ['info', 'warn', 'fatal'] }, value: text }),
    },
  }),
  vulnerabilities: { type: 'array', items: vulnerability },
})

function object(required: readonly string[], properties: Readonly<Record<string, unknown>>) {
  return { type: 'object', required, properties }
}

/** Errors of a document, each with its place; none where GitLab would take it. */
export function createSastValidator(): (document: unknown) => readonly string[] {
  const validate = new Ajv({ allErrors: true }).compile(schema)
  return (document) =>
    validate(document) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
}

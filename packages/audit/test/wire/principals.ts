/** The principals of the test target, as a configuration has them. */
import { parseProbeConfig, type ProbeConfig } from '../../src/wire/config.ts'
import { tokens } from './target.ts'

/** With `more` beside the principals, in the words of a configuration. */
export function configWith(more: Readonly<Record<string, unknown>> = {}): ProbeConfig {
  const principals = Object.fromEntries(
    Object.entries(tokens).map(([name, token]) => [name, { headers: { authorization: `Bearer ${token}` } }]),
  )
  return parseProbeConfig(JSON.stringify({ principals, ...more }), 'probe.yaml')
}

export const canary = {
  put: { tool: 'note_put', arguments: { text: '$CANARY' } },
  get: { tool: 'note_get' },
}

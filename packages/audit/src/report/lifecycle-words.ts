/** What a reader calls the transitions of a session. */
import type { Transition } from '../finding/finding.ts'

const NAMES: Readonly<Record<Transition['name'], string>> = {
  open: 'open',
  authenticate: 'authenticate',
  regenerate: 'regenerate the ID',
  resume: 'resume',
  'expire-idle': 'idle timeout',
  'expire-absolute': 'absolute timeout',
  terminate: 'terminate',
  close: 'close',
}

export function transitionName(name: Transition['name']): string {
  return NAMES[name]
}

/** Rules whose weakness is that a transition is missing or weak. */
export const RULES_ABOUT: Readonly<Record<Transition['name'], readonly string[]>> = {
  open: ['client-supplied-session-id', 'predictable-session-id'],
  authenticate: ['session-as-authentication'],
  regenerate: ['session-fixation'],
  resume: ['unbound-session', 'session-as-authentication'],
  'expire-idle': ['missing-session-expiry'],
  'expire-absolute': ['missing-session-expiry'],
  terminate: ['missing-session-invalidation'],
  close: ['missing-session-invalidation'],
}

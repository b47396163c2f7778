/** Session IDs and credentials that are written down, or told to whoever asks. */
import type { ExposureFact, StoreFact } from '../../facts/facts.ts'
import type { Machine } from '../machine.ts'
import { isCredentialPart, isHandleName } from '../secrets.ts'
import { distinct, eventsOf, locate } from './collect.ts'

export function collectExposures(machine: Machine, stores: readonly StoreFact[]): readonly ExposureFact[] {
  const keys = new Set(stores.filter(({ holds }) => holds !== 'web').map(({ id }) => `key:${id}`))
  const logged = eventsOf(machine, 'log').flatMap((event): ExposureFact[] => {
    const kind = kindOf(event.value.tags, keys)
    return kind === undefined ? [] : [{ at: locate(event.site), kind, where: 'log' }]
  })
  const told = eventsOf(machine, 'answer-body')
    .filter((event) => event.value.tags.some((tag) => keys.has(tag)))
    .map((event): ExposureFact => ({ at: locate(event.site), kind: 'session', where: 'answer' }))
  return distinct([...logged, ...told], (fact) => `${fact.at.path}:${fact.at.startLine}:${fact.kind}:${fact.where}`)
}

function kindOf(tags: readonly string[], keys: ReadonlySet<string>): ExposureFact['kind'] | undefined {
  if (tags.includes('headers') || tags.some(isCredentialPart)) return 'credential'
  return tags.some((tag) => tag === 'sid' || keys.has(tag) || isHandle(tag)) ? 'session' : undefined
}

function isHandle(tag: string): boolean {
  const name = /^(?:header|cookie|query):(.+)$/.exec(tag)?.[1]
  return name !== undefined && isHandleName(name)
}

/** Policies on what a header says is called, where the body says what is done. */
import type { NamePolicyFact } from '../../facts/facts.ts'
import type { Machine } from '../machine.ts'
import { distinct, eventsOf, locate, sameSite } from './collect.ts'

export function collectNamePolicies(machine: Machine): readonly NamePolicyFact[] {
  const facts = eventsOf(machine, 'named-execution').map((event): NamePolicyFact => ({
    decided: locate(event.policy),
    at: locate(event.site),
    via: event.via === undefined || sameSite(event.via, event.site) ? undefined : locate(event.via),
    compared: event.matched || machine.namesCompared.has(event.context.activation),
  }))
  return distinct(
    facts,
    ({ decided, at, compared }) => `${decided.path}:${decided.startLine}:${at.path}:${at.startLine}:${compared}`,
  )
}

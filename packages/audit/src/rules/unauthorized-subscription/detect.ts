import type { ServerFacts, SubscriptionFact, TaskStoreFact } from '../../facts/facts.ts'
import type { StateHandleFact } from '../../facts/handles.ts'
import type { FindingDraft } from '../../finding/finding.ts'
import { atDistinctPlaces } from '../../finding/finding.ts'
import { judged, notApplicable, type Verdict } from '../rule.ts'

export function detect(facts: ServerFacts): Verdict {
  const tasks = facts.stateHandles.filter(({ isTask }) => isTask)
  if (facts.subscriptions.length === 0 && facts.taskStores.length === 0 && tasks.length === 0)
    return notApplicable('Nobody is told of what belongs to somebody, and no tasks are kept.')
  if (!facts.verifiesCredentials) return notApplicable('Nobody proves who they are: there is nobody to tell apart.')
  const open = facts.subscriptions.filter(({ permitted }) => !permitted)
  return judged([
    ...byPlace(open).map(subscriptionFinding),
    ...facts.taskStores.filter(({ shared, blind }) => shared && blind).map(taskStoreFinding),
    ...tasks.filter(({ callers }) => callers === 'people').flatMap((fact) => taskFinding(fact) ?? []),
  ])
}

function byPlace(subscriptions: readonly SubscriptionFact[]): readonly (readonly SubscriptionFact[])[] {
  const groups = new Map<string, SubscriptionFact[]>()
  for (const fact of subscriptions) {
    const key = `${fact.how}:${fact.at.path}:${fact.at.startLine}`
    groups.set(key, [...(groups.get(key) ?? []), fact])
  }
  return [...groups.values()]
}

const TAKEN: Record<SubscriptionFact['how'], string> = {
  subscribe: 'A client is subscribed to whatever resource it names',
  listen: 'A client may listen to whatever resource it names',
  stream: 'A stream is opened for whatever topic the request names',
}

function subscriptionFinding(group: readonly SubscriptionFact[]): FindingDraft {
  const [{ how, at, asked, handler }] = group as readonly [SubscriptionFact, ...SubscriptionFact[]]
  return {
    what: `${TAKEN[how]}: nobody asks whether the caller may know of it, and news of others’ go there.`,
    trace: [
      { note: 'taken as named, whoever asks', location: at },
      ...(handler ? [{ note: 'made once, for all who listen', location: handler }] : []),
      ...(asked ? [{ note: 'on behalf of whoever asks', location: asked }] : []),
      ...group.slice(0, 3).map(({ told }) => ({ note: 'told to all who named it', location: told })),
    ],
    primary: 0,
    confidence: how === 'stream' ? 'medium' : 'high',
  }
}

function taskStoreFinding({ created, answers, used }: TaskStoreFact): FindingDraft {
  return {
    what: 'One store has the tasks of all callers and cannot tell them apart: whoever is logged in can list, read and cancel the tasks of everybody.',
    trace: [
      { note: 'made once, for the tasks of all', location: created },
      ...(answers ? [{ note: 'finds a task by its ID alone', location: answers }] : []),
      { note: 'answers every caller with any task', location: used },
    ],
    primary: 0,
    confidence: 'high',
    todo: 'Give each principal a store of its own, or one that remembers who created a task and compares that on every get, result, list and cancel.',
  }
}

const MOST_STEPS = 8

function taskFinding({ name, minted, uses }: StateHandleFact): FindingDraft | undefined {
  const open = uses.filter(({ bound }) => !bound)
  if (open.length === 0) return undefined
  const steps = open.flatMap(({ lookup, at, how }) => [
    ...(how === 'removed' ? [] : [{ note: 'looked up by its ID alone', location: lookup }]),
    { note: `${how} without comparing who began it`, location: at },
  ])
  return {
    what: `Tasks in ${name} are given to whoever names one: the verified caller is never compared with who began it.`,
    trace: [{ note: 'a task is kept', location: minted }, ...atDistinctPlaces(steps)].slice(0, MOST_STEPS),
    primary: 1,
    confidence: 'high',
    todo: 'Compare the principal who created a task on every get, result, list and cancel, and answer for a foreign task as for an unknown one.',
  }
}

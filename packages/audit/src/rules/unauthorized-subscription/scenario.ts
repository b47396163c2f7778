/** Others subscribe to what only Alice may read, and ask for her tasks. */
import type { Exchange, LiveFindingDraft } from '../../finding/finding.ts'
import { handleIn } from '../../wire/handles.ts'
import type { Session } from '../../wire/legacy.ts'
import { holds, isEventStream, isRefused, isServed, messagesIn, statusOf } from '../../wire/reading.ts'
import {
  defineScenario,
  found,
  judgedViews,
  leftOpen,
  liveNotApplicable,
  type LiveVerdict,
  undecided,
  type View,
  withstood,
} from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Stream } from '../../wire/stream.ts'
import type { Actor } from '../../wire/wire.ts'

interface Watch {
  /** Alice's own, which must see the update. */
  readonly hers: Exchange
  readonly his: Exchange
  readonly trigger: Exchange
  readonly uri: string
  readonly sheSaw: boolean
  readonly heSaw: boolean
}

interface TaskAttempt {
  readonly method: string
  readonly attack: Exchange
  readonly control: Exchange
}

interface Tasks {
  readonly started: Exchange
  readonly own?: Exchange
  readonly taskId?: string
  readonly attempts: readonly TaskAttempt[]
}

interface Recording {
  readonly eras: readonly string[]
  readonly refusal: string | undefined
  readonly anonymous: boolean
  readonly noOther: string
  readonly by: string | undefined
  readonly hasResource: boolean
  readonly hasTasks: boolean
  readonly watch?: Watch
  readonly tasks?: Tasks
}

/** How long an update may take. */
const UPDATE_MS = 3_000
/** What has not come by the time that Alice's has, comes within this, and a few times as long as hers took, or not at all. */
const LATER_MS = 150
const TIMES_HERS = 4

export const scenario = defineScenario<Recording>({
  async play(stage) {
    const { survey, config, actors } = stage
    const { eras, refusal, anonymous, noOther } = survey
    const other = actors.bob ?? actors.carol
    const facts = {
      eras,
      refusal,
      anonymous,
      noOther,
      by: other?.name,
      hasResource: config.resource !== undefined,
      hasTasks: config.tasks !== undefined,
    }
    if (eras.length === 0 || anonymous || other === undefined) return facts
    const watch = config.resource && (await playWatch(other, stage))
    const tasks = config.tasks && (await playTasks(other, stage))
    return { ...facts, ...(watch && { watch }), ...(tasks && { tasks }) }
  },

  judge(recording): LiveVerdict {
    const { eras, refusal, anonymous, noOther, by, hasResource, hasTasks } = recording
    if (eras.length === 0) return leftOpen(refusal ?? 'No MCP server answered.')
    if (!hasResource && !hasTasks) return liveNotApplicable('The configuration names no private resource and no task.')
    if (anonymous) return liveNotApplicable('The server lets everybody in: nothing in it is private.')
    if (by === undefined) return leftOpen(noOther)
    const views = [
      ...(hasResource ? [judgeWatch(recording, by)] : []),
      ...(hasTasks ? [judgeTasks(recording, by)] : []),
    ]
    return judgedViews(views)
  },
})

interface Watching {
  readonly stream: Stream | undefined
  readonly exchange: Exchange | undefined
}

/** Subscribed by the revision that the server speaks. */
async function watchAs(actor: Actor, uri: string, stage: Stage): Promise<Watching & { readonly session?: Session }> {
  if (stage.survey.eras.includes('modern')) {
    const stream = await stage.listen(actor, 'subscriptions/listen', {
      notifications: { resourceSubscriptions: [uri] },
    })
    return { stream, exchange: stream.exchange() }
  }
  const { session } = await stage.open(actor)
  if (session === undefined) return { stream: undefined, exchange: undefined }
  const stream = session.stream ?? (await stage.stream(actor, session))
  const exchange = await stage.request(actor, session, 'resources/subscribe', { uri })
  return { stream, exchange, session }
}

async function playWatch(other: Actor, stage: Stage): Promise<Watch | undefined> {
  const { resource } = stage.config
  if (resource === undefined) return undefined
  const { alice } = stage.actors
  const { uri, trigger } = resource
  const hers = await watchAs(alice, uri, stage)
  const his = await watchAs(other, uri, stage)
  if (hers.stream === undefined || his.stream === undefined) return undefined
  const isUpdate = ({ data }: { readonly data: string }) =>
    data.includes('notifications/resources/updated') && data.includes(JSON.stringify(uri))
  const since = stage.now()
  const triggered = await stage.call(alice, hers.session, trigger, { canary: stage.canary() })
  const sheSaw = (await hers.stream.until(isUpdate, UPDATE_MS)) !== undefined
  const laterMs = LATER_MS + TIMES_HERS * (stage.now() - since)
  const heSaw = (await his.stream.until(isUpdate, laterMs)) !== undefined
  const watch = { hers: hers.stream.exchange(), his: his.stream.exchange(), trigger: triggered, uri, sheSaw, heSaw }
  hers.stream.close()
  his.stream.close()
  return isEventStream(watch.his) ? watch : { ...watch, his: his.exchange ?? watch.his }
}

function judgeWatch({ watch }: Recording, by: string): View {
  if (watch === undefined) return undecided('Nobody could subscribe.')
  const { hers, his, trigger, uri, sheSaw, heSaw } = watch
  if (!sheSaw)
    return undecided(
      `Alice herself was told of no change to the configured resource (${statusOf(hers) ?? 'no answer'}).`,
    )
  if (!heSaw)
    return isRefused(his) || statusOf(his) !== undefined
      ? withstood(`${by} subscribing to ${uri}`)
      : undecided(`${by} was not answered when he subscribed.`)
  return found({
    key: `${by} subscribes`,
    what: `${by} subscribes to a resource of Alice's, and is told whenever it changes.`,
    trace: [
      { note: 'Alice subscribes, as she may', exchange: hers },
      { note: 'and something changes', exchange: trigger },
      { note: `${by} has subscribed to it as well, and is told`, exchange: his },
    ],
    confidence: 'high',
  })
}

async function playTasks(other: Actor, stage: Stage): Promise<Tasks | undefined> {
  const { tasks } = stage.config
  if (tasks === undefined) return undefined
  const { alice } = stage.actors
  const isModern = stage.survey.eras.includes('modern')
  const own = isModern ? undefined : (await stage.open(alice)).session
  const canary = stage.canary()
  const started = await startTask(alice, own, canary, stage)
  const taskId = handleIn(started, 'taskId')
  if (taskId === undefined || !/^\S{1,200}$/.test(taskId)) return { started, attempts: [] }
  stage.keep('task', taskId)
  const ask = (actor: Actor, session: Session | undefined, method: string, id: string) =>
    session === undefined
      ? stage.ask(actor, method, { taskId: id }, { meta: UNDERSTANDS_TASKS })
      : stage.request(actor, session, method, { taskId: id })
  const mine = await ask(alice, own, 'tasks/get', taskId)
  const his = isModern ? undefined : (await stage.open(other)).session
  const attempts: TaskAttempt[] = []
  const methods = isModern ? ['tasks/get'] : ['tasks/get', 'tasks/result', 'tasks/list']
  for (const method of [...methods, 'tasks/cancel']) {
    const control = await ask(other, his, method, stage.inventedId())
    attempts.push({ method, control, attack: await ask(other, his, method, taskId) })
  }
  return { started, own: mine, taskId, attempts }
}

/** A tool call that is to be a task: of the earlier revisions by a parameter, of 2026-07-28 by the server's choice. */
function startTask(alice: Actor, session: Session | undefined, canary: string, stage: Stage): Promise<Exchange> {
  const { tool = '', arguments: args = {} } = stage.config.tasks ?? {}
  const filled = JSON.parse(JSON.stringify(args).replaceAll('$CANARY', canary)) as object
  const params = { name: tool, arguments: filled }
  return session === undefined
    ? stage.ask(alice, 'tools/call', params, { meta: UNDERSTANDS_TASKS })
    : stage.request(alice, session, 'tools/call', { ...params, task: { ttl: 60_000 } })
}

/** Tasks are an extension: a server starts none for a client that does not name it. */
const UNDERSTANDS_TASKS = {
  'io.modelcontextprotocol/clientCapabilities': { extensions: { 'io.modelcontextprotocol/tasks': {} } },
}

function judgeTasks({ tasks }: Recording, by: string): View {
  if (tasks === undefined) return undecided('No task could be started.')
  const { started, own, taskId, attempts } = tasks
  if (taskId === undefined)
    return undecided(`The configured tool started no task (${statusOf(started) ?? 'no answer'}).`)
  if (own === undefined || !isServed(own)) return undecided('Alice herself is told nothing of her task.')
  const thefts = attempts.filter(({ method, attack, control }) =>
    method === 'tasks/list' ? holds(attack, taskId) : isServed(attack) && !isServed(control),
  )
  if (thefts.length === 0)
    return attempts.some(({ attack }) => messagesIn(attack).length === 0 && !isRefused(attack))
      ? undecided(`${by} was not answered when he asked for a task.`)
      : withstood(`${by} asking for Alice's task`)
  return found(
    ...thefts.map(({ method, attack, control }): LiveFindingDraft => ({
      key: `${by} ${method}`,
      what: `${by} names a task of Alice's, and ${method} is done for him: nobody asks whose it is.`,
      trace: [
        { note: 'Alice starts a task', exchange: started },
        { note: 'and asks for it, as she may', exchange: own },
        { note: `${by} asks for one that nobody started`, exchange: control },
        { note: `and for Alice's`, exchange: attack },
      ],
      confidence: 'high',
    })),
  )
}

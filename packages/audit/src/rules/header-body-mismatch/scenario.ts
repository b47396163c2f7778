/** Headers name one thing, the body another: which of them does the server do? */
import type { Exchange, HeaderField, LiveFindingDraft } from '../../finding/finding.ts'
import { holds, isRefused, isServed, statusOf } from '../../wire/reading.ts'
import { defineScenario, judgedLive, leftOpen, liveNotApplicable, type LiveVerdict } from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'

interface Lie {
  /** In a few words. */
  readonly how: string
  readonly exchange: Exchange
  /** Of a call that writes: what is read afterwards, and what must not be in it. */
  readonly effect?: { readonly exchange: Exchange; readonly canary: string }
}

interface Recording {
  readonly eras: readonly string[]
  readonly refusal: string | undefined
  readonly honest?: Exchange
  readonly lies: readonly Lie[]
}

export const scenario = defineScenario<Recording>({
  async play(stage) {
    const { eras, refusal } = stage.survey
    if (!eras.includes('modern')) return { eras, refusal, lies: [] }
    const honest = await stage.ask(stage.actors.alice, 'tools/list')
    const lies = [...(await lieAboutLists(stage)), ...(await lieAboutTools(stage)), ...(await lieAboutEffect(stage))]
    return { eras, refusal, honest, lies }
  },

  judge({ eras, refusal, honest, lies }): LiveVerdict {
    if (eras.length === 0) return leftOpen(refusal ?? 'No MCP server answered.')
    if (!eras.includes('modern'))
      return liveNotApplicable('The server does not speak 2026-07-28: no header repeats the body.')
    if (honest === undefined || !isServed(honest))
      return leftOpen('Alice was not served with headers that agree with the body.')
    const judged = lies.map((lie) => ({ lie, worked: succeeded(lie) }))
    return judgedLive(
      judged.flatMap(({ lie, worked }) => (worked === true ? [findingOf(lie, honest)] : [])),
      judged.flatMap(({ lie, worked }) =>
        worked === undefined
          ? [`With ${lie.how}, nothing could be told from what came back (${statusOf(lie.exchange) ?? 'no answer'}).`]
          : [],
      ),
      judged.flatMap(({ lie, worked }) => (worked === false ? [lie.how] : [])),
    )
  },
})

function saying(headers: Readonly<Record<string, string>>): { readonly headers: readonly HeaderField[] } {
  return { headers: Object.entries(headers) }
}

async function lieAboutLists(stage: Stage): Promise<readonly Lie[]> {
  const { alice } = stage.actors
  return [
    {
      how: 'another method in Mcp-Method than in the body',
      exchange: await stage.ask(alice, 'tools/list', {}, saying({ 'mcp-method': 'prompts/list' })),
    },
  ]
}

async function lieAboutTools(stage: Stage): Promise<readonly Lie[]> {
  const [tool] = stage.readOnlyTools
  if (tool === undefined) return []
  const params = { name: tool.name, arguments: {} }
  const { alice } = stage.actors
  return [
    {
      how: 'another tool in Mcp-Name than in the body',
      exchange: await stage.ask(alice, 'tools/call', params, saying({ 'mcp-name': `${tool.name}_of_another_name` })),
    },
  ]
}

/** The headers show a tool that only reads, the body calls one that writes. */
async function lieAboutEffect(stage: Stage): Promise<readonly Lie[]> {
  const { mismatch } = stage.config
  if (mismatch === undefined) return []
  const { alice } = stage.actors
  const { shown, real, get } = mismatch
  const canary = stage.canary()
  const args = JSON.parse(JSON.stringify(real.arguments).replaceAll('$CANARY', canary)) as object
  const exchange = await stage.ask(
    alice,
    'tools/call',
    { name: real.tool, arguments: args },
    saying({ 'mcp-name': shown.tool }),
  )
  return [
    {
      how: `the tool ${shown.tool} in Mcp-Name, and ${real.tool} in the body`,
      exchange,
      effect: { exchange: await stage.call(alice, undefined, get, {}), canary },
    },
  ]
}

/** Undefined: nothing can be said. */
function succeeded({ exchange, effect }: Lie): boolean | undefined {
  if (effect !== undefined && holds(effect.exchange, effect.canary)) return true
  if (isServed(exchange)) return true
  return isRefused(exchange) ? false : undefined
}

function findingOf({ how, exchange, effect }: Lie, honest: Exchange): LiveFindingDraft {
  return {
    key: how,
    what: `A request with ${how} is carried out by its body: whoever decides by the headers decides about another request.`,
    trace: [
      { note: 'Alice is served with headers that agree with the body', exchange: honest },
      { note: `and with ${how}`, exchange },
      ...(effect ? [{ note: 'the effect is there', exchange: effect.exchange }] : []),
    ],
    primary: 1,
    confidence: 'high',
  }
}

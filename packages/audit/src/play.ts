/** Plays every scenario: what needs the server for itself first, then what does not, side by side, then what waits for time to pass, and what a server may not live through last. */
import type { OnProgress } from './progress.ts'
import type { Rule, RuleEntry } from './rules/rule.ts'
import { type Budget, BudgetSpent } from './wire/budget.ts'
import type { ProbeConfig } from './wire/config.ts'
import type { Session } from './wire/legacy.ts'
import type { Redactor } from './wire/redact.ts'
import { MOST_AT_ONCE, type Room, roomOn, witnessOn } from './wire/room.ts'
import type { LiveVerdict, Scenario } from './wire/scenario.ts'
import { type Actors, Stage, type StageOptions } from './wire/stage.ts'
import type { Survey } from './wire/survey.ts'
import { Turns } from './wire/turns.ts'
import type { Wire } from './wire/wire.ts'

/** What one probe shares among its scenarios. */
export interface Probing {
  readonly config: ProbeConfig
  readonly budget: Budget
  readonly redactor: Redactor
  readonly signal: AbortSignal
  actors: Actors
  readonly nextId: () => number
  readonly now: () => number
  readonly random: (bytes: number) => Buffer
  readonly onProgress: OnProgress
  readonly wireTo: (url: URL) => Wire
}

export interface Played {
  readonly rule: Rule
  readonly verdict: LiveVerdict
}

/**
 * The verdict of every rule. Never throws: what cannot be played is open. `renew` logs everybody in again, who may have
 * been logged out by what was played.
 */
export async function playAll(
  rules: readonly RuleEntry[],
  probing: Probing,
  survey: Survey,
  renew: () => Promise<unknown>,
): Promise<readonly Played[]> {
  const program = new Program(probing, survey)
  const wanted = (timed: Scenario['timed']) => rules.filter(({ scenario }) => scenario && scenario.timed === timed)
  const early = program.sideBySide(wanted('from the start'), MOST_AT_ONCE)
  const [alone, others] = halves(wanted(undefined), ({ scenario }) => scenario?.alone?.(probing.config) === true)
  const [provoking, quiet] = halves(others, ({ scenario }) => scenario?.provokes === true)
  if (others.length > 1) await program.measureRoom()
  for (const entry of alone) {
    await program.inTurn([entry])
    await renew()
  }
  await program.sideBySideOrAgain(quiet)
  await Promise.all([early, program.sideBySide(wanted(true), MOST_AT_ONCE)])
  await program.sideBySideOrAgain(provoking)
  await program.close()
  return rules.map(({ rule }) => ({ rule, verdict: program.verdicts.get(rule.id) ?? NO_SCENARIO }))
}

const NO_SCENARIO: LiveVerdict = { kind: 'notApplicable', reason: 'The wire does not show this weakness.' }

function halves<T>(items: readonly T[], isFirst: (item: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))]
}

/** The scenarios of one probe, as they are played. */
class Program {
  readonly verdicts = new Map<string, LiveVerdict>()
  /** A scenario has shown that sessions disturb each other. */
  private showsDisturbance = false
  private readonly probing: Probing
  private readonly survey: Survey
  private readonly writing = new Turns(1)
  private room: Room = { most: 1 }
  /** Where the room was measured: what is left of it is a witness later on. */
  private measured: Stage | undefined

  constructor(probing: Probing, survey: Survey) {
    this.probing = probing
    this.survey = survey
  }

  /** One is over before the next begins. */
  async inTurn(entries: readonly RuleEntry[]): Promise<void> {
    for (const entry of entries) await this.sideBySide([entry], 1)
  }

  /** Plays so much at once; gives those that were not decided and may be where nothing is played beside them. */
  async sideBySide(entries: readonly RuleEntry[], most: number): Promise<readonly RuleEntry[]> {
    const turns = new Turns(most)
    const undecided = await Promise.all(entries.map((entry) => turns.of(() => this.play(entry, turns))))
    return entries.filter((_, index) => undecided[index])
  }

  /**
   * Plays side by side; once more, one after another, what was not decided and may have been disturbed by the others, and
   * everything where a session was ended that nobody had touched.
   */
  async sideBySideOrAgain(entries: readonly RuleEntry[]): Promise<void> {
    const { most } = this.room
    if (most === 1 || this.showsDisturbance || entries.length === 0) return this.inTurn(entries)
    const { stage, left } = await this.watchtower()
    const isUntouched = await witnessOn(stage, left)
    const undecided = await this.sideBySide(entries, most)
    const again = (await isUntouched()) ? undecided : entries
    await this.inTurn(again)
  }

  async measureRoom(): Promise<void> {
    this.measured = this.stage(new Turns(1))
    this.room = await roomOn(this.measured)
    if (this.room.most === 1) await this.close()
  }

  /** Where a witness may stand: among what is left of measuring, unless Alice has logged in again since. */
  private async watchtower(): Promise<{ readonly stage: Stage; readonly left: Session | undefined }> {
    const { measured } = this
    if (measured?.actors.alice === this.probing.actors.alice) return { stage: measured, left: this.room.left }
    await this.close()
    this.measured = this.stage(new Turns(1))
    return { stage: this.measured, left: undefined }
  }

  /** Ends what is still open. */
  async close(): Promise<void> {
    await this.measured?.close()
    this.measured = undefined
  }

  /** Whether it was not decided, and may be if it is played again with nothing beside it. */
  private async play({ rule, scenario }: RuleEntry, turns: Turns): Promise<boolean> {
    if (scenario === undefined) return false
    const { budget, config, onProgress } = this.probing
    onProgress({ phase: rule.id, done: budget.spent, total: config.budget.requests })
    const stage = this.stage(turns)
    const verdict = await playOne(scenario, rule.id, stage, this.probing)
    this.verdicts.set(rule.id, verdict)
    if (scenario.showsIsolation && hasFindings(verdict)) this.showsDisturbance = true
    return stage.troubled && verdict.kind === 'judged' && verdict.findings.length === 0 && verdict.open.length > 0
  }

  private stage(turns: Turns): Stage {
    return stageFor(this.probing, this.survey, { turns, writing: this.writing, room: this.room.most })
  }
}

export function stageFor(
  { wireTo, random, ...shared }: Probing,
  survey: Survey,
  beside: Pick<StageOptions, 'turns' | 'writing' | 'room'> = { turns: new Turns(1), writing: new Turns(1), room: 1 },
): Stage {
  const wire = wireTo(new URL(survey.url))
  return new Stage({ ...shared, ...beside, wire, survey, random: (bytes) => random(bytes).toString('hex') })
}

/** Plays, redacts, judges. A scenario that fails costs its own verdict and nobody else's. */
async function playOne(scenario: Scenario, id: string, stage: Stage, probing: Probing): Promise<LiveVerdict> {
  try {
    if (probing.signal.aborted) return open('The probe was interrupted.')
    const recording = await scenario.play(stage)
    const verdict = scenario.judge(probing.redactor.redacted(recording))
    return probing.signal.aborted && !hasFindings(verdict) ? open('The probe was interrupted.') : checked(verdict)
  } catch (error) {
    if (error instanceof BudgetSpent) return open(error.message)
    return open(
      `The scenario of ${id} failed and gave no verdict (${error instanceof Error ? error.name : 'unknown'}).`,
    )
  } finally {
    await stage.close()
  }
}

/** What exercised nothing decides nothing. */
function checked(verdict: LiveVerdict): LiveVerdict {
  if (verdict.kind === 'notApplicable' || hasFindings(verdict)) return verdict
  return verdict.open.length > 0 || verdict.tried.length > 0 ? verdict : open('Nothing could be tried.')
}

function hasFindings(verdict: LiveVerdict): boolean {
  return verdict.kind === 'judged' && verdict.findings.length > 0
}

function open(reason: string): LiveVerdict {
  return { kind: 'judged', findings: [], open: [reason], tried: [] }
}

/** The pipeline from source to mended source: audit, edit, examine again, keep what holds. It writes nothing. */
import { reportOf, type AuditOptions } from './audit.ts'
import { examine, ownStages, type Examined, type Stages } from './examine.ts'
import type { Report } from './finding/finding.ts'
import { applyEdits, clash } from './fix/edits.ts'
import { objectionTo, type Offer, type Shown } from './fix/objection.ts'
import { disk } from './source/host.ts'
import { overlay } from './source/overlay.ts'
import { absolute } from './source/walk.ts'
import type { Change } from './source/write.ts'

export interface MendOptions extends AuditOptions {
  /** `safe`: fixes that keep behaviour for every legitimate caller. `all`: those that want a review too. */
  readonly kinds: 'safe' | 'all'
}

export interface RolledBack extends Offer {
  readonly reason: string
}

export interface Mended {
  /** The absolute folder that the paths of the changes are relative to. */
  readonly folder: string
  /** Of the source as it is. */
  readonly before: Report
  /** Of the source as it would be. */
  readonly after: Report
  readonly changes: readonly Change[]
  readonly fixed: readonly Offer[]
  /** Fixes that did not hold: the source is without them. */
  readonly rolledBack: readonly RolledBack[]
}

/** A fix can wait for another or uncover one, but hardly ten deep. */
const MOST_ROUNDS = 10

/**
 * What the offered fixes make of the source under `root`. A fix stays only if, with it, its finding is gone, no finding
 * and no gap has come, and nothing that was decided is undecided. Throws AuditError as `audit` does.
 */
export async function mend(root: string, options: MendOptions, stages: Stages = ownStages): Promise<Mended> {
  const start: State = { texts: new Map(), examined: await examine(root, options, stages) }
  const before = await reportOf(start.examined, root, options, stages)
  const scene: Scene = { root, options, stages, folder: start.examined.tree.root }
  const fixed: Offer[] = []
  const rolledBack = new Map<string, RolledBack>()
  let state = start
  let after = before
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const open = offersIn(after, options.kinds).filter((offer) => !rolledBack.has(keyOf(offer)))
    if (open.length === 0) break
    const settled = await settle(scene, state, { state, kept: [], dropped: [] }, withoutClashes(open))
    for (const dropped of settled.dropped) rolledBack.set(keyOf(dropped), dropped)
    if (settled.kept.length === 0) continue
    fixed.push(...settled.kept)
    state = settled.state
    after = await reportOf(state.examined, root, optionsOn(scene, state.texts), stages)
  }
  return {
    folder: scene.folder,
    before,
    after,
    changes: changesBetween(start, state),
    fixed,
    rolledBack: [...rolledBack.values()].filter((offer) =>
      offersIn(after, options.kinds).some((open) => keyOf(open) === keyOf(offer)),
    ),
  }
}

/** The source at some moment. */
interface State {
  /** Of the files that are changed, by path. */
  readonly texts: ReadonlyMap<string, string>
  readonly examined: Examined
}

interface Scene {
  readonly root: string
  readonly options: MendOptions
  readonly stages: Stages
  readonly folder: string
}

interface Settled {
  readonly state: State
  readonly kept: readonly Offer[]
  readonly dropped: readonly RolledBack[]
}

/** Takes all offers at once if that holds; else part by part, until those are found that do not hold. */
async function settle(scene: Scene, base: State, trusted: Settled, offers: readonly Offer[]): Promise<Settled> {
  const all = [...trusted.kept, ...offers]
  const state = await withOffers(scene, base, all)
  const objection = objectionTo(shownBy(base.examined), shownBy(state.examined), all)
  if (objection === undefined) return { ...trusted, state, kept: all }
  if (offers.length === 1) {
    const dropped = offers.map((offer) => ({ ...offer, reason: objection.reason }))
    return { ...trusted, dropped: [...trusted.dropped, ...dropped] }
  }
  const [first, second] = divided(offers, objection.blames)
  return settle(scene, base, await settle(scene, base, trusted, first), second)
}

/** Those that the objection blames come last, so that the others are settled in one go. */
function divided(
  offers: readonly Offer[],
  blames: (offer: Offer) => boolean = () => false,
): readonly [readonly Offer[], readonly Offer[]] {
  const suspects = offers.filter(blames)
  const others = offers.filter((offer) => !suspects.includes(offer))
  if (suspects.length > 0 && others.length > 0) return [others, suspects]
  const middle = Math.ceil(offers.length / 2)
  return [offers.slice(0, middle), offers.slice(middle)]
}

async function withOffers(scene: Scene, base: State, offers: readonly Offer[]): Promise<State> {
  const edited = applyEdits(
    offers.flatMap(({ fix }) => fix.edits),
    (path) => textIn(base, path),
  )
  const texts = new Map([...base.texts, ...edited])
  return { texts, examined: await examine(scene.root, optionsOn(scene, texts), scene.stages) }
}

/** The options, on source with other texts. */
function optionsOn({ options, folder }: Scene, texts: ReadonlyMap<string, string>): MendOptions {
  const changed = new Map([...texts].map(([path, text]) => [absolute(folder, path), text]))
  return { ...options, host: overlay(options.host ?? disk, changed) }
}

function textIn({ texts, examined: { tree } }: State, path: string): string {
  return texts.get(path) ?? tree.file(path)?.text ?? tree.config(path) ?? ''
}

function offersIn({ findings }: Report, kinds: MendOptions['kinds']): readonly Offer[] {
  return findings.flatMap((finding) => {
    const fix = finding.fixes.find(({ kind }) => kinds === 'all' || kind === 'safe')
    return fix ? [{ finding, fix }] : []
  })
}

/** What can be done at once, the first come first; the rest waits for the next round. */
function withoutClashes(offers: readonly Offer[]): readonly Offer[] {
  const taken: Offer[] = []
  for (const offer of offers) if (!taken.some(({ fix }) => clash(fix.edits, offer.fix.edits))) taken.push(offer)
  return taken
}

/** A fix that would write something else than before, since other fixes let more be seen, is another one. */
function keyOf({ finding, fix }: Offer): string {
  return [finding.fingerprint, fix.title, ...fix.edits.map(({ path, text }) => `${path} ${text}`)].join('\0')
}

function shownBy({ findings, gaps, detections }: Examined): Shown {
  const undecided = detections.map(
    ({ rule, verdict }) => [rule.id, verdict.kind === 'judged' ? verdict.open : []] as const,
  )
  return { findings, gaps, undecided: new Map(undecided) }
}

function changesBetween(start: State, end: State): readonly Change[] {
  return [...end.texts]
    .map(([path, after]) => ({ path, before: textIn(start, path), after }))
    .filter(({ before, after }) => before !== after)
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

/** The life of a session, drawn from top to bottom: states, the transitions between them, and which of them are missing. */
import type { Lifecycle, Presence, SessionState, Transition } from '../../finding/finding.ts'
import { counted, placeText } from '../summary.ts'
import { transitionName } from '../lifecycle-words.ts'
import { widthOf } from './cells.ts'
import { type Line, type Role, span, type Terminal } from './terminal.ts'
import { wrapped } from './wrap.ts'

const ROLE: Readonly<Record<Presence, Role>> = {
  present: 'good',
  partial: 'medium',
  missing: 'critical',
  unknown: 'unsure',
  notApplicable: 'faint',
}

/** Columns before what is said of a transition. */
const NAME_COLUMNS = 26
const PLACES_SHOWN = 2
/** More pictures than these are read by nobody. */
const DRAWN = 4

/** A picture for each store; of many, those that lack most. */
export function drawLifecycles(lifecycles: readonly Lifecycle[], terminal: Terminal): readonly (readonly Line[])[] {
  const lacking = ({ transitions }: Lifecycle) => transitions.filter(({ presence }) => presence === 'missing').length
  const shown =
    lifecycles.length > DRAWN ? lifecycles.toSorted((a, b) => lacking(b) - lacking(a)).slice(0, DRAWN) : lifecycles
  const more = lifecycles.length - shown.length
  const rest =
    more > 0 ? [[[span(`and ${counted(more, 'more store')}; the json and html formats have all`, 'faint')]]] : []
  return [...shown.map((lifecycle) => drawLifecycle(lifecycle, terminal)), ...rest]
}

/** One picture under a title that names the store. */
function drawLifecycle(lifecycle: Lifecycle, terminal: Terminal): readonly Line[] {
  const { states, transitions, store, location } = lifecycle
  const title: Line = [span('Lifecycle', 'strong'), span(`  sessions in ${store} `), span(placeText(location), 'faint')]
  const body = states.flatMap((state, at) => [
    stateRow(state, terminal),
    ...transitions
      .filter(({ from, to }) => from === state && to === state)
      .flatMap((one) => rows(one, 'loop', terminal)),
    ...transitions
      .filter(({ from, to }) => from === state && to !== state && to !== 'ended')
      .flatMap((one) => rows(one, 'on', terminal)),
    ...(at === states.length - 2 ? endings(transitions, terminal) : []),
  ])
  return [title, [], ...body]
}

/** Every way to the end, whatever state it leaves from: an abandoned login form is a session too. */
function endings(transitions: readonly Transition[], terminal: Terminal): readonly Line[] {
  return transitions.filter(({ to }) => to === 'ended').flatMap((one) => rows(one, 'end', terminal))
}

function stateRow(state: SessionState, { glyphs }: Terminal): Line {
  return [span(`  ${glyphs.state[state]} `, 'strong'), span(state === 'none' ? 'no session' : state, 'strong')]
}

function rows(
  { name, presence, summary, places }: Transition,
  edge: 'on' | 'loop' | 'end',
  terminal: Terminal,
): readonly Line[] {
  const { glyphs } = terminal
  const role = ROLE[presence]
  const isThere = presence === 'present' || presence === 'partial'
  const stroke = isThere ? glyphs.edge[edge] : glyphs.lacking[edge]
  const head = [
    span(`  ${stroke} `, edge === 'on' || isThere ? 'faint' : role),
    span(`${glyphs.presence[presence]} `, role),
    span(transitionName(name), isThere ? 'plain' : role),
  ]
  const used = head.reduce((sum, { text }) => sum + widthOf(text), 0)
  const first = span(' '.repeat(Math.max(1, NAME_COLUMNS - used)))
  const rail = `  ${glyphs.edge.on.trimEnd()}`
  const indent = [span(rail, 'faint'), span(' '.repeat(NAME_COLUMNS - widthOf(rail)))]
  const room = terminal.width - NAME_COLUMNS
  const said = wrapped(presence === 'present' ? summary : `${WORD[presence]}${summary}`, room).map((text): Line => [
    span(text, isThere ? 'plain' : role),
  ])
  const more = places.length > PLACES_SHOWN ? [`and ${places.length - PLACES_SHOWN} more`] : []
  const where = [...places.slice(0, PLACES_SHOWN).map(({ location }) => placeText(location)), ...more]
  const lines = [
    ...said,
    ...wrapped(where.join(', '), room)
      .filter((text) => text !== '')
      .map((text): Line => [span(text, 'faint')]),
  ]
  return lines.map((line, at) => (at === 0 ? [...head, first, ...line] : [...indent, ...line]))
}

const WORD: Readonly<Record<Presence, string>> = {
  present: '',
  partial: 'in part: ',
  missing: 'missing: ',
  unknown: 'not decided: ',
  notApplicable: 'not needed: ',
}

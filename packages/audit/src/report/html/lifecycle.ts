/** The life of a session as a picture, and the same in words for those who read, print or listen. */
import type { Finding, Lifecycle, Presence, Report, SessionState, Transition } from '../../finding/finding.ts'
import { RULES_ABOUT, transitionName } from '../lifecycle-words.ts'
import { placeText } from '../summary.ts'
import { html, type Markup } from './markup.ts'

const GLYPH: Readonly<Record<Presence, string>> = {
  present: '✓',
  partial: '◒',
  missing: '✗',
  unknown: '?',
  notApplicable: '–',
}

const WORD: Readonly<Record<Presence, string>> = {
  present: 'present',
  partial: 'in part',
  missing: 'missing',
  unknown: 'not decided',
  notApplicable: 'not needed',
}

/** Where a finding of the report is found in the page. */
export type Anchors = ReadonlyMap<string, string>

export function lifecycleSection(
  { lifecycles }: Report,
  anchorOf: (rules: readonly string[]) => string | undefined,
): Markup {
  if (lifecycles.length === 0) return html``
  return html`<section aria-labelledby="lifecycles">
    <h2 id="lifecycles">The life of a session</h2>
    ${lifecycles.map((one, at) => figureOf(one, at, anchorOf))}
  </section>`
}

type AnchorOf = (rules: readonly string[]) => string | undefined

function figureOf(lifecycle: Lifecycle, index: number, anchorOf: AnchorOf): Markup {
  const { store, location, transitions } = lifecycle
  const missing = transitions.filter(({ presence }) => presence === 'missing').map(({ name }) => transitionName(name))
  const said = missing.length === 0 ? 'No transition is missing.' : `Missing: ${missing.join(' · ')}.`
  const id = `lifecycle-${index}`
  return html`<figure class="card lifecycle">
    <figcaption>
      <h3 id="${id}">Sessions in <code>${store}</code></h3>
      <p class="muted">
        <code>${placeText(location)}</code> <span class="${missing.length === 0 ? 'good' : 'bad'}">${said}</span>
      </p>
    </figcaption>
    ${pictureOf(lifecycle, id, anchorOf)}${railOf(lifecycle, anchorOf)}
  </figure>`
}

// The picture. Units are pixels at full width; it scales.

const WIDTH = 1060
const BOX = { width: 132, height: 62 }
const MIDDLE = 168
const HEIGHT = 318

interface Box {
  readonly state: SessionState
  /** Centre. */
  readonly x: number
}

function pictureOf({ states, transitions }: Lifecycle, id: string, anchorOf: AnchorOf): Markup {
  const boxes = placed(states)
  const drawn = transitions.map((transition) => drawTransition(transition, transitions, boxes, anchorOf))
  return html`<div class="picture">
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="${id}">
      <title>The states of a session and the ways between them</title>
      <defs>${ARROWS}</defs>
      ${drawn.map(({ edge }) => edge)}${boxes.map(drawBox)}${drawn.map(({ label }) => label)}
    </svg>
  </div>`
}

const ARROWS = Object.keys(GLYPH).map(
  (presence) =>
    html`<marker
      id="arrow-${presence}"
      class="${presence}"
      viewBox="0 0 10 10"
      refX="8.5"
      refY="5"
      markerWidth="6.5"
      markerHeight="6.5"
      orient="auto-start-reverse"
      ><path class="head" d="M1 1 9 5 1 9Z"
    /></marker>`,
)

function placed(states: readonly SessionState[]): readonly Box[] {
  const xs = states.length > 3 ? [52, 236, 606, 984] : [52, 340, 984]
  return states.map((state, at) => ({ state, x: xs[at] ?? WIDTH / 2 }))
}

function drawBox({ state, x }: Box): Markup {
  if (state === 'none')
    return html`<g class="state"
      ><circle cx="${x}" cy="${MIDDLE}" r="15" /><text x="${x}" y="${MIDDLE + 38}">no session</text></g
    >`
  const { width, height } = BOX
  const ended =
    state === 'ended' &&
    html`<rect
      class="inner"
      x="${x - width / 2 + 5}"
      y="${MIDDLE - height / 2 + 5}"
      width="${width - 10}"
      height="${height - 10}"
      rx="10"
    />`
  return html`<g class="state ${state}"
    ><rect x="${x - width / 2}" y="${MIDDLE - height / 2}" width="${width}" height="${height}" rx="14" />${ended}<text
      x="${x}"
      y="${MIDDLE + 5}"
      >${state}</text
    ></g
  >`
}

interface Drawn {
  readonly edge: Markup
  readonly label: Markup
}

function drawTransition(
  transition: Transition,
  all: readonly Transition[],
  boxes: readonly Box[],
  anchorOf: AnchorOf,
): Drawn {
  const from = boxes.find(({ state }) => state === transition.from)
  const to = boxes.find(({ state }) => state === transition.to)
  if (from === undefined || to === undefined) return { edge: html``, label: html`` }
  const { path, x, y } = wayOf(transition, all, from, to)
  const edge = html`<path
    class="edge ${transition.presence}"
    d="${path}"
    marker-end="url(#arrow-${transition.presence})"
  />`
  return { edge, label: labelOf(transition, x, y, anchorOf) }
}

interface Way {
  readonly path: string
  /** Centre of the label. */
  readonly x: number
  readonly y: number
}

function wayOf(transition: Transition, all: readonly Transition[], from: Box, to: Box): Way {
  if (from === to) return loopOver(from)
  const siblings = all.filter(
    (one) => one.to === transition.to && one.from !== one.to && (one.to === 'ended' || one.from === transition.from),
  )
  const lane = siblings.indexOf(transition) - (siblings.length - 1) / 2
  const startX = from.state === 'none' ? from.x + 17 : from.x + BOX.width / 2
  const endX = to.x - BOX.width / 2 - 3
  const middle = (startX + endX) / 2
  if (lane === 0) return { path: `M${startX} ${MIDDLE}H${endX}`, x: middle, y: MIDDLE - 24 }
  const y = MIDDLE + lane * (siblings.length > 2 ? 74 : 96)
  const [startY, endY] = [MIDDLE + lane * 13, MIDDLE + lane * 15]
  const bend = Math.min(90, (endX - startX) / 3)
  const path = `M${startX} ${startY}C${startX + bend * 0.6} ${startY} ${startX + bend * 0.4} ${y} ${startX + bend} ${y}H${endX - bend}C${endX - bend * 0.4} ${y} ${endX - bend * 0.6} ${endY} ${endX} ${endY}`
  return { path, x: middle, y }
}

function loopOver({ x }: Box): Way {
  const top = MIDDLE - BOX.height / 2
  return { path: `M${x - 34} ${top}C${x - 62} ${top - 84} ${x + 62} ${top - 84} ${x + 34} ${top - 3}`, x, y: top - 66 }
}

function labelOf({ name, presence, summary }: Transition, x: number, y: number, anchorOf: AnchorOf): Markup {
  const text = transitionName(name)
  const width = text.length * 8 + 52
  const anchor = presence === 'missing' || presence === 'partial' ? anchorOf(RULES_ABOUT[name]) : undefined
  const body = html`<title>${`${text}: ${WORD[presence]}. ${summary}`}</title>
    <rect x="${x - width / 2}" y="${y - 15}" width="${width}" height="30" rx="15" /><text
      class="glyph"
      x="${x - width / 2 + 18}"
      y="${y + 5}"
      >${GLYPH[presence]}</text
    ><text x="${x + 9}" y="${y + 5}">${text}</text>`
  return anchor === undefined
    ? html`<g class="label ${presence}">${body}</g>`
    : html`<a class="label ${presence}" href="#${anchor}">${body}</a>`
}

// The same in words.

function railOf({ states, transitions }: Lifecycle, anchorOf: AnchorOf): Markup {
  const rows = states.flatMap((state, at) => [
    html`<li class="state"><span class="dot ${state}"></span>${state === 'none' ? 'no session' : state}</li>`,
    ...transitions.filter(({ from, to }) => from === state && to !== 'ended').map((one) => railRow(one, anchorOf)),
    ...(at === states.length - 2
      ? transitions.filter(({ to }) => to === 'ended').map((one) => railRow(one, anchorOf))
      : []),
  ])
  return html`<ol class="rail">
    ${rows}
  </ol>`
}

function railRow({ name, presence, summary, places }: Transition, anchorOf: AnchorOf): Markup {
  const anchor = presence === 'missing' || presence === 'partial' ? anchorOf(RULES_ABOUT[name]) : undefined
  const text = transitionName(name)
  const where = places.map(({ note, location }) => html`<li><code>${placeText(location)}</code> ${note}</li>`)
  return html`<li class="way ${presence}">
    <span class="glyph" aria-hidden="true">${GLYPH[presence]}</span>
    <div>
      <strong>${anchor === undefined ? text : html`<a href="#${anchor}">${text}</a>`}</strong>
      <span class="word">${WORD[presence]}</span> <span>${summary}</span>${
        where.length > 0 &&
        html`<ul class="places">
          ${where}
        </ul>`
      }
    </div>
  </li>`
}

/** The first finding of one of these rules, by its anchor. */
export function anchorFinder(findings: readonly Finding[], anchors: Anchors): AnchorOf {
  return (rules) => {
    const found = rules
      .map((rule) => findings.find((finding) => finding.rule === rule))
      .find((finding) => finding !== undefined)
    return found && anchors.get(found.fingerprint)
  }
}

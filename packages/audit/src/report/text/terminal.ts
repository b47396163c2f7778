/** What a page is made of (lines of spans) and what it is shown on. */
import type { Presence, SessionState } from '../../finding/finding.ts'
import { widthOf } from './cells.ts'

/** What a stretch of text is, not what colour it has. */
export type Role = 'plain' | 'strong' | 'faint' | 'step' | 'good' | 'unsure' | 'critical' | 'high' | 'medium' | 'low'

export interface Span {
  readonly text: string
  readonly role: Role
}

export type Line = readonly Span[]

export interface Terminal {
  readonly color: boolean
  readonly unicode: boolean
  /** Columns of the page, not of the window: prose beyond 100 columns is hard to read. */
  readonly width: number
  readonly glyphs: Glyphs
}

export interface Glyphs {
  readonly rule: string
  readonly dot: string
  readonly minus: string
  readonly ellipsis: string
  readonly bar: string
  readonly corner: string
  readonly elided: string
  readonly primary: string
  readonly arrow: { readonly left: string; readonly right: string; readonly line: string }
  readonly other: string
  readonly onwards: string
  readonly block: string
  readonly box: {
    readonly topLeft: string
    readonly topRight: string
    readonly bottomLeft: string
    readonly bottomRight: string
    readonly across: string
    readonly down: string
  }
  /** States of a session. */
  readonly state: Readonly<Record<SessionState, string>>
  /** Transitions that the code has: to the next state, back to the same one, to the end. */
  readonly edge: Edges
  /** Those that it lacks. */
  readonly lacking: Edges
  readonly presence: Readonly<Record<Presence, string>>
  readonly outcome: {
    readonly pass: string
    readonly fail: string
    readonly open: string
    readonly notApplicable: string
  }
}

export interface Edges {
  readonly on: string
  readonly loop: string
  readonly end: string
}

const UNICODE: Glyphs = {
  rule: '━',
  dot: '·',
  minus: '−',
  ellipsis: '…',
  bar: '│',
  corner: '╭─',
  elided: '⋮',
  primary: '━',
  arrow: { left: '◀', right: '▶', line: '─' },
  other: '─',
  onwards: '┄',
  block: '█',
  box: { topLeft: '╭', topRight: '╮', bottomLeft: '╰', bottomRight: '╯', across: '─', down: '│' },
  state: { none: '○', open: '◐', authenticated: '●', ended: '■' },
  edge: { on: '│ ', loop: '├╮', end: '├─' },
  lacking: { on: '┆ ', loop: '├╮', end: '├╌' },
  presence: { present: '✓', partial: '◒', missing: '✗', unknown: '○', notApplicable: '–' },
  outcome: { pass: '✓', fail: '✗', open: '○', notApplicable: '–' },
}

const ASCII: Glyphs = {
  rule: '=',
  dot: '-',
  minus: '-',
  ellipsis: '...',
  bar: '|',
  corner: '+-',
  elided: ':',
  primary: '^',
  arrow: { left: '<', right: '>', line: '-' },
  other: '-',
  onwards: '.',
  block: '#',
  box: { topLeft: '+', topRight: '+', bottomLeft: '+', bottomRight: '+', across: '-', down: '|' },
  state: { none: '( )', open: '(o)', authenticated: '(*)', ended: '[#]' },
  edge: { on: ' | ', loop: ' |)', end: ' |-' },
  lacking: { on: ' : ', loop: ' |)', end: ' |.' },
  presence: { present: 'ok', partial: '~', missing: 'x', unknown: '?', notApplicable: '-' },
  outcome: { pass: 'ok', fail: 'x', open: '?', notApplicable: '-' },
}

/** The terminal that a caller describes, its width brought within what the page is designed for. */
export function terminalOf(options: { color: boolean; unicode: boolean; width: number }): Terminal {
  const width = Math.min(100, Math.max(48, Math.trunc(options.width) || 80))
  return { color: options.color, unicode: options.unicode, width, glyphs: options.unicode ? UNICODE : ASCII }
}

export function span(text: string, role: Role = 'plain'): Span {
  return { text, role }
}

export function lineWidth(line: Line): number {
  return line.reduce((width, { text }) => width + widthOf(text), 0)
}

/** The number of a trace's step: ① to ⑳, else [21]. */
export function stepNumber(order: number, terminal: Terminal): string {
  return terminal.unicode && order <= 20 ? String.fromCodePoint(0x245f + order) : `[${order}]`
}

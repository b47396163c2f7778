/** A trace on the wire as a sequence diagram: Alice, Mallory, the server. */
import type { Finding } from '../../finding/finding.ts'
import { type Message, messagesOf } from '../exchange.ts'
import { reproductionOf } from '../curl.ts'
import { clipped, widthOf } from './cells.ts'
import { type Line, type Role, span, stepNumber, type Terminal } from './terminal.ts'
import { wrapped } from './wrap.ts'

/** Columns of the lifelines, and of the arrows between them. */
interface Layout {
  readonly alice: number
  readonly mallory: number
  readonly server: number
}

const MARGIN = 2

/** Empty for a finding without exchanges. */
export function drawDiagram(finding: Finding, terminal: Terminal): readonly Line[] {
  const messages = messagesOf(finding)
  if (messages.length === 0) return []
  const layout = layoutFor(messages, terminal)
  const rows = messages.flatMap((message) => drawMessage(message, layout, { terminal, role: finding.severity }))
  return [headings(layout), ...rows]
}

/** Commands that repeat what the trace shows. */
export function drawReproduction(finding: Finding): readonly Line[] {
  const commands = reproductionOf(finding)
  if (commands.length === 0) return []
  return [[span('Reproduce', 'strong')], ...commands.map((command): Line => [span(`  ${command}`, 'faint')])]
}

interface Ink {
  readonly terminal: Terminal
  readonly role: Role
}

function layoutFor(messages: readonly Message[], { width }: Terminal): Layout {
  const longest = Math.max(...messages.map(({ request, reply }) => Math.max(widthOf(request), widthOf(reply))))
  const mallory = MARGIN + 14
  return { alice: MARGIN + 2, mallory, server: Math.min(width - 6, Math.max(mallory + 24, mallory + longest + 9)) }
}

function headings({ alice, mallory, server }: Layout): Line {
  return [
    span(
      placed([
        [alice - 2, 'Alice'],
        [mallory - 3, 'Mallory'],
        [server - 3, 'server'],
      ]),
      'strong',
    ),
  ]
}

function drawMessage(message: Message, layout: Layout, { terminal, role }: Ink): readonly Line[] {
  const from = message.from === 'alice' ? layout.alice : layout.mallory
  const ink = message.theft ? role : 'plain'
  const room = layout.server - from - 5
  const text = (label: string) => clipped(label, room, terminal.glyphs.ellipsis)
  const { bar, arrow } = terminal.glyphs
  const stroke = arrow.line.repeat(Math.max(1, layout.server - from - 2))
  const lifelines = [layout.alice, layout.mallory, layout.server].map((at): [number, string] => [at, bar])
  const number = stepNumber(message.order, terminal)
  return [
    [span(placed(lifelines), 'faint')],
    [span(placed([...lifelines, [from + 2, text(`${number} ${message.request}`)]]), ink)],
    [span(placed([...lifelines, [from + 1, stroke + arrow.right]]), ink)],
    [span(placed([...lifelines, [from + 1, arrow.left + stroke], [from + 4, ` ${text(message.reply)} `]]), ink)],
    ...noteRows(message, { terminal, role }),
  ]
}

function noteRows({ note, theft }: Message, { terminal, role }: Ink): readonly Line[] {
  const mark = theft ? `${terminal.glyphs.outcome.fail} ` : '  '
  return wrapped(note, terminal.width - MARGIN - 6).map((text, at) => [
    span(' '.repeat(MARGIN + 4)),
    span(at === 0 ? mark : '  ', role),
    span(text, theft ? role : 'plain'),
  ])
}

/** Texts at their columns; a later one covers an earlier one. */
function placed(texts: readonly (readonly [column: number, text: string])[]): string {
  const cells: string[] = []
  for (const [column, text] of texts) [...text].forEach((character, at) => (cells[column + at] = character))
  return Array.from(cells, (cell) => cell ?? ' ')
    .join('')
    .trimEnd()
}

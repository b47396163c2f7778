/** The grade as a picture for a README, with what is needed to check it: commit, tool, formula. */
import type { Grade, Report } from '../finding/finding.ts'
import { html, type Markup } from './html/markup.ts'
import { headlineOf } from './summary.ts'
import { legible } from './text/printable.ts'

export interface BadgeOptions {
  /** Full id of the commit that was audited, in hexadecimal. */
  readonly commit?: string
}

const COLOR: Readonly<Record<Grade, string>> = { A: '#17713e', B: '#4c7a17', C: '#7d5900', D: '#b5420a', F: '#b0103a' }
const HEIGHT = 20
const PADDING = 7
/** About what characters of Verdana take at 11 pixels; `textLength` makes it exact, whatever font is there. */
const NARROW = /[lijt.· ]/
const UPPER = /[A-Z]/
const COMMIT_CHARACTERS = 7

interface Part {
  readonly text: string
  readonly fill: string
}

/** One SVG that asks for nothing. Readers and programs find commit, tool and formula in its title. */
export function renderBadge(report: Report, { commit }: BadgeOptions = {}): string {
  const { tool, grade, score, formula } = legible(report, true)
  const id = commit !== undefined && /^[0-9a-f]{40,64}$/.test(commit) ? commit : undefined
  const parts = [
    { text: 'sallyport', fill: '#3b3f48' },
    grade === null ? { text: 'no grade', fill: '#5c616b' } : { text: `${grade} · ${score}`, fill: COLOR[grade] },
    ...(id === undefined ? [] : [{ text: id.slice(0, COMMIT_CHARACTERS), fill: '#5c616b' }]),
  ]
  const title = `${headlineOf(report)}. ${id === undefined ? '' : `Commit ${id}, `}${tool.name} ${tool.version}, formula ${formula}.`
  const width = parts.reduce((sum, part) => sum + widthOf(part), 0)
  const drawn = parts.map((part, at) =>
    drawPart(
      part,
      parts.slice(0, at).reduce((sum, other) => sum + widthOf(other), 0),
    ),
  )
  const svg = html`<svg
    xmlns="http://www.w3.org/2000/svg"
    width="${width}"
    height="${HEIGHT}"
    role="img"
    aria-label="${title}"
  >
    <title>${title}</title>
    <clipPath id="r"><rect width="${width}" height="${HEIGHT}" rx="4" /></clipPath>
    <g clip-path="url(#r)" fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">${drawn}</g>
  </svg>`
  return `${svg.text}\n`
}

function drawPart(part: Part, x: number): Markup {
  const width = widthOf(part)
  return html`<rect x="${x}" width="${width}" height="${HEIGHT}" fill="${part.fill}" /><text
      x="${x + PADDING}"
      y="14"
      textLength="${width - 2 * PADDING}"
      >${part.text}</text
    >`
}

function widthOf({ text }: Part): number {
  return Math.round(Array.from(text, widthOfCharacter).reduce((sum, width) => sum + width, 0)) + 2 * PADDING
}

function widthOfCharacter(character: string): number {
  if (NARROW.test(character)) return 3.7
  return UPPER.test(character) ? 7.4 : 6.7
}

/** What a reader must know besides the findings: gaps, what was taken as given, suppressions to mend. */
import type { Report } from '../../finding/finding.ts'
import { placeText } from '../summary.ts'
import { html, type Markup } from './markup.ts'

/** Beyond this many a list says how many more there are. */
const LISTED = 200

export function remainder({ gaps, declared, notices }: Report): Markup {
  return html`${section(
    'gaps',
    'Gaps',
    'What could not be read or understood.',
    gaps.map(
      ({ path, location, reason, rules = [] }) =>
        html`<li>
          <code>${location ? placeText(location) : path}</code>
          ${reason}${rules.length > 0 && html` <span class="unsure">Leaves open: ${rules.join(', ')}.</span>`}
        </li>`,
    ),
  )}${section(
    'declared',
    'Taken as given',
    'By the configuration.',
    declared.map((text) => html`<li>${text}</li>`),
  )}${section(
    'notices',
    'Suppressions to mend',
    'They change no outcome.',
    notices.map(
      ({ path, location, message }) => html`<li><code>${location ? placeText(location) : path}</code> ${message}</li>`,
    ),
  )}`
}

function section(id: string, title: string, about: string, items: readonly Markup[]): Markup {
  if (items.length === 0) return html``
  const more = items.length - LISTED
  return html`<section class="card list" aria-labelledby="${id}">
    <h2 id="${id}">${title} <span class="count">${items.length}</span></h2>
    <p class="muted">${about}</p>
    <ul>
      ${items.slice(0, LISTED)}${more > 0 && html`<li>and ${more} more; the JSON format lists all</li>`}
    </ul>
  </section>`
}

/** Findings with their code and their trace side by side. */
import { type Finding, isExchange, type Suppression, type TraceStep } from '../../finding/finding.ts'
import { noPlace, placeText } from '../summary.ts'
import type { Sources } from '../text/sources.ts'
import { requestText } from '../exchange.ts'
import { primaryIndex } from '../primary.ts'
import { codeOf } from './code.ts'
import { html, type Markup } from './markup.ts'
import { sequenceOf } from './sequence.ts'

export interface Shown {
  readonly finding: Finding
  /** Its anchor in the page. */
  readonly id: string
  readonly title: string
  readonly scored: boolean
  readonly suppression?: Suppression
}

/** One article. What the filter looks at stands in its data attributes. */
export function findingArticle(shown: Shown, sources: Sources): Markup {
  const { finding, id, title, scored, suppression } = shown
  const { rule, severity, confidence, location, what, why, todo, partial, surface, fingerprint } = finding
  const status = suppression ? 'suppressed' : scored ? 'scored' : 'unscored'
  const words = [rule, title, what, location?.path ?? '', severity].join(' ').toLowerCase()
  return html`<article
    class="card finding ${severity}"
    id="${id}"
    tabindex="-1"
    aria-labelledby="${id}-title"
    data-severity="${severity}"
    data-rule="${rule}"
    data-status="${status}"
    data-text="${words}"
  >
    <header>
      <p class="kicker">
        <span class="pill ${severity}">${severity}</span>
        <span class="rule">${rule}</span
        >${partial && html` <span class="tag">partial: half the points</span>`}${status === 'unscored' && html` <span class="tag">not scored: ${surface}</span>`}${suppression && html` <span class="tag">suppressed by ${suppression.by}</span>`}<a
          class="permalink"
          href="#${id}"
          aria-label="Link to this finding"
          >#</a
        >
      </p>
      <h3 id="${id}-title">${title}</h3>
      <p class="what">${what}</p>
      <p class="muted">
        <code>${location ? placeText(location) : noPlace(finding)}</code> · confidence ${confidence} ·
        <span title="Fingerprint">${fingerprint}</span>
      </p>
      ${suppression && html`<p class="muted">Suppressed: ${suppression.reason}${suppression.expires !== undefined && ` (until ${suppression.expires})`}</p>`}
    </header>
    <div class="evidence">
      <div>${codeOf(finding, id, sources)}${sequenceOf(finding, id)}</div>
      ${traceOf(finding, id)}
    </div>
    <dl class="advice">
      <div>
        <dt>Why it matters</dt>
        <dd>${why}</dd>
      </div>
      <div>
        <dt>What to do</dt>
        <dd>${todo}</dd>
      </div>
      ${finding.fixes.map(
        ({ title: fix, kind }) =>
          html`<div>
            <dt>Fix (${kind})</dt>
            <dd>${fix}</dd>
          </div>`,
      )}
    </dl>
  </article>`
}

function traceOf(finding: Finding, id: string): Markup {
  const primary = primaryIndex(finding)
  const steps = finding.trace.map((step, at) => {
    const order = at + 1
    return html`<li id="${id}-${order}" class="${at === primary ? 'primary' : 'other'}">
      <a
        class="step${at === primary && ' primary'}"
        href="#${id}-${order}-code"
        aria-label="${`Step ${order} in ${isExchange(step) ? 'the exchanges' : 'the code'}`}"
        >${order}</a
      ><span><span class="note">${step.note}</span> <code class="muted">${shownAt(step)}</code></span>
    </li>`
  })
  return html`<ol class="trace" aria-label="Trace">
    ${steps}
  </ol>`
}

function shownAt(step: TraceStep): string {
  return isExchange(step) ? `${requestText(step.exchange)} as ${step.exchange.actor}` : placeText(step.location)
}

/** The report as one HTML file that asks for nothing: grade, the life of a session, findings with code and trace. */
import { createHash } from 'node:crypto'
import { type Finding, nameOf, type Report } from '../finding/finding.ts'
import { severities } from '../finding/severity.ts'
import type { RuleEntry } from '../rules/rule.ts'
import { findingArticle, type Shown } from './html/findings.ts'
import { anchorFinder, lifecycleSection } from './html/lifecycle.ts'
import { remainder } from './html/lists.ts'
import { html, Markup } from './html/markup.ts'
import { gradePanel, subjectsTable } from './html/panel.ts'
import { SCRIPT } from './html/script.ts'
import { STYLE } from './html/style.ts'
import { inReadingOrder } from './order.ts'
import { scoredBy } from './scored.ts'
import { headlineOf, titleOf } from './summary.ts'
import { legible } from './text/printable.ts'
import { createSources } from './text/sources.ts'

export interface HtmlOptions {
  /** Full texts by path, for code frames. A path that is missing here is shown without its code. */
  readonly sources: ReadonlyMap<string, string>
}

/**
 * One page. What comes from source is escaped by the templates that it passes through, and the page forbids itself
 * every script and style but its own two, every request and every form.
 */
export function renderHtml(report: Report, rules: readonly RuleEntry[], options: HtmlOptions): string {
  const shown = legible(report, true)
  const articles = articlesOf(shown, rules)
  const anchors = new Map(articles.map(({ finding, id }) => [finding.fingerprint, id]))
  const anchorOf = anchorFinder(
    articles.map(({ finding }) => finding),
    anchors,
  )
  const sources = createSources(options.sources, true)
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src '${hashOf(STYLE)}'; script-src '${hashOf(SCRIPT)}'; base-uri 'none'; form-action 'none'"
        />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <title>${headlineOf(shown)} · ${nameOf(shown.subject)} · Sallyport</title>
        ${Markup.own(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <a class="skip" href="#findings">Skip to the findings</a>
        ${banner(shown)}
        <main>
          ${gradePanel(shown, rules, anchorOf)} ${subjectsTable(shown)} ${lifecycleSection(shown, anchorOf)}
          ${findingsSection(articles, sources)} ${remainder(shown)}
        </main>
        ${footer(shown)} ${Markup.own(`<script>${SCRIPT}</script>`)}
      </body>
    </html> `
  return page.text
}

function articlesOf(report: Report, rules: readonly RuleEntry[]): readonly Shown[] {
  const titles = new Map(rules.map(({ rule }) => [rule.id, rule.title]))
  const isScored = scoredBy(report)
  const ordered = inReadingOrder(report.findings, rules)
  const show = (finding: Finding) => ({
    finding,
    title: titles.get(finding.rule) ?? finding.rule,
    scored: isScored(finding),
  })
  const all = [
    ...ordered.filter(isScored).map(show),
    ...ordered.filter((finding) => !isScored(finding)).map(show),
    ...inReadingOrder(report.suppressed, rules).map((finding) => ({
      ...show(finding),
      scored: false,
      suppression: finding.suppression,
    })),
  ]
  return all.map((one, at) => ({ ...one, id: `f${at + 1}` }))
}

function banner({ subject, tool }: Report): Markup {
  return html`<header class="top">
    <div class="bar">
      <svg width="26" height="26" viewBox="0 0 26 26" aria-hidden="true">
        <path class="gate" d="M3 24V9a10 7 0 0 1 20 0v15" />
        <path class="gate" d="M9.5 24V11" />
        <path class="gate open" d="M16.5 24V11" />
      </svg>
      <h1>Sallyport <span>${titleOf(subject)}</span></h1>
      <span class="where">${tool.name} ${tool.version}</span
      ><button class="theme" type="button" hidden>Light / dark</button>
    </div>
  </header>`
}

function findingsSection(articles: readonly Shown[], sources: Parameters<typeof findingArticle>[1]): Markup {
  const none = html`<p class="card no-match muted" ${articles.length > 0 && 'hidden'}>
    ${articles.length > 0 ? 'No finding fits this filter.' : 'No weakness found.'}
  </p>`
  return html`<section aria-labelledby="findings">
    <h2 id="findings" tabindex="-1">Findings</h2>
    ${articles.length > 0 && filterBar(articles)}${articles.map((one) => findingArticle(one, sources))}${none}
  </section>`
}

function filterBar(articles: readonly Shown[]): Markup {
  const rules = [...new Set(articles.map(({ finding }) => finding.rule))].toSorted()
  const has = (wanted: (one: Shown) => boolean) => articles.some(wanted)
  const box = (kind: string, value: string, label: string, checked: boolean) =>
    html`<label><input type="checkbox" data-kind="${kind}" value="${value}" ${checked && 'checked'} />${label}</label>`
  return html`<div class="filter" role="search" hidden>
    <input type="search" placeholder="Filter findings" aria-label="Filter findings" autocomplete="off" /><select
      aria-label="Rule"
    >
      <option value="">every rule</option>
      ${rules.map((rule) => html`<option>${rule}</option>`)}</select
    >${severities.filter((severity) => has(({ finding }) => finding.severity === severity)).map((severity) => box('severity', severity, severity, true))}${has(({ scored, suppression }) => !scored && !suppression) && box('status', 'unscored', 'not scored', true)}${has(({ suppression }) => suppression !== undefined) && box('status', 'suppressed', 'suppressed', false)}<output
      aria-live="polite"
    ></output>
  </div>`
}

function footer({ tool, formula, profile }: Report): Markup {
  return html`<footer>
    <p>
      ${tool.name} ${tool.version}, formula ${formula}, profile ${profile}. A grade speaks of these rules and of no
      other weakness; an open rule is never a passed one.
    </p>
    <p class="keys"><kbd>j</kbd> <kbd>k</kbd> next and previous finding · <kbd>/</kbd> filter · <kbd>Esc</kbd> clear</p>
  </footer>`
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}

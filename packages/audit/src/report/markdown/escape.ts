/** Text that others wrote, within Markdown of ours. It is printable already; here it loses its powers over Markdown. */

/** An empty comment parts what GitHub and GitLab would join to a link, a mention or a reference. */
const PART = '<!-- -->'

/** Running text: every mark that Markdown or HTML would obey is escaped, and nothing becomes a link. */
export function prose(text: string): string {
  return text
    .replace(/[&<>]/g, entity)
    .replace(/[\\`*_[\]!|~$]/g, '\\$&')
    .replace(/^(\s*)([-+=]|\d+(?=[.)]))/, startOfLine)
    .replace(/#/g, `\\#${PART}`)
    .replace(JOINED, `$&${PART}`)
}

/** What would begin a list, a rule or a heading: text stands on one line, so this can happen once. */
function startOfLine(_: string, space: string, mark: string): string {
  return /\d/.test(mark) ? `${space}${mark}\\` : `${space}\\${mark}`
}

/** Running text within an HTML tag, where Markdown escapes nothing. */
export function html(text: string): string {
  return text
    .replace(/[&<>"]/g, entity)
    .replace(/#/g, `#${PART}`)
    .replace(JOINED, `$&${PART}`)
}

/** Where a link, a mention or a reference would begin. */
const JOINED = /@|:(?=\/\/)|\b(?:www|gh|mailto|xmpp)(?=[.:\\-])/gi

function entity(character: string): string {
  return { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }[character] ?? character
}

/** A code span, whatever the text holds. */
export function code(text: string): string {
  const fence = '`'.repeat(longestRun(text) + 1)
  const pad = text.startsWith('`') || text.endsWith('`') || text.trim() !== text || text === '' ? ' ' : ''
  return `${fence}${pad}${text}${pad}${fence}`
}

/** A block of code, whatever the text holds. */
export function fenced(text: string): string {
  const fence = '`'.repeat(Math.max(3, longestRun(text) + 1))
  return `${fence}text\n${text.replace(/\n+$/, '')}\n${fence}`
}

/** Markdown within the cell of a table, where even code may hold no bare bar. */
export function cell(markdown: string): string {
  return markdown.replace(/(?<!\\)\|/g, '\\|').replaceAll('\n', ' ')
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length))
}

/** A first probe configuration for a server, from what it says of its tools: every guess commented out. */
import type { Survey, Tool } from './survey.ts'

/** The text of a configuration that can be read as it stands; what has to be decided stands in comments. */
export function draftConfig(survey: Survey): string {
  return `${[
    `# How to probe ${commented(survey.url)}`,
    `# ${describeServer(survey)}`,
    '',
    ...PRINCIPALS,
    '',
    ...LOGIN,
    '',
    ...(survey.transport === 'sse' ? ['transport: sse', ''] : []),
    ...TIMEOUTS,
    '',
    ...toolNotes(survey.tools),
    'budget: { requests: 2000, seconds: 60 }',
  ].join('\n')}\n`
}

function describeServer({ eras, sessions, anonymous, refusal }: Survey): string {
  if (eras.length > 0)
    return `It speaks ${eras.join(' and ')}, ${sessions ? 'with' : 'without'} session IDs${anonymous ? ', and lets everybody in' : ''}.`
  const why = refusal === undefined ? 'Nothing was answered as MCP.' : commented(refusal)
  return / 401\b| 403\b/.test(why)
    ? `${why} Fill in alice below and run --init --config <this file> once more: it then names the tools.`
    : `${why} Is this the address of the MCP endpoint, such as /mcp?`
}

const PRINCIPALS = [
  '# Who may be played. Alice and Bob share one OAuth client, Carol has another. Use test accounts.',
  'principals: {}',
  '#   alice: { headers: { authorization: "Bearer …" } }',
  '#   bob:   { headers: { authorization: "Bearer …" } }',
  '#   carol: { headers: { authorization: "Bearer …" } }',
  '#   expired:       { headers: { authorization: "Bearer …" } }   # was valid once',
  '#   wrongAudience: { headers: { authorization: "Bearer …" } }   # valid, but issued for another server',
  '# Where a login hands out the credential, such as a cookie, it can stand in the place of the headers:',
  '#   bob: { login: { auth: { path: /login, body: { user: …, password: … } } } }',
]

const LOGIN = [
  '# A login of its own, for what becomes of a session at login and at logout: by requests, or by a tool.',
  '# login: { auth: { method: POST, path: /login, body: { user: …, password: … } } }',
  '# login: { tool: login, arguments: { key: … }, shows: { tool: whoami } }   # "shows" answers otherwise to whoever is logged in',
  '# logout: { method: POST, path: /logout }   # where sessions are not ended by DELETE',
]

const TIMEOUTS = [
  '# What the server claims, set low for the probe, so that expiry can be tried.',
  '# timeouts: { idleMs: 1500, absoluteMs: 4000 }',
]

/** Tools that change nothing need no word here. Of the others a pair is guessed that writes and reads one thing. */
function toolNotes(tools: readonly Tool[]): readonly string[] {
  if (tools.length === 0) return ['# It names no tools, or not to whoever asked.', '']
  const list = tools.map(
    ({ name, readOnly, required }) =>
      `#   ${commented(name)}${readOnly ? '' : '   # not read-only: called only if it is named below'}${required.length > 0 ? `   # needs ${commented(required.join(', '))}` : ''}`,
  )
  return [
    '# Its tools:',
    ...list,
    '#',
    '# What the prober may call that is not read-only. Every name below is a guess.',
    ...pairNotes(tools),
    '',
  ]
}

function pairNotes(tools: readonly Tool[]): readonly string[] {
  const put = tools.find(({ readOnly, required }) => !readOnly && required.length === 1)
  const get =
    tools.find(({ readOnly, required }) => readOnly && required.length === 0) ??
    tools.find((tool) => tool !== put && tool.required.length === 0)
  if (put === undefined || get === undefined)
    return ['# canary: { put: { tool: …, arguments: { …: "$CANARY" } }, get: { tool: … } }']
  const argument = quoted(put.required[0] ?? 'text')
  return [
    `# canary: { put: { tool: ${quoted(put.name)}, arguments: { ${argument}: "$CANARY" } }, get: { tool: ${quoted(get.name)} } }`,
  ]
}

/** Names are the server's own words: they stay within their comment. */
function commented(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ').slice(0, 200)
}

/** As it is, for the reader of the file; for a terminal that shows it nothing that steers it. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (hidden) => `\\U${hidden.codePointAt(0)!.toString(16).padStart(8, '0')}`,
  )
}

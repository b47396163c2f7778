/** Hostile ground: a bundle in one line, deep tabs, wide characters, names that try to steer the terminal. */
import { finding, place, reportOf, type Sample, step } from './build.ts'

const filler = Array.from({ length: 4000 }, (_, at) => `function f${at}(e,t){return e[${at}]??t}`).join(';')
const bundle = `"use strict";${filler};var sessions={};function open(e){var t=Math.random().toString(36).slice(2);return sessions[t]={user:e},t}${filler};app.post("/reset",(e,t)=>{t.clearCookie("sid");t.end()})`

const sources = new Map([
  ['dist/app.bundle.js', bundle],
  [
    'src/会議室.ts',
    '\t\t\tconst 現在の利用者 = new Map()  // 利用者 👩‍💻 と セッション\n\t\t\t現在の利用者.set("\u001b[31m\u202e", req.user)\n\t\t\tawait answer(現在の利用者)\n',
  ],
])

const at = (path: string, marked: string, within?: string) => place(sources, path, marked, within)

export const bundledServer: Sample = {
  sources,
  report: reportOf({
    root: '/srv/\u001b[2Jbundled\u202e/server',
    score: 72,
    grade: 'C',
    files: { analysed: 2, skipped: 0 },
    findings: [
      finding({
        rule: 'predictable-session-id',
        severity: 'high',
        what: 'The session ID comes from Math.random: at most 52 bits, from a generator whose state can be recovered.',
        why: 'Mallory opens a few sessions of his own, sees how their IDs are made, and computes the one that Alice was given.',
        todo: 'Make the ID with crypto.randomUUID().',
        trace: [
          step('Math.random is not made for secrets', at('dist/app.bundle.js', 'Math.random()')),
          step('its output is cut to eleven characters', at('dist/app.bundle.js', 'slice(2)')),
          step(
            'and becomes the key of a session that is never deleted, not even where the cookie is cleared',
            at('dist/app.bundle.js', 'sessions[t]={user:e}'),
          ),
        ],
      }),
      finding({
        rule: 'missing-session-invalidation',
        severity: 'medium',
        confidence: 'low',
        what: 'POST /reset clears the cookie «sid» and leaves the record on the server.',
        why: 'Alice resets and believes herself safe, but the session ID that Mallory has copied still works.',
        todo: 'Delete the record as well.',
        trace: [
          step('records are kept here', at('dist/app.bundle.js', 'sessions={}')),
          step('only the cookie goes', at('dist/app.bundle.js', 't.clearCookie("sid")')),
        ],
      }),
      finding({
        rule: 'shared-session-state',
        severity: 'high',
        what: 'The variable 現在の利用者 is shared by all sessions and written by each request with \u001b[31m as its key.',
        why: "While Alice's request waits, Mallory's replaces the user that both of them share.",
        todo: 'Pass the caller along with the request.',
        trace: [
          step('one map for all sessions', at('src/会議室.ts', '現在の利用者 = new Map()')),
          step('written by every request', at('src/会議室.ts', '現在の利用者.set("\u001b[31m\u202e", req.user)')),
          step('read after an await', at('src/会議室.ts', '現在の利用者)', 'await')),
        ],
      }),
    ],
  }),
}

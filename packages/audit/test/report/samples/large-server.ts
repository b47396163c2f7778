/** Weaknesses that repeat over long files, some of which are not at hand; more gaps than one wants to read. */
import { finding, place, reportOf, type Sample, step } from './build.ts'

const handlers = Array.from(
  { length: 120 },
  (_, at) => `app.get('/tools/${at}', async (req, res) => {
    const transport = transports[req.headers['mcp-session-id']]
    await transport.handleRequest(req, res)
})`,
)
const sources = new Map([['src/http.ts', `const transports = {}\n\n${handlers.join('\n\n')}\n`]])
const handler = (number: number) => place(sources, 'src/http.ts', handlers[number] ?? '')
const served = (number: number) => place(sources, 'src/http.ts', 'transport.handleRequest', `'/tools/${number}'`)
const why = 'Mallory logs in as himself and sends the ID of another.'
const todo = 'Store the principal when the session opens and compare it on every verb.'

export const largeServer: Sample = {
  sources,
  report: reportOf({
    root: 'packages/http',
    score: 80,
    grade: 'B',
    files: { analysed: 1412, skipped: 3 },
    findings: [
      finding({
        rule: 'unbound-session',
        severity: 'critical',
        what: 'GET /tools/3 and 116 more serve whoever presents the session ID.',
        why,
        todo,
        trace: [
          step('transports of all principals', place(sources, 'src/http.ts', 'transports = {}')),
          step('the first handler that serves', handler(3)),
          step('served without a comparison', served(3)),
          step('served without a comparison', served(5)),
          step('served without a comparison', served(119)),
        ],
      }),
      finding({
        rule: 'unbound-session',
        severity: 'critical',
        what: 'The WebSocket endpoint serves whoever presents the session ID.',
        why,
        todo,
        trace: [
          step('the ID is taken from the query', {
            path: 'src/websocket.ts',
            startLine: 118,
            startColumn: 9,
            endLine: 118,
            endColumn: 40,
          }),
          step(
            'the transport is used without asking whose it is, in a handler that stretches over the whole life of the connection',
            { path: 'src/websocket.ts', startLine: 120, startColumn: 3, endLine: 166, endColumn: 5 },
          ),
        ],
      }),
    ],
    gaps: Array.from({ length: 31 }, (_, at) => ({
      path: `vendor/chunk-${at}.js`,
      reason: 'The file is not valid UTF-8; it was not analysed.',
    })),
  }),
}

/** Own code that the configuration vouches for is followed as if it had been understood. */
import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/parse.ts'
import type { Report } from '../../src/finding/finding.ts'
import { rules } from '../../src/rules/index.ts'
import { auditFiles } from '../suppress/programs.ts'

function config(text: string) {
  return parseConfig(text, { path: 'sallyport.config.yaml', prefix: '', rules: rules.map(({ rule }) => rule.id) })
}

/** Transports served to whoever presents their ID, behind something whose source is not here. */
function router(guard: string, imports: string): string {
  return `
import express from 'express'
import { randomUUID } from 'node:crypto'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
${imports}
const transports = new Map<string, StreamableHTTPServerTransport>()
const app = express()
${guard}
app.all('/mcp', async (req, res) => {
  const known = transports.get(String(req.headers['mcp-session-id']))
  if (known) return known.handleRequest(req, res, req.body)
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => { transports.set(id, transport) },
  })
  await transport.handleRequest(req, res, req.body)
})
app.listen(3000, '0.0.0.0')
`
}

/** Whether requests reach the sessions without a credential, as the lifecycle says. */
function resume(report: Report): string | undefined {
  return report.lifecycles[0]?.transitions.find(({ name }) => name === 'resume')?.summary
}

describe('an authenticator', () => {
  test.each<[string, string, string, Readonly<Record<string, string>>]>([
    ['of a package, as middleware', 'app.use(guard)', "import { guard } from '@acme/auth'", {}],
    ['of a package, made by a factory', "app.use(guard({ scope: 'mcp' }))", "import { guard } from '@acme/auth'", {}],
    [
      'of a file of the tree',
      'app.use(guard)',
      "import { guard } from './auth.js'",
      { 'src/auth.ts': 'export const guard = globalThis.acme.guard' },
    ],
    [
      'called in a handler',
      'app.use(async (req, res, next) => { await guard(req); next() })',
      "import { guard } from '@acme/auth'",
      {},
    ],
  ])('%s, authenticates what stands behind it once it is declared', async (_, guard, imports, files) => {
    const all = { 'src/server.ts': router(guard, imports), ...files }
    const name = 'src/auth.ts' in files ? 'src/auth.ts#guard' : '@acme/auth#guard'
    const [before, after] = [
      await auditFiles(all),
      await auditFiles(all, { config: config(`authenticators: ["${name}"]`) }),
    ]
    expect(resume(before)).not.toBe('any authenticated caller who presents the ID is served')
    expect(resume(after)).toBe('any authenticated caller who presents the ID is served')
    expect(after.declared).toEqual([`Taken to authenticate: ${name} (sallyport.config.yaml).`])
  })
})

describe('a store', () => {
  const server = router('', "import { SessionStore } from '@acme/sessions'").replace(
    'new Map<string, StreamableHTTPServerTransport>()',
    'new SessionStore()',
  )

  test('that is declared is a store of sessions, with the timeouts that were said', async () => {
    const report = await auditFiles(
      { 'server.ts': server },
      { config: config('stores: [{name: "@acme/sessions#SessionStore", timeouts: [idle, absolute]}]') },
    )
    const presences = Object.fromEntries(
      report.lifecycles[0]!.transitions.map(({ name, presence }) => [name, presence]),
    )
    expect(presences).toMatchObject({ open: 'present', 'expire-idle': 'present', 'expire-absolute': 'present' })
    expect(report.findings.map(({ rule }) => rule)).not.toContain('missing-session-expiry')
  })

  test('without timeouts leaves expiry to the code', async () => {
    const report = await auditFiles(
      { 'server.ts': server },
      { config: config('stores: ["@acme/sessions#SessionStore"]') },
    )
    expect(report.findings.map(({ rule }) => rule)).toContain('missing-session-expiry')
  })
})

test('tests are followed where they are asked for, and are the subject where there is nothing else', async () => {
  const server = router('', '')
  const both = { 'src/server.ts': server, 'test/other.test.ts': server }
  const surfaces = async (options: Parameters<typeof auditFiles>[1]) =>
    new Set((await auditFiles(both, options)).findings.map(({ surface }) => surface))
  expect(await surfaces({})).toEqual(new Set(['runtime']))
  expect(await surfaces({ includeTests: true })).toEqual(new Set(['runtime', 'test']))
  expect((await auditFiles({ 'test/other.test.ts': server })).score).toBeLessThan(100)
})

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fingerprintsOf, type Site } from '../../src/finding/fingerprint.ts'

const server = `const sessions = new Map()

export function open(id) {
  if (id) {
    sessions.set(id, {})
  }
}

export function reopen(id) {
  if (id) {
    sessions.set(id, {})
  }
}
`

/** The site of the n-th occurrence of `code` in `text`. */
function siteOf(text: string, code = 'sessions.set(id, {})', occurrence = 0, rule = 'unbound-session'): Site {
  let start = -1
  for (let seen = 0; seen <= occurrence; seen++) start = text.indexOf(code, start + 1)
  const before = text.slice(0, start).split('\n')
  const region = code.split('\n')
  const startLine = before.length
  const startColumn = before.at(-1)!.length + 1
  const endLine = startLine + region.length - 1
  const endColumn = region.at(-1)!.length + (region.length === 1 ? startColumn : 1)
  return { rule, text, location: { path: 'server.js', startLine, startColumn, endLine, endColumn } }
}

function fingerprintOf(site: Site): string {
  return fingerprintsOf([site])[0]!
}

describe('fingerprint', () => {
  const original = fingerprintOf(siteOf(server))

  test('is 16 hex digits', () => {
    expect(original).toMatch(/^[0-9a-f]{16}$/)
  })

  test('stays when the code moves down, is indented otherwise or its file is renamed', () => {
    expect(fingerprintOf(siteOf(`import 'x'\n\n// sessions\n${server}`))).toBe(original)
    expect(fingerprintOf(siteOf(server.replaceAll('  ', '\t')))).toBe(original)
    const site = siteOf(server)
    expect(fingerprintOf({ ...site, location: { ...site.location, path: 'src/other.js' } })).toBe(original)
  })

  test('stays when a statement is added beside it', () => {
    expect(fingerprintOf(siteOf(server.replace('    sessions', '    log(1)\n    sessions')))).toBe(original)
  })

  test('stays for any blank and comment lines above', () => {
    const line = fc.constantFrom('', '// note', 'const a = 1')
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        expect(fingerprintOf(siteOf([...lines, server].join('\n')))).toBe(original)
      }),
    )
  })

  test('changes with the rule, the code and the function around it', () => {
    const others = [
      siteOf(server, undefined, 0, 'session-fixation'),
      siteOf(server.replaceAll('{}', '{ id }'), 'sessions.set(id, { id })'),
      siteOf(server.replace('if (id)', 'if (!id)')),
      siteOf(server, undefined, 1),
    ]
    expect(new Set([original, ...others.map(fingerprintOf)]).size).toBe(others.length + 1)
  })

  test('tells twins apart by their order', () => {
    const [first, second] = fingerprintsOf([siteOf(server), siteOf(server)])
    expect(first).toBe(original)
    expect(second).not.toBe(first)
  })

  test('spans lines', () => {
    const text = server.replaceAll('sessions.set(id, {})', 'sessions.set(\n      id,\n      {})')
    expect(fingerprintOf(siteOf(text, 'sessions.set(\n      id,\n      {})'))).not.toBe(original)
    expect(fingerprintOf(siteOf(text.replaceAll('\r', ''), 'sessions.set(\n      id,\n      {})'))).toBe(
      fingerprintOf(siteOf(text.replaceAll('      ', '\t'), 'sessions.set(\n\tid,\n\t{})')),
    )
  })

  test('takes any location, also one outside its file', () => {
    const location = { path: 'x', startLine: 99, startColumn: 9, endLine: 120, endColumn: 1 }
    expect(fingerprintOf({ rule: 'a', text: 'one line', location })).toMatch(/^[0-9a-f]{16}$/)
  })
})

/** Secrets that are pieces of a path which no route names. */
import { describe, expect, it } from 'vitest'
import { findingsOf } from './programs.ts'

const worker = (check: string, more = ''): string => `
  import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
  const hex = (bytes) => [...new Uint8Array(bytes)].map((b) => b.toString(16).padStart(2, '0')).join('')
  const digest = async (text) => hex(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
  ${more}
  export default {
    async fetch(request, env) {
      const path = new URL(request.url).pathname
      ${check}
      return createMcpHandler(() => new McpServer({ name: 'n', version: '1' })).fetch(request)
    },
  }`

const REFUSED = "return new Response('Unauthorized', { status: 401 })"
const COMPARES = `const same = async (kv, tenant, text) => {
    const kept = await kv.get('tenant:' + tenant, 'arrayBuffer')
    if (!kept) return false
    const seen = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
    return kept.byteLength === seen.byteLength && crypto.subtle.timingSafeEqual(kept, seen)
  }`

describe('a piece of a path', () => {
  it.each([
    [
      'by whose digest somebody is found',
      "const [, key] = path.split('/')\nconst who = key && (await env.KEYS.get(await digest(key)))\nif (!who) " +
        REFUSED,
      1,
    ],
    [
      'that a pattern finds',
      'const match = path.match(/^\\/u\\/([\\w-]{43})\\/mcp$/)\nif (!match) ' +
        REFUSED +
        '\nconst who = await env.KEYS.get(await digest(match[1]))\nif (!who) ' +
        REFUSED,
      1,
    ],
    [
      'that a pattern gives a name',
      'const match = /^\\/u\\/(?<who>\\w+)$/.exec(path)\nconst who = await env.KEYS.get(await digest(match.groups.who))\nif (!who) ' +
        REFUSED,
      1,
    ],
    [
      'whose digest is compared',
      "const [, tenant, word] = path.split('/').slice(0, 3)\nif (!(await same(env.KEYS, tenant, word))) " + REFUSED,
      1,
    ],
    [
      'that is called a token, and whose digest is compared',
      "const [, tenant, token] = path.split('/')\nif (!(await same(env.KEYS, tenant, token))) " + REFUSED,
      1,
    ],
    ['that is compared with a setting', "if (path.split('/')[2] !== env.SECRET_TOKEN) " + REFUSED, 1],
    ['that is called a token', "const token = path.split('/')[2]\nif (token !== env.WORD) " + REFUSED, 1],
    [
      'that names whose it is',
      "const [, tenant] = path.split('/')\nconst who = await env.TENANTS.get(tenant)\nif (!who) " + REFUSED,
      0,
    ],
    [
      'that says what is asked for',
      "const [, kind] = path.split('/')\nif (kind !== 'mcp') return new Response('', { status: 404 })",
      0,
    ],
    [
      'beside a token in a header',
      "const [, tenant] = path.split('/')\nconst who = await env.KEYS.get(await digest(request.headers.get('authorization')))\nif (!who || who !== tenant) " +
        REFUSED,
      0,
    ],
    [
      'that is the key of an object',
      'const key = path.slice(1)\nconst kept = await env.BUCKET.get(key)\nif (kept) return new Response(kept.body)',
      0,
    ],
    [
      'that a page is kept by',
      'const kept = await env.PAGES.get(await digest(request.url))\nif (kept) return new Response(kept)',
      0,
    ],
  ])('%s', (_what, check, count) => {
    expect(findingsOf('session-token-in-url', worker(check, COMPARES))).toHaveLength(count)
  })
})

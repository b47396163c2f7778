/** A check by a list that is skipped where the list is empty: whether it is, as the program is shipped. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

const served = (lists: string, test: string): string => `
  import { createServer } from 'node:http'
  import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
  const LOCAL = ['localhost', '127.0.0.1', '[::1]']
  const NAMES = new Set(LOCAL)
  const isLocal = (host) => ['localhost', '127.0.0.1', '::1'].includes(host.toLowerCase())
  const isOneOf = (list, value) => value !== undefined && list.some((each) => each.toLowerCase() === value.toLowerCase())
  function isAllowed(req, res, options) {
    ${lists}
    if (${test}) {
      res.writeHead(403).end()
      return false
    }
    return true
  }
  export async function start(options) {
    const state = { port: options.port }
    createServer((req, res) => {
      if (!isAllowed(req, res, { ...options, ...state })) return
      new StreamableHTTPServerTransport({ sessionIdGenerator: undefined }).handleRequest(req, res)
    }).listen(options.port, options.host)
  }`

const IF_ANY = 'hosts.length > 0 && !hosts.includes(req.headers.host)'
const IN_SET = 'hosts.size && !hosts.has(req.headers.host)'

describe('a check that is made where its list holds anything', () => {
  it.each([
    ['a default', 'const hosts = options.hosts ?? LOCAL', IF_ANY, 'pass'],
    ['a default of nothing', 'const hosts = options.hosts ?? []', IF_ANY, 'fail'],
    [
      'a default of the port',
      'const hosts = options.hosts ?? LOCAL.flatMap((host) => [host, `${host}:${options.port}`])',
      IF_ANY,
      'pass',
    ],
    ['a default with more', 'const hosts = [...LOCAL, ...(options.hosts ?? [])]', IF_ANY, 'pass'],
    ['a set', 'const hosts = new Set(options.hosts ?? LOCAL)', IN_SET, 'pass'],
    ['a set of nothing', 'const hosts = new Set(options.hosts ?? [])', IN_SET, 'fail'],
    ['some of them', 'const hosts = LOCAL.filter((host) => host === process.env.ONLY)', IF_ANY, 'fail'],
    ['the environment', "const hosts = process.env.HOSTS?.split(',') ?? []", IF_ANY, 'fail'],
    [
      'left early',
      'const hosts = options.hosts ?? LOCAL\nif (hosts.length === 0) return true',
      '!hosts.includes(req.headers.host)',
      'pass',
    ],
    [
      'only where it is empty',
      'const hosts = LOCAL',
      'hosts.length === 0 && !hosts.includes(req.headers.host)',
      'fail',
    ],
    ['only where it is long', 'const hosts = LOCAL', 'hosts.length > 3 && !hosts.includes(req.headers.host)', 'fail'],
    ['worked off', 'const hosts = ["localhost"]\nhosts.pop()', IF_ANY, 'fail'],
    ['a switch that is off', 'const hosts = process.env.UNCHECKED ? [] : LOCAL', IF_ANY, 'pass'],
    ['chosen by the request', "const hosts = req.headers['x-internal'] ? [] : LOCAL", IF_ANY, 'fail'],
    ['for another port', 'const hosts = options.port === 3000 ? LOCAL : []', IF_ANY, 'fail'],
  ])('%s', (_, lists, test, expected) => {
    expect(outcomeOf('missing-origin-check', served(lists, test))).toBe(expected)
  })
})

describe('a check that is made where only the machine itself is listened to', () => {
  it.each([
    ['by a list', 'const hosts = options.hosts ?? (isLocal(options.host) ? LOCAL : [])', IF_ANY, 'pass'],
    ['by a set', 'const hosts = NAMES.has(options.host) ? LOCAL : []', IF_ANY, 'pass'],
    [
      'by name',
      "const hosts = options.host === 'localhost' || options.host === '127.0.0.1' ? LOCAL : []",
      IF_ANY,
      'pass',
    ],
    [
      'no list elsewhere',
      'const hosts = options.hosts ?? (isLocal(options.host) ? LOCAL : undefined)',
      'hosts && !hosts.includes(req.headers.host)',
      'pass',
    ],
    ['left early', 'if (!isLocal(options.host)) return true', '!LOCAL.includes(req.headers.host)', 'pass'],
    ['not there', 'const hosts = isLocal(options.host) ? [] : LOCAL', IF_ANY, 'fail'],
    [
      'by default elsewhere',
      "const hosts = LOCAL.includes(process.env.HOST ?? '0.0.0.0') ? LOCAL : []",
      IF_ANY,
      'fail',
    ],
    ['as the request says', "const hosts = LOCAL.includes(req.headers['x-host']) ? LOCAL : []", IF_ANY, 'fail'],
    [
      'Host, and Origin where there is one',
      `const hosts = options.hosts ?? (isLocal(options.host) ? LOCAL : [])
    const origins = options.origins ?? (isLocal(options.host) ? LOCAL.map((host) => \`http://\${host}\`) : [])
    const { host, origin } = req.headers`,
      '(hosts.length > 0 && !isOneOf(hosts, host)) || (origins.length > 0 && origin !== undefined && !isOneOf(origins, origin))',
      'pass',
    ],
  ])('%s', (_, lists, test, expected) => {
    expect(outcomeOf('missing-origin-check', served(lists, test))).toBe(expected)
  })
})

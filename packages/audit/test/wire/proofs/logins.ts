/** A server of sessions behind a login that hands out a cookie: each weakness is one option, and without any it has none. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { served, type Target } from './served.ts'

export const passwords = { alice: 'alice-password-01', bob: 'bob-password-0001' } as const

export interface Options {
  /** Whoever is there before the login is who is logged in. */
  readonly keepsAtLogin?: boolean
  /** An ID that nobody minted is taken at the login. */
  readonly adopts?: boolean
  /** The logout clears the cookie and nothing else. */
  readonly keepsAtLogout?: boolean
  /** Sessions of MCP are looked up by ID alone. */
  readonly unbound?: boolean
  /** What the logout answers. */
  readonly logoutStatus?: number
  /** DELETE is not for anybody. */
  readonly noDelete?: boolean
}

/** To be probed at its login or at its endpoint: it gives a cookie to whoever comes. */
export function startLogins(options: Options = {}): Promise<Target> {
  const state = new State(options)
  return served((req, res) => state.handle(req, res))
}

class State {
  /** Cookie to user; nobody before the login. */
  private readonly logins = new Map<string, string | undefined>()
  private readonly sessions = new Map<string, string>()
  private readonly options: Options

  constructor(options: Options) {
    this.options = options
  }

  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = await text(req)
    const cookie = /(?:^|; )sid=([^;]+)/.exec(req.headers.cookie ?? '')?.[1]
    if (req.url === '/login' && req.method === 'POST') return this.logIn(res, cookie, body)
    if (req.url === '/logout') return this.logOut(res, cookie)
    if (cookie === undefined) this.mint(res, undefined)
    const user = cookie === undefined ? undefined : this.logins.get(cookie)
    if (req.url !== '/mcp') return void res.writeHead(404).end()
    if (user === undefined) return void res.writeHead(401).end()
    return this.serve(req, res, user, body)
  }

  private mint(res: ServerResponse, user: string | undefined): void {
    const cookie = randomUUID()
    this.logins.set(cookie, user)
    res.setHeader('set-cookie', `sid=${cookie}; HttpOnly; SameSite=Lax; Path=/`)
  }

  private logIn(res: ServerResponse, cookie: string | undefined, body: string): void {
    const { user, password } = JSON.parse(body) as { readonly user: string; readonly password: string }
    if (!Object.entries(passwords).some(([name, own]) => name === user && own === password)) {
      this.mint(res, undefined)
      return void res.writeHead(401).end()
    }
    const isKept = this.options.keepsAtLogin && cookie !== undefined && this.logins.has(cookie)
    if (cookie !== undefined && (isKept || this.options.adopts)) {
      this.logins.set(cookie, user)
      res.setHeader('set-cookie', `sid=${cookie}; HttpOnly; SameSite=Lax; Path=/`)
    } else {
      if (cookie !== undefined) this.logins.delete(cookie)
      this.mint(res, user)
    }
    res.writeHead(200).end()
  }

  private logOut(res: ServerResponse, cookie: string | undefined): void {
    if (cookie !== undefined && !this.options.keepsAtLogout) this.logins.delete(cookie)
    res.setHeader('set-cookie', 'sid=; Max-Age=0')
    res.writeHead(this.options.logoutStatus ?? 204, { location: '/' }).end()
  }

  private serve(req: IncomingMessage, res: ServerResponse, user: string, body: string): void {
    const { id, method } = (body === '' ? {} : JSON.parse(body)) as { readonly id?: number; readonly method?: string }
    if (method === 'initialize') {
      const session = randomUUID()
      this.sessions.set(session, user)
      res.setHeader('mcp-session-id', session)
      const serverInfo = { name: 't', version: '1' }
      return reply(res, id, { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo })
    }
    const session = String(req.headers['mcp-session-id'])
    const owner = this.sessions.get(session)
    if (owner === undefined || (owner !== user && !this.options.unbound)) return void res.writeHead(404).end()
    if (req.method === 'GET' || (req.method === 'DELETE' && this.options.noDelete)) return void res.writeHead(405).end()
    if (req.method === 'DELETE') this.sessions.delete(session)
    if (req.method === 'DELETE' || id === undefined) return void res.writeHead(202).end()
    reply(res, id, { tools: [] })
  }
}

function reply(res: ServerResponse, id: number | undefined, result: object): void {
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, result }))
}

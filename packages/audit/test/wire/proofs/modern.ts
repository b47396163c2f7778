/** A server of 2026-07-28 for the tests of scenarios: each weakness is one option, and without any it has none. */
import { createCipheriv, createDecipheriv, createHmac, randomBytes, randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { tokens } from '../target.ts'
import { served, type Target } from './served.ts'

export interface Options {
  /** How a state is protected; `mac`, if nothing is said. */
  readonly state?: 'plain' | 'json' | 'mac if there is one' | 'stream cipher'
  /** Anybody may redeem a state. */
  readonly anyUser?: boolean
  readonly anyTool?: boolean
  /** The arguments of the second request count, not those that were approved. */
  readonly newArguments?: boolean
  readonly anyAge?: boolean
  /** `racing`: looked for, and only later marked. */
  readonly redeemed?: 'again' | 'racing'
  /** That a state comes is taken for consent. */
  readonly unasked?: boolean
  readonly anyHandle?: boolean
  readonly anySubscriber?: boolean
  readonly anyTask?: boolean
  readonly anyHeaders?: boolean
  /** Streams stay open. */
  readonly longStreams?: boolean
  /** How long a state is good. */
  readonly lifeMs?: number
}

const LIFE_MS = 60_000
/** Of a credential that ends while the probe runs. */
export const shortLived = { token: 'brief-token-0123456789', lifeMs: 1_500 }

interface Payment {
  readonly id: string
  readonly user: string
  readonly tool: string
  readonly to: string
  readonly amount: number
  readonly until: number
}

interface Params {
  readonly name?: string
  readonly arguments?: Readonly<Record<string, unknown>>
  readonly requestState?: string
  readonly inputResponses?: { readonly approval?: { readonly action?: string } }
  readonly taskId?: string
  readonly notifications?: { readonly resourceSubscriptions?: readonly string[] }
}

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: Params
}

export function startModern(options: Options = {}): Promise<Target> {
  const state = new State(options)
  return served((req, res) => state.handle(req, res))
}

class Refused extends Error {}

class State {
  private readonly options: Options
  private readonly key = randomBytes(32)
  private readonly startedAt = Date.now()
  private readonly used = new Set<string>()
  private readonly payments: string[] = []
  private readonly carts = new Map<string, { readonly owner: string; text: string }>()
  private readonly tasks = new Map<string, { readonly owner: string; readonly text: string }>()
  private readonly streams: { readonly res: ServerResponse; readonly uris: readonly string[] }[] = []

  constructor(options: Options) {
    this.options = options
  }

  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const user = this.userOf(req.headers.authorization)
    if (user === undefined) return void res.writeHead(401).end()
    if (req.method !== 'POST') return void res.writeHead(405).end()
    const message = JSON.parse(await text(req)) as Message
    const { id, method = '', params = {} } = message
    const { 'mcp-method': shownMethod, 'mcp-name': shownName } = req.headers
    const lies = shownMethod !== method || (method === 'tools/call' && shownName !== params.name)
    if (lies && !this.options.anyHeaders) return send(res, 400, { id, error: { code: -32020, message: 'mismatch' } })
    if (method === 'subscriptions/listen') return this.listen(res, message, user)
    try {
      send(res, 200, { id, result: await this.answer(method, params, user) })
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      send(res, 200, { id, error: { code: -32602, message: 'Invalid params' } })
    }
  }

  private userOf(authorization: string | undefined): string | undefined {
    const token = authorization?.replace('Bearer ', '')
    if (token === shortLived.token) return Date.now() < this.startedAt + shortLived.lifeMs ? 'brief' : undefined
    const known = Object.entries(tokens).find(([, value]) => value === token)?.[0]
    return known === 'expired' || known === 'wrongAudience' ? undefined : known
  }

  private answer(method: string, params: Params, user: string): unknown {
    if (method === 'server/discover') return { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } }
    if (method === 'tools/list') return { tools: TOOLS }
    if (method === 'tools/call') return this.call(params, user)
    if (method === 'tasks/get' || method === 'tasks/cancel') return this.task(params.taskId ?? '', user)
    throw new Refused()
  }

  private call(params: Params, user: string): unknown {
    const args = params.arguments ?? {}
    switch (params.name) {
      case 'pay_send':
      case 'pay_schedule':
        return this.pay(params, user)
      case 'pay_history':
        return said(this.payments.join('\n'))
      case 'cart_make':
        return said(this.makeCart(user))
      case 'cart_put':
        this.cart(args, user).text = String(args['text'])
        return said('put')
      case 'cart_get':
        return said(this.cart(args, user).text)
      case 'mail_put':
        this.announce(`inbox://${user}/new`)
        return said('delivered')
      case 'job_run':
        return this.runJob(String(args['text']), user)
      default:
        throw new Refused()
    }
  }

  private makeCart(owner: string): string {
    const id = randomUUID()
    this.carts.set(id, { owner, text: '' })
    return id
  }

  private cart(args: Readonly<Record<string, unknown>>, user: string) {
    const cart = this.carts.get(String(args['cart']))
    if (cart === undefined || (cart.owner !== user && !this.options.anyHandle)) throw new Refused()
    return cart
  }

  private runJob(words: string, owner: string): unknown {
    const taskId = randomUUID()
    this.tasks.set(taskId, { owner, text: words })
    return { resultType: 'task', taskId, status: 'working' }
  }

  private task(taskId: string, user: string): unknown {
    const task = this.tasks.get(taskId)
    if (task === undefined || (task.owner !== user && !this.options.anyTask)) throw new Refused()
    return { taskId, status: 'completed', text: task.text }
  }

  private async pay(params: Params, user: string): Promise<unknown> {
    const { anyUser, anyTool, anyAge, newArguments, redeemed, unasked } = this.options
    const { name: tool = '', arguments: args = {}, requestState, inputResponses } = params
    const asked = { to: String(args['to']), amount: Number(args['amount']) }
    if (requestState === undefined) {
      const state = this.seal({
        ...asked,
        id: randomUUID(),
        user,
        tool,
        until: Date.now() + (this.options.lifeMs ?? LIFE_MS),
      })
      return { resultType: 'input_required', inputRequests: { approval: {} }, requestState: state }
    }
    const payment = this.unseal(requestState)
    if (payment.user !== user && !anyUser) throw new Refused()
    if (payment.tool !== tool && !anyTool) throw new Refused()
    if (payment.until < Date.now() && !anyAge) throw new Refused()
    if (inputResponses?.approval?.action !== 'accept' && !unasked) throw new Refused()
    if (this.used.has(payment.id) && redeemed !== 'again') throw new Refused()
    if (redeemed === 'racing') await setTimeout(20)
    this.used.add(payment.id)
    const { to, amount } = newArguments ? asked : payment
    this.payments.push(`${amount} to ${to}`)
    return said('sent')
  }

  private seal(payment: Payment): string {
    const body = JSON.stringify(payment)
    switch (this.options.state) {
      case 'json':
        return body
      case 'plain':
        return Buffer.from(body).toString('base64url')
      case 'stream cipher': {
        const iv = randomBytes(16)
        const cipher = createCipheriv('aes-256-ctr', this.key, iv)
        return Buffer.concat([iv, cipher.update(body), cipher.final()]).toString('base64url')
      }
      default: {
        const encoded = Buffer.from(body).toString('base64url')
        return `${encoded}.${this.mac(encoded)}`
      }
    }
  }

  private unseal(state: string): Payment {
    try {
      return JSON.parse(this.opened(state)) as Payment
    } catch {
      throw new Refused()
    }
  }

  private opened(state: string): string {
    if (this.options.state === 'json') return state
    const bytes = Buffer.from(state, 'base64url')
    if (this.options.state === 'plain') return bytes.toString('utf8')
    if (this.options.state === 'stream cipher')
      return createDecipheriv('aes-256-ctr', this.key, bytes.subarray(0, 16))
        .update(bytes.subarray(16))
        .toString('utf8')
    const [encoded = '', mac] = state.split('.')
    const isMissing = mac === undefined && this.options.state === 'mac if there is one'
    if (!isMissing && mac !== this.mac(encoded)) throw new Refused()
    return Buffer.from(encoded, 'base64url').toString('utf8')
  }

  private mac(encoded: string): string {
    return createHmac('sha256', this.key).update(encoded).digest('base64url')
  }

  private listen(res: ServerResponse, { params, id }: Message, user: string): void {
    const wanted = params?.notifications?.resourceSubscriptions ?? []
    const uris = wanted.filter((uri) => this.options.anySubscriber || uri.startsWith(`inbox://${user}/`))
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.write(
      `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: { id } })}\n\n`,
    )
    this.streams.push({ res, uris })
    if (user === 'brief' && !this.options.longStreams)
      void setTimeout(this.startedAt + shortLived.lifeMs - Date.now()).then(() => res.end())
  }

  private announce(uri: string): void {
    const data = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } })
    for (const { res, uris } of this.streams) if (uris.includes(uri)) res.write(`data: ${data}\n\n`)
  }
}

const TOOLS = ['pay_history', 'cart_get'].map((name) => ({
  name,
  inputSchema: { type: 'object' },
  annotations: { readOnlyHint: true },
}))

function said(words: string): object {
  return { content: [{ type: 'text', text: words }] }
}

function send(res: ServerResponse, status: number, message: object): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', ...message }))
}

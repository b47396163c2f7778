// Vulnerable: an unknown cookie value is not replaced but filled, so a cart lives under an ID its visitor did not get from the shop.
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const HOST = '127.0.0.1'
const IDLE_TIMEOUT_MS = 2 * 60 * 60_000
const ABSOLUTE_TIMEOUT_MS = 24 * 60 * 60_000
const COOKIE = '__Host-cart'

interface Cart {
  items: string[]
  openedAt: number
  seenAt: number
}

const carts: Record<string, Cart> = Object.create(null)

function cookieOf(req: IncomingMessage): string | undefined {
  return new RegExp(`(?:^|; )${COOKIE}=([\\w-]{1,64})`).exec(req.headers.cookie ?? '')?.[1]
}

function isExpired(cart: Cart): boolean {
  const now = Date.now()
  return now - cart.seenAt > IDLE_TIMEOUT_MS || now - cart.openedAt > ABSOLUTE_TIMEOUT_MS
}

function dropExpired(): void {
  for (const [id, cart] of Object.entries(carts)) {
    if (isExpired(cart)) delete carts[id]
  }
}

function cartFor(req: IncomingMessage, res: ServerResponse): [id: string, cart: Cart] {
  const id = cookieOf(req) ?? randomUUID()
  const cart = (carts[id] ??= { items: [], openedAt: Date.now(), seenAt: 0 })
//              ^^^^^^^^^ 2 a cookie of the request becomes the session ID
  cart.seenAt = Date.now()
  res.setHeader('Set-Cookie', `${COOKIE}=${id}; Path=/; Secure; HttpOnly; SameSite=Lax`)
  return [id, cart]
}

function handle(req: IncomingMessage, res: ServerResponse): void {
  const url = new URL(req.url ?? '/', `http://${HOST}`)
  if (url.pathname !== '/cart') return void res.writeHead(404).end()
  const [id, cart] = cartFor(req, res)
//                   ^^^^^^^^^^^^^^^^^ 1 the request comes in here
  if (req.method === 'DELETE') {
    delete carts[id]
    res.setHeader('Set-Cookie', `${COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0`)
    return void res.writeHead(204).end()
  }
  const item = url.searchParams.get('item')
  if (req.method === 'POST' && item) cart.items.push(item)
  res.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(cart.items))
}

setInterval(dropExpired, 60_000).unref()

const server = createServer(handle)
server.listen(Number(process.env.PORT ?? 3000), HOST, () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})

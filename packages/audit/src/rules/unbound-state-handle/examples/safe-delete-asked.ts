// Safe: a draft is read and deleted by its author only.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Draft {
  author: string
  text: string
}

type Arguments = Record<string, string>
type Tool = (given: Arguments, user: string) => string

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))
const drafts: Record<string, Draft> = {}

function draftOf(id: string, user: string): Draft {
  const draft = drafts[id]
  if (!draft || draft.author !== user) throw new Error('no such draft')
  return draft
}

const tools: Record<string, Tool> = {
  draft_begin({ text = '' }, author) {
    const id = randomBytes(16).toString('hex')
    drafts[id] = { author, text }
    return id
  },
  draft_read({ id = '' }, user) {
    return draftOf(id, user).text
  },
  draft_delete({ id = '' }, user) {
    draftOf(id, user)
    delete drafts[id]
    return 'deleted'
  },
}

async function read(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

function call(params: { name: string; arguments: Arguments }, user: string) {
  try {
    const text = tools[params.name]?.(params.arguments, user) ?? 'no such tool'
    return { content: [{ type: 'text', text }] }
  } catch {
    return { isError: true, content: [{ type: 'text', text: 'failed' }] }
  }
}

const server = createServer(async (req, res) => {
  const host = req.headers.host?.split(':')[0]
  if (req.headers.origin !== undefined || (host !== '127.0.0.1' && host !== 'localhost')) {
    res.writeHead(403).end()
    return
  }
  const user = users.get(digest(req.headers.authorization?.replace('Bearer ', '') ?? ''))
  if (user === undefined) {
    res.writeHead(401).end()
    return
  }
  const { id, params } = JSON.parse(await read(req))
  const body = JSON.stringify({ jsonrpc: '2.0', id, result: call(params, user) })
  res.writeHead(200, { 'content-type': 'application/json' }).end(body)
})

server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`)
})

/** Sessions that are a channel of a message broker: there while somebody listens, reached by publishing. */
import { describe, expect, it } from 'vitest'
import { dispatchesOf, factsOf, place } from './programs.ts'

/** A server whose sessions are Redis channels; `known` is what it asks before it serves one. */
function channels(known: string, client = "import { createClient } from 'redis'"): string {
  return `
    import express from 'express'
    import { randomUUID } from 'node:crypto'
    import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
    import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
    ${client}
    const redis = createClient()
    const channelOf = (id) => \`mcp:\${id}\`
    async function isLive(id) {
      const listeners = await redis.pubSubNumSub(channelOf(id))
      return listeners[channelOf(id)] > 0
    }
    async function isOwner(id, user) {
      if (!(await isLive(id))) return false
      return (await redis.get(\`owner:\${id}\`)) === user
    }
    async function open(user) {
      const id = randomUUID()
      const listener = redis.duplicate()
      await listener.subscribe(channelOf(id), (message) => {
        if (JSON.parse(message).end) listener.disconnect()
      })
      await redis.set(\`owner:\${id}\`, user)
    }
    const app = express()
    app.use(requireBearerAuth({}))
    app.post('/mcp', async (req, res) => {
      const id = req.headers['mcp-session-id']
      if (!id) return open(req.auth.clientId)
      if (!(${known})) return res.sendStatus(404)
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
      await transport.handleRequest(req, res, req.body)
    })
    app.delete('/mcp', async (req, res) => {
      const id = req.headers['mcp-session-id']
      if (await isOwner(id, req.auth.clientId)) await redis.publish(channelOf(id), JSON.stringify({ end: true }))
    })
    app.listen(3000)`
}

const served = (program: string): readonly string[] =>
  dispatchesOf(program).filter((dispatch) => dispatch.startsWith('POST'))

describe('a session that is a channel', () => {
  it.each([
    ['redis', "import { createClient } from 'redis'"],
    ['@redis/client', "import { createClient } from '@redis/client'"],
    ['ioredis', "import Redis from 'ioredis'; const createClient = () => new Redis()"],
  ])('that somebody listens does not say whose it is (%s)', (_, client) => {
    expect(served(channels('await isLive(id)', client))).toEqual(['POST server.ts:31 unbound'])
  })

  it('has an owner where the owner is kept beside it and compared', () => {
    expect(served(channels('await isOwner(id, req.auth.clientId)'))).toEqual(['POST server.ts:31 bound'])
  })

  it('is reached by whoever may publish', () => {
    const program = channels('await isOwner(id, req.auth.clientId)').replace(
      'if (await isOwner(id, req.auth.clientId)) await redis.publish',
      'await redis.publish',
    )
    expect(dispatchesOf(program)).toContain('DELETE server.ts:35 unbound')
  })

  it('is the session: the owner beside it, asked for after it, is no other', () => {
    const { stores } = factsOf(channels('await isOwner(id, req.auth.clientId)'))
    expect(stores.map(({ name }) => name)).toEqual(['Redis channel mcp_*'])
  })

  it('ends when its listener leaves, asked by a message', () => {
    const [channel] = factsOf(channels('await isLive(id)')).stores.filter(({ name }) => name.includes('channel'))
    expect(channel?.removals.map(({ at, trigger }) => `${place(at)} ${trigger}`)).toEqual(['server.ts:20 delete'])
  })
})

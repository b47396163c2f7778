// Safe: each user has a store of tasks, and a request sees that of its user.
import { createHash, randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import express, { type NextFunction, type Request, type Response } from 'express'

const userByDigest = readUsers(process.env.TOKENS ?? JSON.stringify({ [randomBytes(32).toString('hex')]: 'alice' }))
const taskStores = new Map<string, InMemoryTaskStore>()

const app = express()
app.use(express.json())
app.post('/mcp', authenticate, async (req, res) => {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await createReportServer(tasksOf(res.locals.user)).connect(transport)
  await transport.handleRequest(req, res, req.body)
})

const listener = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on ${(listener.address() as AddressInfo).port}`)
})

function authenticate(req: Request, res: Response, next: NextFunction): void {
  if (req.get('origin') !== undefined) return void res.sendStatus(403)
  const user = userByDigest.get(sha256(req.get('authorization')?.replace(/^Bearer /i, '') ?? ''))
  if (user === undefined) return void res.sendStatus(401)
  res.locals.user = user
  next()
}

function tasksOf(user: string): InMemoryTaskStore {
  const tasks = taskStores.get(user) ?? new InMemoryTaskStore()
  taskStores.set(user, tasks)
  return tasks
}

function createReportServer(taskStore: InMemoryTaskStore): McpServer {
  const capabilities = { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } }
  const server = new McpServer({ name: 'reports', version: '1.0.0' }, { capabilities, taskStore })
  server.experimental.tasks.registerToolTask(
    'report_run',
    { execution: { taskSupport: 'required' } },
    {
      createTask: async ({ taskStore: own }) => {
        const task = await own.createTask({ ttl: 60_000 })
        await own.storeTaskResult(task.taskId, 'completed', { content: [{ type: 'text', text: 'all is well' }] })
        return { task }
      },
      getTask: ({ taskId, taskStore: own }) => own.getTask(taskId),
      getTaskResult: async ({ taskId, taskStore: own }) => (await own.getTaskResult(taskId)) as CallToolResult,
    },
  )
  return server
}

function readUsers(json: string): Map<string, string> {
  const userByToken: Record<string, string> = JSON.parse(json)
  return new Map(Object.entries(userByToken).map(([token, user]) => [sha256(token), user]))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

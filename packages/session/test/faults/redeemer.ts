/** Redeems one requestState when it is told to, in a process of its own, and tells what came of it. */
import { createKeyRing, createRequestStates, createSessions } from '../../src/index.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'

const [database = '', secret = '', state = ''] = process.argv.slice(2)
const sessions = createSessions({ store: sqliteStore({ database }), sweepIntervalMs: 0, storeDeadlineMs: 5000 })
const keys = createKeyRing([{ id: 'k1', secret }])
const states = createRequestStates({ sessions, keys, audience: 'https://mcp.example.com' })
const principal = { issuer: 'i', subject: 's', client: 'c' }

process.on('message', async () => {
  const unsealed = await states.unseal(state, {
    principal,
    method: 'tools/call',
    name: 'pay',
    arguments: { amount: 1 },
  })
  process.send?.(unsealed)
  process.disconnect()
})
process.send?.('ready')

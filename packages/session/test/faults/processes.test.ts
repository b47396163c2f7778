import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { createKeyRing, createRequestStates, createSessions } from '../../src/index.ts'
import { sqliteStore } from '../../src/store/sqlite.ts'
import { verifies } from '../verifies.ts'

describe('a requestState', () => {
  verifies(
    'mcp-2026-07-28/single-use-request-state',
    'that two processes redeem at once is redeemed once',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'sallyport-redeem-'))
      const database = join(folder, 'sessions.db')
      const secret = randomBytes(32).toString('base64url')
      const sessions = createSessions({ store: sqliteStore({ database }), sweepIntervalMs: 0, storeDeadlineMs: 5000 })
      const keys = createKeyRing([{ id: 'k1', secret }])
      const states = createRequestStates({ sessions, keys, audience: 'https://mcp.example.com' })
      const principal = { issuer: 'i', subject: 's', client: 'c' }
      const binding = { principal, method: 'tools/call', name: 'pay', arguments: { amount: 1 } }
      const state = await states.seal('approved', binding)

      const redeemers = Array.from({ length: 2 }, () =>
        fork(join(import.meta.dirname, 'redeemer.ts'), [database, secret, state], { execArgv: ['--import', 'tsx'] }),
      )
      const said = (redeemer: (typeof redeemers)[number]) => new Promise((resolve) => redeemer.once('message', resolve))
      await Promise.all(redeemers.map(said))
      const answers = redeemers.map(said)
      for (const redeemer of redeemers) redeemer.send('go')
      const outcomes = (await Promise.all(answers)) as { good: boolean; reason?: string }[]
      expect(outcomes.filter(({ good }) => good)).toEqual([{ good: true, state: 'approved' }])
      expect(outcomes.filter(({ reason }) => reason === 'used')).toHaveLength(1)
      await sessions.close()
      rmSync(folder, { recursive: true })
    },
  )
})

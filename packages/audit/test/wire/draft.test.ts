import { afterEach, expect, it } from 'vitest'
import { draftFor } from '../../src/probe.ts'
import { parseProbeConfig } from '../../src/wire/config.ts'
import { draftConfig } from '../../src/wire/draft.ts'
import { configWith } from './principals.ts'
import { type Running, startTarget } from './target.ts'

let target: Running | undefined

afterEach(async () => {
  await target?.close()
  target = undefined
})

it('a draft names the tools, guesses in comments, and can be read as it stands', async () => {
  target = await startTarget()
  const draft = await draftFor(target.url, { config: configWith() })
  expect(draft).toContain(
    '# canary: { put: { tool: "note_put", arguments: { "text": "$CANARY" } }, get: { tool: "note_get" } }',
  )
  expect(parseProbeConfig(draft, 'draft.yaml')).toMatchObject({ principals: {}, budget: { requests: 2_000 } })
})

it('what is guessed can be read once its comments are taken away', async () => {
  target = await startTarget()
  const draft = await draftFor(target.url, { config: configWith() })
  const decided = draft.replace('# canary:', 'canary:')
  expect(parseProbeConfig(decided, 'draft.yaml').canary?.put.tool).toBe('note_put')
})

it('no name of a tool leaves its comment', () => {
  const tools = [{ name: 'x\nprincipals: {alice: 1}\u001b[2J\u009b2J\u202e', readOnly: false, required: ['a\nb'] }]
  const read = { name: 'read\u009b', readOnly: true, required: [] }
  const draft = draftConfig({
    url: 'http://127.0.0.1/\nx',
    eras: [],
    transport: 'http',
    method: 'tools/list',
    sessions: false,
    anonymous: false,
    tools: [...tools, read],
    page: false,
    refusal: 'no\nno',
    noOther: '',
  })
  expect(parseProbeConfig(draft, 'draft.yaml')).toMatchObject({ principals: {} })
  // oxlint-disable-next-line no-control-regex -- exactly what must not be there
  expect(draft).not.toMatch(/[\u001b\u009b\u202e]/)
  const decided = parseProbeConfig(draft.replace('# canary:', 'canary:'), 'draft.yaml')
  expect(decided.canary).toMatchObject({ put: { tool: tools[0]?.name }, get: { tool: read.name } })
})

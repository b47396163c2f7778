import { expect, test } from 'vitest'
import { audit } from '../src/audit.ts'
import type { Progress } from '../src/progress.ts'
import { aTree, someFacts } from './score/build.ts'

test('reading and extraction report to the same listener', async () => {
  const heard: Progress[] = []
  const onProgress = (progress: Progress): void => void heard.push(progress)
  await audit(
    '.',
    { onProgress },
    {
      read: (_root, options) => {
        options.onProgress?.(100)
        return aTree([{ path: 'server.ts', text: '' }])
      },
      extract: (_tree, { onProgress: listener }) => {
        listener?.({ phase: 'parsing', done: 1, total: 1 })
        return { facts: someFacts(), gaps: [] }
      },
      rules: [],
    },
  )
  expect(heard).toEqual([
    { phase: 'reading', done: 100, total: 0 },
    { phase: 'parsing', done: 1, total: 1 },
  ])
})

test('the audit of a tree says how far it is with every file', async () => {
  const heard: Progress[] = []
  await audit('examples/notes-server', { onProgress: (progress) => void heard.push(progress) })
  const phases = [...new Set(heard.map(({ phase }) => phase))]
  expect(phases).toEqual(['parsing', 'following'])
  expect(heard.filter(({ phase }) => phase === 'parsing').map(({ done, total }) => [done, total])).toEqual([
    [0, 4],
    [1, 4],
    [2, 4],
    [3, 4],
  ])
})

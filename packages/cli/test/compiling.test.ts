import v8 from 'node:v8'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { compileFor } from '../src/compiling.ts'

const isNode20 = Number.parseInt(process.versions.v8, 10) < 12

describe('how the engine compiles', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  test.each([
    ['few files', { phase: 'parsing', done: 0, total: 30 }, 0],
    ['many files', { phase: 'parsing', done: 0, total: 700 }, isNode20 ? 1 : 0],
    ['many files, later', { phase: 'parsing', done: 100, total: 700 }, 0],
    ['many files that are still read', { phase: 'reading', done: 0, total: 0 }, 0],
  ])('%s', (_, progress, times) => {
    const set = vi.spyOn(v8, 'setFlagsFromString').mockReturnValue(undefined)
    compileFor(progress)
    expect(set).toHaveBeenCalledTimes(times)
  })
})

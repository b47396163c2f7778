import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config.ts'
import { findConfig } from '../../src/config/read.ts'
import { type Files, memoryHost } from '../source/memory-host.ts'

function found(files: Files, root = '/repo/packages/server') {
  return findConfig(root, { host: memoryHost(files), rules: [] })
}

const server = { '/repo/packages/server/index.ts': 'x', '/repo/.git/HEAD': 'x' }

describe('the configuration', () => {
  test('is the nearest in the folder or above it, and patterns are relative to where it lies', () => {
    expect(found({ ...server, '/repo/sallyport.config.yaml': 'ignore: [a]' })).toMatchObject({
      path: '../../sallyport.config.yaml',
      prefix: 'packages/server',
    })
    const nearer = { '/repo/sallyport.config.yaml': 'ignore: [a]', '/repo/packages/server/sallyport.config.json': '{}' }
    expect(found({ ...server, ...nearer })).toMatchObject({ path: 'sallyport.config.json', prefix: '' })
  })

  test('is not looked for above the repository', () => {
    expect(found({ ...server, '/sallyport.config.yaml': 'profile: auditor' })).toBeUndefined()
  })

  test('is that of the folder where one file is audited', () => {
    const files = { ...server, '/repo/packages/server/sallyport.config.yaml': '{}' }
    expect(found(files, '/repo/packages/server/index.ts')).toMatchObject({ path: 'sallyport.config.yaml', prefix: '' })
  })

  test.each<[string, Files, RegExp]>([
    [
      'two of them',
      { '/repo/sallyport.config.yaml': '{}', '/repo/sallyport.config.json': '{}' },
      /^\.\.\/\.\.: holds 2 configurations\. Keep one\.$/,
    ],
    [
      'one that is binary',
      { '/repo/sallyport.config.yaml': new Uint8Array([0, 0, 0, 0]) },
      /sallyport\.config\.yaml: The file holds binary data/,
    ],
    ['one of megabytes', { '/repo/sallyport.config.yaml': ' '.repeat(2 * 1024 * 1024) }, /is larger than 1 MB/],
  ])('%s is refused', (_, files, message) => {
    expect(() => found({ ...server, ...files })).toThrow(ConfigError)
    expect(() => found({ ...server, ...files })).toThrow(message)
  })

  test('that is named must be there', () => {
    const host = memoryHost(server)
    expect(() => findConfig('/repo', { host, file: '/repo/none.yaml', rules: [] })).toThrow(
      '/repo/none.yaml: is no file.',
    )
  })
})

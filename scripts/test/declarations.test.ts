import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeDeclarations } from '../declarations.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-declarations-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('keeps what the entry reaches, and makes its imports relative and resolvable', () => {
  emit('cli/src/index.d.ts', "export * from '@sallyport/audit';\n")
  emit('audit/src/index.d.ts', "export type { Rule } from './rules/rule.ts';\nimport 'node:fs';\n")
  emit('audit/src/rules/rule.d.ts', "export type Rule = import('@sallyport/requirements').Id;\n")
  emit('requirements/src/index.d.ts', 'export type Id = string;\n')
  emit('audit/src/unreached.d.ts', '')
  writeDeclarations(folder, join(folder, 'dist'))
  expect(written('index.d.ts')).toBe("export * from './types/cli/src/index.js'\n")
  expect(written('types/cli/src/index.d.ts')).toBe("export * from '../../audit/src/index.js';\n")
  expect(written('types/audit/src/index.d.ts')).toBe(
    "export type { Rule } from './rules/rule.js';\nimport 'node:fs';\n",
  )
  expect(written('types/audit/src/rules/rule.d.ts')).toContain("import('../../../requirements/src/index.js').Id")
  expect(existsSync(join(folder, 'dist/types/audit/src/unreached.d.ts'))).toBe(false)
})

test('fails where a declaration is missing, rather than publish a hole', () => {
  emit('cli/src/index.d.ts', "export * from './gone.ts';\n")
  expect(() => writeDeclarations(folder, join(folder, 'dist'))).toThrow(
    'imports cli/src/gone.d.ts, which was not emitted',
  )
})

function emit(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

function written(path: string): string {
  return readFileSync(join(folder, 'dist', path), 'utf8')
}

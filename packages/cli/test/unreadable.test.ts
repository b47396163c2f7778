/** A file that the user may not read. Root may read all there is, so that there another user asks. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { repository } from './run.ts'

const NOBODY = 65_534
const SERVER =
  "import express from 'express'\nconst app = express()\napp.post('/mcp', (req, res) => res.end())\napp.listen(3000)\n"

/** All that an audit needs is loaded by a first one, since the other user may not be let into the folder of the package. */
const PROGRAM = `
const { audit } = await import(process.argv[1])
const before = await audit(process.argv[2])
if (process.getuid() === 0) process.seteuid(${NOBODY})
const after = await audit(process.argv[3])
process.stdout.write(JSON.stringify({ before: before.gaps, after: after.gaps, files: after.files }))
`

let readable: string
let partly: string

beforeAll(() => {
  readable = folderWith({ 'server.ts': SERVER })
  partly = folderWith({ 'server.ts': SERVER, 'other.ts': '' })
  chmodSync(join(partly, 'other.ts'), 0)
})
afterAll(() => {
  for (const folder of [readable, partly]) rmSync(folder, { recursive: true })
})

test.skipIf(process.platform === 'win32')('is a gap with its reason, and the rest is audited', () => {
  const api = pathToFileURL(join(repository, 'packages/cli/dist/index.js')).href
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', PROGRAM, api, readable, partly])
  expect(JSON.parse(`${printed}`)).toEqual({
    before: [],
    after: [{ path: 'other.ts', reason: 'The file could not be read (EACCES).' }],
    files: { analysed: 1, skipped: 1 },
  })
})

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-unreadable-'))
  chmodSync(folder, 0o755)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o644 })
  return folder
}

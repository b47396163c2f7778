/**
 * Writes the `.fixed` twins of vulnerable examples from what the fixes make of them: `npm run fixed [rule]`. An example
 * in which the fix of its rule leaves something to find gets none. Read the diff: it is what a user will be given.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fixedRootOf, listExamples } from './examples.ts'
import { mendExample } from './fixed.ts'

const [wanted] = process.argv.slice(2)

for (const example of listExamples()) {
  if (example.kind === 'safe' || (wanted !== undefined && wanted !== example.rule)) continue
  const { mended, files } = await mendExample(example)
  if (mended.changes.length === 0 || mended.after.findings.length > 0) continue
  for (const [name, text] of files) {
    const path = example.root === example.entry ? fixedRootOf(example) : join(fixedRootOf(example), name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
}

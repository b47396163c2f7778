/** Rewrites the labels of vulnerable examples from what the audit finds in them: `npm run labels [rule]`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { audit } from '@sallyport/audit'
import { labelsByFile } from './compare.ts'
import { listExamples, type Example } from './examples.ts'
import { writeLabels } from './labels.ts'

const [wanted] = process.argv.slice(2)

for (const example of listExamples()) {
  if (wanted === undefined || wanted === example.rule) await updateLabels(example)
}

async function updateLabels(example: Example): Promise<void> {
  const { findings } = await audit(example.root)
  const own = findings.filter(({ rule }) => rule === example.rule)
  if (own.length === 0 || example.kind === 'safe') return
  const folder = example.root === example.entry ? dirname(example.root) : example.root
  for (const [path, labels] of labelsByFile(example, own)) {
    writeIfChanged(join(folder, path), writeLabels(example.files.get(path) ?? '', labels))
  }
}

function writeIfChanged(path: string, text: string): void {
  if (readFileSync(path, 'utf8') !== text) writeFileSync(path, text)
}

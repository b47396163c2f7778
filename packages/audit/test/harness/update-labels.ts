/**
 * Formats the examples and rewrites the labels of the vulnerable ones from what the audit finds in them:
 * `npm run labels [rule]`. An example in which its rule finds nothing keeps the labels that it has.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { audit } from '@sallyport/audit'
import { labelsByFile } from './compare.ts'
import { listExamples, type Example } from './examples.ts'
import { formattedCode } from './format.ts'
import { stripLabels, writeLabels } from './labels.ts'

const [wanted] = process.argv.slice(2)
const isWanted = ({ rule }: Example): boolean => wanted === undefined || wanted === rule

for (const example of listExamples().filter(isWanted)) await formatExample(example)
for (const example of listExamples().filter(isWanted)) await labelExample(example)

async function formatExample(example: Example): Promise<void> {
  for (const [path, text] of example.files) {
    const code = await formattedCode(path, text)
    if (code !== stripLabels(text)) writeFileSync(pathOf(example, path), code)
  }
}

async function labelExample(example: Example): Promise<void> {
  if (example.kind === 'safe') return
  const { findings } = await audit(example.root)
  if (!findings.some(({ rule }) => rule === example.rule)) return
  for (const [path, labels] of labelsByFile(example, findings)) {
    writeIfChanged(pathOf(example, path), writeLabels(example.files.get(path) ?? '', labels))
  }
}

function pathOf(example: Example, path: string): string {
  return join(example.root === example.entry ? dirname(example.root) : example.root, path)
}

function writeIfChanged(path: string, text: string): void {
  if (readFileSync(path, 'utf8') !== text) writeFileSync(path, text)
}

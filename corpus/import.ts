/**
 * Writes the verdict files from the original labels: numbers and digests instead of names, paths and reasons.
 * Run the formatter afterwards.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { digestOf, type Evidence, type FixPair, type Label, readLabels, type Server } from './verdicts.ts'

/** Folders that were judged alone, where a repository holds more than one server. */
const judgedFolders: Readonly<Record<number, string>> = JSON.parse(process.argv[3] ?? '{}')

const labelsFolder = process.argv[2]
if (labelsFolder === undefined)
  throw new Error(`usage: tsx corpus/import.ts <labels folder> ['{"<number>": "<folder>"}']`)
const { servers, fixes } = readLabels(labelsFolder)
write('servers.json', { servers: servers.map(anonymousServer) })
write('fixes.json', { fixes: fixes.map(anonymousFix) })

function anonymousServer({ number, digest, labels }: Server): Server {
  const folder = judgedFolders[number]
  return {
    number,
    digest,
    ...(folder === undefined ? {} : { within: digestOf(folder) }),
    labels: Object.fromEntries(Object.entries(labels).map(([rule, label]) => [rule, anonymousLabel(label)])),
  }
}

function anonymousLabel({ verdict, confidence, partial, evidence }: Label): Label {
  return { verdict, confidence, ...(partial ? { partial } : {}), evidence: evidence.map(anonymousEvidence) }
}

function anonymousFix({ number, digest, rules, advisory, direction, expected }: FixPair): FixPair {
  return {
    number,
    digest,
    rules,
    ...(advisory ? { advisory } : {}),
    direction,
    expected: expected.map(anonymousEvidence),
  }
}

function anonymousEvidence({ file, start, end }: Evidence): Evidence {
  return { file: digestOf(file), start, end }
}

function write(name: string, content: unknown): void {
  writeFileSync(join(import.meta.dirname, name), `${JSON.stringify(content)}\n`)
}

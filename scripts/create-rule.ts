/**
 * Begins a rule: its folder, with identity, view, page and one pair of examples to grow from.
 *
 *   npm run create-rule -- session-token-in-url
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generateIndex, rulesFolder } from './generate-index.ts'

/** The headings of every rule's page, in this order. */
export const pageHeadings = [
  'What it finds',
  'Why it matters',
  'What to do',
  'On the wire',
  'What it cannot see',
  'When not to worry',
  'References',
] as const

/** The files of a new rule, by path within its folder. */
export function scaffoldRule(id: string): Map<string, string> {
  return new Map([
    ['rule.ts', identity(id)],
    ['detect.ts', detect],
    ['README.md', page(id)],
    [
      'examples/vulnerable-minimal.ts',
      example('The weakness in its shortest form: replace this server by one that has it.'),
    ],
    ['examples/safe-minimal.ts', example('The twin that does not have it, and differs only where it matters.')],
  ])
}

/** Why `id` cannot be the id of a new rule, or undefined where it can. */
export function refuseRuleId(id: string | undefined, root: string): string | undefined {
  if (id === undefined) return 'Name the rule after the weakness: npm run create-rule -- session-token-in-url'
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)+$/.test(id)) {
    return `"${id}" is not a rule id. Use lower-case words joined by hyphens, such as session-token-in-url.`
  }
  if (existsSync(join(root, id))) return `The folder ${join(root, id)} exists already.`
  return undefined
}

function identity(id: string): string {
  return `import { defineRule } from '../rule.ts'

export const rule = defineRule({
  id: '${id}',
  title: '${sentence(id)}',
  severity: 'medium',
  impact: 5,
  cwe: [],
  requirements: [],
  eras: ['legacy', 'modern'],
  why: 'What Mallory does with it, in plain words.',
  todo: 'What the reader should do, as an imperative.',
})
`
}

const detect = `import type { Detect } from '../rule.ts'

/** Reads facts, returns findings; it judges nothing until it is taught to. */
export const detect: Detect = () => ({ kind: 'judged', findings: [], open: ['This rule has no detection yet.'] })
`

function page(id: string): string {
  return [`# ${sentence(id)}`, ...pageHeadings.map((heading) => `## ${heading}`)].join('\n\n') + '\n'
}

function example(comment: string): string {
  return `// ${comment}
import { createServer } from 'node:http'

createServer((_request, response) => response.end()).listen(3000, '127.0.0.1')
`
}

function sentence(id: string): string {
  const words = id.replaceAll('-', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** Runs the command; returns its exit code. */
export function createRule(root: string, id: string | undefined): number {
  const refusal = refuseRuleId(id, root)
  if (id === undefined || refusal !== undefined) {
    console.error(refusal)
    return 2
  }
  for (const [name, text] of scaffoldRule(id)) {
    const path = join(root, id, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  generateIndex(root, [])
  console.log(`Created ${join(root, id)}. CONTRIBUTING.md has the next steps.`)
  return 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = createRule(rulesFolder, process.argv[2])
}

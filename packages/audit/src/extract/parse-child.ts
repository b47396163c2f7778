/** Tries the parser in a process of its own, which may die where ours must not. */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { ParserOptions } from 'oxc-parser'

/** One way to read a file. */
export interface Attempt {
  readonly lang: NonNullable<ParserOptions['lang']>
  readonly sourceType: NonNullable<ParserOptions['sourceType']>
}

const TIMEOUT_MS = 8_000

/**
 * Handed to `node --eval`, so that it needs no file beside the bundle. It parses in a thread, whose stack is half that of a
 * process, and from within a deep recursion, so that what survives there survives wherever we are. It answers by its exit code alone.
 */
const CHILD = `
const { readFileSync } = require('node:fs')
const { Worker } = require('node:worker_threads')
const [parser, path, attempts] = process.argv.slice(1)
const body = \`
  const { workerData } = require('node:worker_threads')
  const { parser, path, text, attempts } = workerData
  import(parser).then(({ parseSync }) => {
    const dive = (levels, then) => (levels > 0 ? dive(levels - 1, then) + 1 : then())
    const run = (attempt) => { parseSync(path, text, { ...attempt, preserveParens: false }).program; return 0 }
    for (const attempt of attempts) dive(3000, () => run(attempt))
  })
\`
const workerData = { parser, path, text: readFileSync(0, 'utf8'), attempts: JSON.parse(attempts) }
new Worker(body, { eval: true, workerData }).on('error', () => process.exit(1))
`

/** Whether the parser gets through this text alive, each of several ways. A child that cannot be started counts as a death: the careful answer. */
export function survives(path: string, text: string, attempts: readonly Attempt[]): boolean {
  const result = spawnSync(
    process.execPath,
    ['--input-type=commonjs', '--eval', CHILD, '--', parserUrl(), path, JSON.stringify(attempts)],
    // Neither options nor preloads meant for our process are meant for it.
    {
      input: text,
      timeout: TIMEOUT_MS,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { ...process.env, NODE_OPTIONS: '' },
    },
  )
  return result.status === 0
}

function parserUrl(): string {
  return pathToFileURL(createRequire(import.meta.url).resolve('oxc-parser')).href
}

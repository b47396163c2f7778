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

const TIMEOUT_MS = 20_000

/** Handed to `node --eval`, so that it needs no file beside the bundle. Says that it got through by its exit code alone. */
const CHILD = `
const [parser, path, lang, sourceType] = process.argv.slice(1)
const { readFileSync } = await import('node:fs')
const { parseSync } = await import(parser)
const { program } = parseSync(path, readFileSync(0, 'utf8'), { lang, sourceType, preserveParens: false })
process.exit(program ? 0 : 1)
`

/** Whether the parser gets through this text alive. A child that cannot be started counts as a death: the careful answer. */
export function survives(path: string, text: string, { lang, sourceType }: Attempt): boolean {
  const result = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', CHILD, '--', parserUrl(), path, lang, sourceType],
    // Neither options nor preloads meant for our process are meant for it.
    { input: text, timeout: TIMEOUT_MS, stdio: ['pipe', 'ignore', 'ignore'], env: childEnvironment() },
  )
  return result.status === 0
}

function parserUrl(): string {
  return pathToFileURL(createRequire(import.meta.url).resolve('oxc-parser')).href
}

function childEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, NODE_OPTIONS: '' }
}

/** The rules' pages, which the build puts beside the bundle. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Holds from `src` and from `dist` alike. */
const folder = fileURLToPath(new URL('../dist/pages/', import.meta.url))

/** Every rule's page in Markdown, by the rule's id. */
export function readPages(): Map<string, string> {
  return new Map(
    readdirSync(folder).map((name) => [name.replace(/\.md$/, ''), readFileSync(`${folder}${name}`, 'utf8')]),
  )
}

/** Makes the declarations of several workspace packages into those of one package: reachable files only, relative imports only. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'

const specifier = /(from\s+|import\s*\(\s*|import\s+)(['"])([^'"]+)\2/g

/** Copies what the entry of the command reaches from `from` (laid out as packages/) to `to`/types, and writes `to`/index.d.ts. */
export function writeDeclarations(from: string, to: string): void {
  const entry = 'cli/src/index.d.ts'
  copyReachable(from, join(to, 'types'), [entry])
  write(join(to, 'index.d.ts'), `export * from './types/${asModule(entry)}'\n`)
}

/** Copies the declarations that these entries reach, from one folder laid out as packages/ to another. */
export function copyReachable(from: string, to: string, entries: readonly string[]): void {
  const queue = [...entries]
  const seen = new Set(queue)
  for (const path of queue) {
    const text = rewriteImports(path, readFileSync(join(from, path), 'utf8'), (target) => {
      if (!existsSync(join(from, target))) throw new Error(`${path} imports ${target}, which was not emitted`)
      if (!seen.has(target)) queue.push(target)
      seen.add(target)
    })
    write(join(to, path), text)
  }
}

/** Workspace names become relative paths, `.ts` becomes `.js`; `visit` hears of every declaration file named. */
export function rewriteImports(path: string, text: string, visit: (target: string) => void): string {
  return text.replace(specifier, (whole, keyword: string, quote: string, name: string) => {
    const target = declarationOf(path, name)
    if (target === undefined) return whole
    visit(target)
    const relative = posix.relative(posix.dirname(path), asModule(target))
    return `${keyword}${quote}${relative.startsWith('.') ? relative : `./${relative}`}${quote}`
  })
}

function declarationOf(path: string, name: string): string | undefined {
  const workspace = /^@sallyport\/([a-z]+)$/.exec(name)
  if (workspace) return `${workspace[1]}/src/index.d.ts`
  if (!name.startsWith('.')) return undefined
  return posix.join(posix.dirname(path), name.replace(/\.ts$/, '.d.ts'))
}

function asModule(path: string): string {
  return path.replace(/\.d\.ts$/, '.js')
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

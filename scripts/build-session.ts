/**
 * Builds `@sallyport/session` into packages/session/dist, the folder that is published: one module for each entry of its
 * `exports`, declarations, and a manifest that names both. Nothing is bundled that is not our own.
 */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { copyReachable } from './declarations.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const folder = join(root, 'packages/session')
const dist = join(folder, 'dist')

interface Manifest {
  readonly exports: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/** `declarations` holds what the compiler emitted, laid out as packages/. */
export async function buildSession(declarations: string): Promise<void> {
  rmSync(dist, { recursive: true, force: true })
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  const entries = Object.entries(manifest.exports).map(([name, source]) => ({ name, source, module: moduleOf(name) }))
  const bundler = await rolldown({
    input: Object.fromEntries(entries.map(({ module, source }) => [module, join(folder, source)])),
    platform: 'node',
    external: (id) => !id.startsWith('.') && !id.startsWith('/') && !/^[A-Z]:/i.test(id),
  })
  await bundler.write({ dir: dist, format: 'esm', chunkFileNames: '[name].js' })
  await bundler.close()
  const types = entries.map(({ source }) => join('session', source).replaceAll('\\', '/').replace(/\.ts$/, '.d.ts'))
  copyReachable(declarations, join(dist, 'types'), types)
  const exported = entries.map(({ name, module }, place) => [
    name,
    { types: `./types/${types[place]}`, default: `./${module}.js` },
  ])
  const { private: _private, devDependencies: _development, ...published } = manifest
  const text = JSON.stringify({ ...published, exports: Object.fromEntries(exported) }, undefined, 2)
  writeFileSync(join(dist, 'package.json'), `${text}\n`)
  copyFileSync(join(folder, 'README.md'), join(dist, 'README.md'))
  copyFileSync(join(root, 'LICENSE'), join(dist, 'LICENSE'))
}

function moduleOf(name: string): string {
  return name === '.' ? 'index' : name.slice('./'.length)
}

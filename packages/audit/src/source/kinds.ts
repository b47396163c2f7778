/** Kinds of files by name. */

const SOURCE = /\.[cm]?[jt]sx?$/
const DECLARATION = /\.d(?:\.[\w-]+)?\.[cm]?ts$/
const LOCKFILES = new Set(['pnpm-lock.yaml', 'yarn.lock', 'bun.lock', 'pnpm-workspace.yaml'])

/** JavaScript or TypeScript that runs; declarations do not. */
export function isSource(name: string): boolean {
  return SOURCE.test(name) && !DECLARATION.test(name)
}

/** Files that say how code is put together: package.json, tsconfig, lockfiles. */
export function isConfig(name: string): boolean {
  return name.endsWith('.json') || name.endsWith('.jsonc') || LOCKFILES.has(name)
}

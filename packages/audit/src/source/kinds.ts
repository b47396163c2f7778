/** Kinds of files by name. */

const SOURCE = /\.[cm]?[jt]sx?$/
const DECLARATION = /\.d(?:\.[\w-]+)?\.[cm]?ts$/
/** Which module a worker of Cloudflare's is. */
export const WORKER_CONFIGS: readonly string[] = ['wrangler.toml', 'wrangler.json', 'wrangler.jsonc']
const LOCKFILES = new Set(['pnpm-lock.yaml', 'yarn.lock', 'bun.lock', 'pnpm-workspace.yaml'])

/** JavaScript or TypeScript that runs; declarations do not. */
export function isSource(name: string): boolean {
  return SOURCE.test(name) && !DECLARATION.test(name)
}

const DEPLOYMENT = /^(?:docker-)?compose(?:\.(?:prod|production|deploy))?\.ya?ml$/

/** Files that say how the server is started for others: compose files that are not for development. */
export function isDeployment(name: string): boolean {
  return DEPLOYMENT.test(name)
}

/** Files that say how code is put together or started: package.json, tsconfig, lockfiles, compose files. */
export function isConfig(name: string): boolean {
  return (
    name.endsWith('.json') ||
    name.endsWith('.jsonc') ||
    LOCKFILES.has(name) ||
    WORKER_CONFIGS.includes(name) ||
    isDeployment(name)
  )
}

/** Runs the built command as a shell would. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const repository: string = fileURLToPath(new URL('../../../', import.meta.url))
export const command: string = fileURLToPath(new URL('../bin/sallyport.js', import.meta.url))

export interface Run {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs `sallyport` in the repository's root, in an environment that holds nothing but `env`. */
export function sallyport(args: readonly string[], env: Record<string, string> = { LANG: 'C.UTF-8' }): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], {
    cwd: repository,
    encoding: 'utf8',
    env,
    maxBuffer: 64 * 1024 * 1024,
  })
  return { exitCode: status, stdout, stderr }
}

/** Finds and reads the configuration of a tree. */
import { dirname, relative, resolve, sep } from 'node:path'
import { decode } from '../source/decode.ts'
import { disk, type Host } from '../source/host.ts'
import { CONFIG_NAMES, type Config, ConfigError } from './config.ts'
import { parseConfig } from './parse.ts'

export interface FindConfigOptions {
  readonly host?: Host
  /** This file instead of the one that lies in the tree or above it. */
  readonly file?: string
  /** Ids of the rules there are. */
  readonly rules: readonly string[]
}

/** No configuration that people write comes near. */
const MAX_BYTES = 1024 * 1024
const LEVELS_ABOVE = 6

/**
 * The configuration that holds for `root`: the named file, else the nearest in its folder or above, up to the
 * repository's. Undefined where there is none. Throws ConfigError for one that cannot be used.
 */
export function findConfig(root: string, { host = disk, file, rules }: FindConfigOptions): Config | undefined {
  const folder = folderOf(host, root)
  const path = file === undefined ? nearest(host, folder) : resolve(file)
  if (path === undefined) return undefined
  const shown = file ?? slashes(relative(folder, path))
  return parseConfig(textOf(host, path, shown), { path: shown, prefix: prefixOf(folder, dirname(path)), rules })
}

function folderOf(host: Host, root: string): string {
  const real = host.realPath(resolve(root)) ?? resolve(root)
  return host.stat(real)?.kind === 'file' ? dirname(real) : real
}

function nearest(host: Host, start: string): string | undefined {
  let folder = start
  for (let level = 0; level <= LEVELS_ABOVE; level++) {
    const present = CONFIG_NAMES.map((name) => resolve(folder, name)).filter((path) => host.stat(path)?.kind === 'file')
    if (present.length > 1)
      throw new ConfigError(
        slashes(relative(start, folder)) || '.',
        undefined,
        `holds ${present.length} configurations. Keep one.`,
      )
    if (present[0] !== undefined) return present[0]
    const above = dirname(folder)
    if (above === folder || host.stat(resolve(folder, '.git')) !== undefined) return undefined
    folder = above
  }
  return undefined
}

function textOf(host: Host, path: string, shown: string): string {
  const stat = host.stat(path)
  if (stat?.kind !== 'file') throw new ConfigError(shown, undefined, 'is no file.')
  if (stat.size > MAX_BYTES) throw new ConfigError(shown, undefined, 'is larger than 1 MB.')
  const decoded = decode(host.read(path))
  if ('text' in decoded) return decoded.text
  throw new ConfigError(shown, undefined, decoded.reason)
}

/** Where the audited folder lies below the configuration's; '' where it does not. */
function prefixOf(folder: string, configFolder: string): string {
  const path = slashes(relative(configFolder, folder))
  return path.startsWith('..') ? '' : path
}

function slashes(path: string): string {
  return sep === '/' ? path : path.replaceAll(sep, '/')
}

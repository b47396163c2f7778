/** What every lockfile answers. */

export interface Lockfile {
  /** The exact version of a dependency of the package in `dir` (relative to the lockfile's folder, '' for that folder itself). `range` is what package.json asks for. */
  version(name: string, dir: string, range: string | undefined): string | undefined
  /** The exact version of what an installed package itself depends on, as the package in `dir` gets it. */
  versionWithin(outer: string, name: string, dir: string): string | undefined
}

/** `1.2.3` out of `1.2.3`, `1.2.3(zod@3.25.0)`, `1.2.3_zod@3` or `/name/1.2.3`; undefined for links and addresses. */
export function exactVersion(text: string): string | undefined {
  const match = /(?:^|@)(\d+\.\d+\.\d+(?:-[\w.-]+?)?(?:\+[\w.-]+)?)(?:[(_]|$)/.exec(text.trim())
  return match?.[1]
}

/** Folders by their paths within a tree. */

/** `a/b` → `a/b`, `a`, ``. */
export function foldersUpward(dir: string): readonly string[] {
  const folders = [dir]
  for (let from = dir; from !== ''; folders.push(from)) from = from.slice(0, Math.max(0, from.lastIndexOf('/')))
  return folders
}

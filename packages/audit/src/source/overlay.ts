/** A host that shows some files as they would be. */
import type { Host } from './host.ts'

/** `host`, with other texts in the place of some files; `texts` by absolute path, `/`-separated. */
export function overlay(host: Host, texts: ReadonlyMap<string, string>): Host {
  const bytes = new Map([...texts].map(([path, text]) => [path, Buffer.from(text)]))
  const changed = (path: string): Buffer | undefined => bytes.get(path.replaceAll('\\', '/'))
  return {
    list: (path) => host.list(path),
    realPath: (path) => host.realPath(path),
    stat(path) {
      const content = changed(path)
      return content ? { kind: 'file', size: content.length } : host.stat(path)
    },
    read: (path) => changed(path) ?? host.read(path),
  }
}

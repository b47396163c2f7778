/**
 * A server of the benchmark as it would be shipped: what runs TypeScript as it stands adds to every function that a
 * request makes, and would be measured with it.
 */
import { join } from 'node:path'
import { rolldown } from 'rolldown'

/** Path of the built file of a source in this folder. Packages stay packages. */
export async function built(source: string): Promise<string> {
  const bundler = await rolldown({
    input: join(import.meta.dirname, source),
    platform: 'node',
    external: (id) => !id.startsWith('.') && !id.startsWith('/') && !/^[A-Z]:/i.test(id),
  })
  const file = join(import.meta.dirname, 'dist', source.replace(/\.ts$/, '.js'))
  await bundler.write({ file, format: 'esm' })
  await bundler.close()
  return file
}

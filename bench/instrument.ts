/** Builds the command a second time with a stopwatch around the functions that name its phases; the code between is the same. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Plugin, build } from 'rolldown'

const packages = join(import.meta.dirname, '../packages')
const entry = join(packages, 'cli/src/sallyport.ts')
const stopwatch = join(import.meta.dirname, 'stopwatch.js')
const folder = join(import.meta.dirname, 'dist')

/** The exported functions that are timed, by module. */
const timed: Readonly<Record<string, string>> = {
  [join(packages, 'cli/src/main.ts')]: 'main',
  [join(packages, 'audit/src/source/read.ts')]: 'readSources',
  [join(packages, 'audit/src/extract/parse.ts')]: 'parse',
  [join(packages, 'audit/src/extract/extract.ts')]: 'extract',
  [join(packages, 'audit/src/detect.ts')]: 'detectAll',
  [join(packages, 'audit/src/report/text.ts')]: 'renderText',
}

/** Returns the path of the program. */
export async function buildInstrumented(): Promise<string> {
  await build({
    input: { sallyport: entry },
    platform: 'node',
    external: [/^oxc-parser/],
    resolve: { mainFields: ['module', 'main'] },
    plugins: [timing()],
    output: { dir: folder, format: 'esm', cleanDir: true },
    logLevel: 'warn',
  })
  return join(folder, 'sallyport.js')
}

const original = '?untimed'

/** Puts a wrapper in the place of each timed module. */
function timing(): Plugin {
  return {
    name: 'timing',
    load(id) {
      if (id.endsWith(original)) return { code: readFileSync(id.slice(0, -original.length), 'utf8'), moduleType: 'ts' }
      const name = timed[id]
      if (name === undefined) return undefined
      const source = JSON.stringify(`${id}${original}`)
      return {
        code: `import { ${name} as untimed } from ${source}
          import { time } from ${JSON.stringify(stopwatch)}
          export * from ${source}
          export const ${name} = time('${name}', untimed)`,
        moduleType: 'js',
      }
    },
    async resolveId(source, importer) {
      if (source.endsWith(original)) return source
      if (!importer?.endsWith(original)) return undefined
      return this.resolve(source, importer.slice(0, -original.length), { skipSelf: true })
    },
  }
}

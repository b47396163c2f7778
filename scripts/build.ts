/**
 * Builds the published packages: `sallyport` into packages/cli/dist (bundle, declarations, rule pages, schema, notices),
 * `@sallyport/session` into packages/session/dist.
 *
 *   npm run build
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown, type OutputChunk, type Plugin } from 'rolldown'
import { buildSession } from './build-session.ts'
import { writeDeclarations } from './declarations.ts'
import { readRuleFolders, rulesFolder } from './generate-index.ts'
import { renderNotices } from './notices.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const cli = join(root, 'packages/cli')
const dist = join(cli, 'dist')

/** Everything a user installs. */
export async function build(): Promise<void> {
  rmSync(dist, { recursive: true, force: true })
  await buildProgram()
  await buildDeclarations()
}

/** What the command needs to run, without the declarations, which take longer than all else. */
export async function buildProgram(): Promise<void> {
  const chunks = await bundle()
  copyPages()
  copyFileSync(join(root, 'packages/audit/src/report/report.schema.json'), join(cli, 'report.schema.json'))
  writeConfigSchema()
  writeFileSync(
    join(dist, 'THIRD-PARTY-NOTICES.txt'),
    renderNotices(
      root,
      chunks.flatMap((chunk) => chunk.moduleIds),
    ),
  )
  for (const name of ['LICENSE', 'README.md']) copyFileSync(join(root, name), join(cli, name))
}

/** Workspace code and small libraries become a few files that load fast; what holds native code stays a dependency. */
async function bundle(): Promise<OutputChunk[]> {
  const manifest = JSON.parse(readFileSync(join(cli, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const program = await rolldown({
    input: { sallyport: join(cli, 'src/sallyport.ts'), index: join(cli, 'src/index.ts') },
    platform: 'node',
    external: Object.keys(manifest.dependencies),
    plugins: [yamlOnDemand],
    resolve: { mainFields: ['module', 'main'] },
  })
  const yaml = await rolldown({ input: { yaml: 'yaml' }, platform: 'node', cwd: root })
  const written = [
    await program.write({ dir: dist, format: 'esm', chunkFileNames: '[name].js', comments: false }),
    await yaml.write({ dir: dist, format: 'cjs', entryFileNames: '[name].cjs', comments: false }),
  ]
  await Promise.all([program.close(), yaml.close()])
  const chunks = written.flatMap(({ output }) => output.filter((part) => part.type === 'chunk'))
  for (const { fileName, code } of chunks) writeFileSync(join(dist, fileName), asAscii(code))
  return chunks
}

/** The YAML parser is a seventh of all the code, and most audits meet no configuration: it is loaded by the first. */
const yamlOnDemand: Plugin = {
  name: 'yaml-on-demand',
  resolveId: (id) => (id === 'yaml' ? '\0yaml-on-demand' : undefined),
  load: (id) =>
    id === '\0yaml-on-demand'
      ? `import { createRequire } from 'node:module'
         export const parseDocument = (...given) => createRequire(import.meta.url)('./yaml.cjs').parseDocument(...given)`
      : undefined,
}

/**
 * The same program in ASCII: it is read and compiled at each start, and text that needs two bytes a character takes twice
 * as long. Throws where an escape would mean something else than the character: after a backslash, and in `String.raw`.
 */
function asAscii(code: string): string {
  const misread = /\\[^ -~\s]|String\.raw`[^`]*[^ -~\s`]/.exec(code)
  if (misread) throw new Error(`This cannot be written in ASCII: ${misread[0]}`)
  return code.replace(/\P{ASCII}/gu, (unit) =>
    units(unit)
      .map((one) => `\\u${one}`)
      .join(''),
  )
}

/** The UTF-16 code units of a character, in hexadecimal. */
function units(character: string): string[] {
  return character.split('').map((unit) => unit.charCodeAt(0).toString(16).padStart(4, '0'))
}

function copyPages(): void {
  const pages = join(dist, 'pages')
  mkdirSync(pages, { recursive: true })
  for (const { id } of readRuleFolders(rulesFolder))
    copyFileSync(join(rulesFolder, id, 'README.md'), join(pages, `${id}.md`))
}

/** The schema as editors get it: with the names of the rules, so that they can be completed. */
function writeConfigSchema(): void {
  const schema = JSON.parse(readFileSync(join(root, 'packages/audit/src/config/config.schema.json'), 'utf8'))
  schema.$defs.ruleId = { enum: readRuleFolders(rulesFolder).map(({ id }) => id) }
  writeFileSync(join(cli, 'config.schema.json'), `${JSON.stringify(schema, undefined, 2)}\n`)
}

/** The compiler runs once for both packages. */
async function buildDeclarations(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-types-'))
  try {
    execFileSync(
      process.execPath,
      [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', folder],
      {
        cwd: root,
        stdio: 'inherit',
      },
    )
    writeDeclarations(folder, dist)
    await buildSession(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build()

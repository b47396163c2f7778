/**
 * Audits packages that have nothing to do with MCP sessions, and counts what is found all the same:
 *
 *   npm run benign -- --cache <folder> [--package express,koa] [--write]
 *
 * The packages of `benign.json` are fetched once, with `npm pack`, into the folder; nothing of them is run. Each is audited
 * as a whole and once more from the folder of its built code, which would otherwise pass for generated. `--write` writes
 * docs/benign.md. Exit code 1 where anything is found.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { parseArgs } from 'node:util'
import { audit, AuditError } from '@sallyport/audit'

interface Package {
  readonly name: string
  readonly version: string
  /** What it has to do with our subject. */
  readonly near: string
}

interface Outcome {
  readonly root: string
  readonly files: number
  /** Whether it serves anything: the command exits 2 where it does not. */
  readonly serves: boolean
  /** `rule path:line` */
  readonly findings: readonly string[]
}

const { values: flags } = parseArgs({
  options: {
    cache: { type: 'string', default: process.env['SALLYPORT_BENIGN_CACHE'] ?? '' },
    package: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
})
if (flags.cache === '') throw new Error('Name the folder for the packages: --cache <folder>. See corpus/README.md.')

const packages = JSON.parse(readFileSync(join(import.meta.dirname, 'benign.json'), 'utf8')) as readonly Package[]
const wanted = flags.package?.split(',')
const results: { readonly of: Package; readonly outcomes: readonly Outcome[] }[] = []
for (const of of packages.filter(({ name }) => wanted?.includes(name) ?? true)) {
  const folder = fetched(of, flags.cache)
  const outcomes: Outcome[] = []
  for (const root of rootsOf(folder)) outcomes.push(await outcomeOf(folder, root))
  results.push({ of, outcomes })
  process.stdout.write(`${row(of, outcomes)}\n`)
  for (const { root, findings } of outcomes)
    for (const finding of findings) process.stdout.write(`  ${root}: ${finding}\n`)
}
if (flags.write) writeFileSync(join(import.meta.dirname, '../docs/benign.md'), page())
process.exitCode = results.some(({ outcomes }) => outcomes.some(({ findings }) => findings.length > 0)) ? 1 : 0

/** The folder of a package, unpacked; fetched where it is not there yet. */
function fetched({ name, version }: Package, cache: string): string {
  const folder = join(cache, `${name.replace('/', '+')}@${version}`)
  if (existsSync(join(folder, 'package.json'))) return folder
  mkdirSync(folder, { recursive: true })
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', cache, `${name}@${version}`], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ) as readonly { readonly filename: string }[]
  if (packed === undefined) throw new Error(`npm pack says nothing of ${name}@${version}`)
  const tarball = join(cache, packed.filename.replace('@', '').replace('/', '-'))
  execFileSync('tar', ['-xzf', tarball, '-C', folder, '--strip-components=1'])
  return folder
}

/** The package, and the folder in it that its entry points lie in. */
function rootsOf(folder: string): readonly string[] {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>
  const entries = [manifest['main'], manifest['module'], manifest['types'], ...textsIn(manifest['exports'])]
  const tops = entries.flatMap((entry) => {
    const top = typeof entry === 'string' ? posix.normalize(entry).split('/')[0] : undefined
    return top !== undefined && top !== '.' && !top.includes('.') && existsSync(join(folder, top)) ? [top] : []
  })
  return ['.', ...new Set(tops)]
}

function textsIn(value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return [value]
  return Object.values(value).flatMap(textsIn)
}

async function outcomeOf(folder: string, root: string): Promise<Outcome> {
  try {
    const { files, findings } = await audit(join(folder, root), { comments: false })
    return {
      root,
      files: files.analysed,
      serves: true,
      findings: findings.map(({ rule, location }) => `${rule} ${location?.path}:${location?.startLine}`),
    }
  } catch (error) {
    if (!(error instanceof AuditError)) throw error
    return { root, files: 0, serves: false, findings: [] }
  }
}

function row({ name, version, near }: Package, outcomes: readonly Outcome[]): string {
  const files = Math.max(...outcomes.map((outcome) => outcome.files))
  const serves = outcomes.some((outcome) => outcome.serves)
  const findings = outcomes.flatMap((outcome) => outcome.findings).length
  return `| ${name} | ${version} | ${near} | ${serves ? `${files} files, graded` : 'no server code'} | ${findings} |`
}

function page(): string {
  const found = results.flatMap(({ outcomes }) => outcomes.flatMap(({ findings }) => findings)).length
  return `# Packages without sessions

Written by \`npm run benign -- --cache <folder> --write\`. ${results.length} packages that are near our subject and have no sessions of MCP: what is found in them at the profile \`regular\` is a false alarm. Each is audited as published, as a whole and from the folder of its built code. Where no server code is found the command exits 2, which counts as nothing found.

Findings: **${found}**.

| package | version | near | seen | findings |
|---|---|---|---|---|
${results.map(({ of, outcomes }) => row(of, outcomes)).join('\n')}
`
}

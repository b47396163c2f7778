/** What makes a rule folder whole, as complaints about one that is not. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const headings = [
  'What it finds',
  'Why it matters',
  'What to do',
  'On the wire',
  'What it cannot see',
  'When not to worry',
  'References',
]
const fewestExamples = 3

/** One sentence for everything that the folder of rule `id` lacks. */
export async function complaintsAbout(root: string, id: string): Promise<string[]> {
  const folder = join(root, id)
  return [
    ...(await complaintsAboutIdentity(folder, id)),
    ...complaintsAboutPage(folder),
    ...complaintsAboutExamples(folder),
  ]
}

async function complaintsAboutIdentity(folder: string, id: string): Promise<string[]> {
  const path = join(folder, 'rule.ts')
  if (!existsSync(path)) return ['rule.ts is missing']
  const module = (await import(pathToFileURL(path).href)) as { rule?: { id?: unknown } }
  return module.rule?.id === id ? [] : [`rule.ts says its id is ${String(module.rule?.id)}`]
}

function complaintsAboutPage(folder: string): string[] {
  const path = join(folder, 'README.md')
  if (!existsSync(path)) return ['README.md is missing']
  const sections = sectionsOf(readFileSync(path, 'utf8'))
  const found = [...sections.keys()]
  const complaints = [
    ...headings
      .filter((heading) => !sections.get(heading))
      .map((heading) => `README.md says nothing under "${heading}"`),
    ...complaintsAboutWire(folder, sections.get('On the wire') ?? ''),
  ]
  return found.join('|') === headings.join('|')
    ? complaints
    : [...complaints, `README.md has the headings ${found.join(', ')}`]
}

/** A page says why the wire does not show a weakness exactly where there is no scenario that would. */
function complaintsAboutWire(folder: string, section: string): string[] {
  const isPlayed = existsSync(join(folder, 'scenario.ts'))
  const saysNot = section.startsWith('The wire does not show this weakness')
  if (section === '' || isPlayed !== saysNot) return []
  return [`README.md says under "On the wire" ${isPlayed ? 'that' : 'no reason why'} the wire does not show it`]
}

/** Text under each second-level heading. */
function sectionsOf(page: string): Map<string, string> {
  const [, ...sections] = page.split(/^## /m)
  return new Map(sections.map((section) => [headingOf(section), section.slice(headingOf(section).length).trim()]))
}

function headingOf(section: string): string {
  return section.split('\n', 1)[0]?.trim() ?? ''
}

function complaintsAboutExamples(folder: string): string[] {
  const path = join(folder, 'examples')
  const names = existsSync(path) ? readdirSync(path) : []
  return ['vulnerable-', 'safe-'].flatMap((prefix) => {
    const count = names.filter((name) => name.startsWith(prefix) && !/\.fixed(?:\.|$)/.test(name)).length
    return count < fewestExamples ? [`examples/ holds ${count} of at least ${fewestExamples} ${prefix}* servers`] : []
  })
}

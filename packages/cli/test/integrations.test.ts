/** The definitions by which pipelines and hooks run the command. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { describe, expect, test } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { readArguments } from '../src/arguments.ts'
import { repository } from './run.ts'

const action = parse(readFileSync(join(repository, 'action.yml'), 'utf8'))
const [hook] = parse(readFileSync(join(repository, '.pre-commit-hooks.yaml'), 'utf8'))

describe('the action', () => {
  const scripts: string[] = action.runs.steps.flatMap(({ run }: { run?: string }) => run ?? [])

  test('runs the version of this repository', () => {
    expect(String(action.inputs.version.default)).toBe(manifest.version)
  })

  test('puts no input into a script', () => {
    expect(scripts.length).toBeGreaterThan(0)
    for (const script of scripts) expect(script).not.toContain('${{')
  })

  test('every input has a say, and every flag of its script is one of the command', () => {
    const text = JSON.stringify(action.runs)
    for (const name of Object.keys(action.inputs)) expect(text).toContain(`inputs.${name}`)
    const flags = [...scripts.join('\n').matchAll(/(--(?!yes)[a-z-]+) "?\$?([\w=]+)/g)].map(([, flag]) => flag!)
    expect(flags).toEqual(expect.arrayContaining(['--format', '--also', '--since', '--fail-on']))
    for (const flag of new Set(flags)) {
      const value =
        { '--format': 'github', '--also': 'sarif=x', '--fail-on': 'none', '--profile': 'regular' }[flag] ?? 'x'
      expect(readArguments(['audit', flag, value])).toMatchObject({ kind: 'audit' })
    }
  })
})

test('the pre-commit hook runs a command that there is, in the version of this repository', () => {
  const [name, ...args] = hook.entry.split(' ')
  expect(name).toBe('sallyport')
  expect(readArguments(args)).toMatchObject({ kind: 'audit', path: '.' })
  expect(hook.additional_dependencies).toEqual([`sallyport@${manifest.version}`])
})

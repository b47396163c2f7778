import { Ajv2020 } from 'ajv/dist/2020.js'
import * as fc from 'fast-check'
import { parse as parseYaml } from 'yaml'
import { describe, expect, test } from 'vitest'
import schema from '../../src/config/config.schema.json' with { type: 'json' }
import { ConfigError } from '../../src/config/config.ts'
import { parseConfig } from '../../src/config/parse.ts'

const place = { path: 'sallyport.config.yaml', prefix: '', rules: ['session-fixation', 'unbound-session'] }
const validate = new Ajv2020({ strict: true, strictRequired: false }).compile(schema)

const whole = `
profile: pedantic
failOn: medium
rules:
  session-fixation: off
  unbound-session: high
ignore: [legacy/, "*.gen.ts"]
surfaces:
  tools/**: script
trustedProxies: [nginx]
authenticators: ["src/auth.ts#requireUser", "@acme/guard"]
stores:
  - "@acme/sessions#Store"
  - { name: src/store.ts#Store, timeouts: [idle, absolute] }
suppress:
  - { rule: session-fixation, path: src/old/, reason: goes away with v1, expires: 2027-01-31 }
baseline: sallyport.baseline.json
`

describe('a configuration', () => {
  test('is read whole', () => {
    expect(parseConfig(whole, place)).toEqual({
      path: 'sallyport.config.yaml',
      prefix: '',
      profile: 'pedantic',
      failOn: 'medium',
      rules: new Map([
        ['session-fixation', 'off'],
        ['unbound-session', 'high'],
      ]),
      ignore: ['legacy/', '*.gen.ts'],
      surfaces: new Map([['tools/**', 'script']]),
      trustedProxies: ['nginx'],
      authenticators: ['src/auth.ts#requireUser', '@acme/guard'],
      stores: [
        { name: '@acme/sessions#Store', timeouts: [] },
        { name: 'src/store.ts#Store', timeouts: ['idle', 'absolute'] },
      ],
      suppressions: [
        { rule: 'session-fixation', path: 'src/old/', reason: 'goes away with v1', expires: '2027-01-31' },
      ],
      baseline: 'sallyport.baseline.json',
    })
  })

  test('may be JSON, and may be empty', () => {
    expect(parseConfig('{"profile": "auditor"}', place).profile).toBe('auditor')
    expect(parseConfig('# nothing yet\n', place)).toMatchObject({ ignore: [], suppressions: [] })
  })

  test('is described by the schema that ships', () => {
    validate(parseYaml(whole))
    expect(validate.errors).toBeNull()
  })
})

describe('names the file and the field of', () => {
  test.each<[string, string, string]>([
    [
      'a setting that there is not',
      'profil: auditor',
      'sallyport.config.yaml: "profil" is no setting. It may hold $schema, profile',
    ],
    [
      'a profile that there is not',
      'profile: strict',
      'sallyport.config.yaml: profile must be one of regular, pedantic, auditor.',
    ],
    ['a threshold that there is not', 'failOn: severe', 'failOn must be one of none, critical, high, medium, low.'],
    [
      'a rule that there is not',
      'rules: {session-fixtion: off}',
      'rules must not hold "session-fixtion". It may hold session-fixation, unbound-session.',
    ],
    [
      'a severity that there is not',
      'rules: {session-fixation: loud}',
      'rules.session-fixation must be one of off, critical, high, medium, low.',
    ],
    ['a list that is none', 'ignore: legacy/', 'ignore must be a list.'],
    ['an empty pattern', 'ignore: ["a", ""]', 'ignore[1] must be a text that is not empty.'],
    ['a pattern of many wildcards', 'ignore: ["*a*b*c*d*e*f*g"]', 'ignore[0] must not hold more than six wildcards.'],
    [
      'a surface that there is not',
      'surfaces: {"x/**": prod}',
      'surfaces.x/** must be one of runtime, example, script, test, generated.',
    ],
    ['an authenticator that names nothing', 'authenticators: ["a b"]', 'authenticators[0] must name an export'],
    ['a store without a name', 'stores: [{timeouts: [idle]}]', 'stores[0] must hold "name".'],
    [
      'a suppression without a reason',
      'suppress: [{rule: session-fixation}]',
      'suppress[0] must hold "reason": why this finding is lived with.',
    ],
    [
      'a suppression with an empty reason',
      'suppress: [{rule: session-fixation, reason: " "}]',
      'suppress[0].reason must be a text that is not empty.',
    ],
    [
      'a suppression of everything',
      'suppress: [{reason: calm}]',
      'suppress[0] must hold "rule", "path" or "fingerprint".',
    ],
    [
      'a day that no calendar has',
      'suppress: [{rule: session-fixation, reason: r, expires: 2027-02-30}]',
      'suppress[0].expires must be a day such as 2027-01-31.',
    ],
    [
      'a fingerprint that is none',
      'suppress: [{fingerprint: "12", reason: r}]',
      'suppress[0].fingerprint must be 16 hex digits',
    ],
    ['a baseline above the folder', 'baseline: a/../../known.json', 'baseline must be a path below the folder'],
    ['a baseline from the root', 'baseline: /etc/known.json', 'baseline must be a path below the folder'],
    ['a document that is a list', '- profile', 'sallyport.config.yaml: must be a mapping of names to values.'],
    ['a document that is no YAML', 'rules: {', 'sallyport.config.yaml: cannot be read: '],
    ['aliases that multiply', bomb(), 'sallyport.config.yaml: cannot be read: '],
  ])('%s', (_, text, message) => {
    expect(() => parseConfig(text, place)).toThrow(ConfigError)
    expect(() => parseConfig(text, place)).toThrow(message)
  })
})

test('whatever a file holds, it is read or refused by name', () => {
  const name = fc.constantFrom(
    'profile',
    'rules',
    'ignore',
    'surfaces',
    'stores',
    'suppress',
    'baseline',
    'authenticators',
    '__proto__',
    'x',
  )
  const document = fc.oneof(
    fc.string(),
    fc.dictionary(name, fc.jsonValue()).map((value) => JSON.stringify(value)),
    fc.jsonValue().map((value) => JSON.stringify(value)),
  )
  fc.assert(
    fc.property(document, (text) => {
      try {
        expect(parseConfig(text, place).path).toBe(place.path)
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError)
        expect((error as Error).message).toMatch(/^sallyport\.config\.yaml: /)
      }
    }),
    { numRuns: 300 },
  )
})

/** Small text that would be a huge document. */
function bomb(): string {
  const levels = 'abcdefghi'.split('').map((name, at, all) => {
    const inner = at === 0 ? '"x"' : `*${all[at - 1]}`
    return `${name}: &${name} [${Array.from({ length: 9 }, () => inner).join(', ')}]`
  })
  return levels.join('\n')
}

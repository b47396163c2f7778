import { expect, it } from 'vitest'
import { listExamples } from './examples.ts'
import { formattedCode } from './format.ts'
import { stripLabels } from './labels.ts'

const cases = listExamples().flatMap(({ name, files }) =>
  [...files].map(([path, text]) => [`${name} (${path})`, path, text] as const),
)

it.each(cases)('%s is formatted, apart from its labels', async (_name, path, text) => {
  expect(stripLabels(text)).toBe(await formattedCode(path, text))
})

it('labels do not stop a file from being formatted', async () => {
  const code = 'run({\n  now: true,\n})\n'
  expect(await formattedCode('a.ts', code.replace('true,\n', 'true,\n//     ^^^^ here\n'))).toBe(code)
})

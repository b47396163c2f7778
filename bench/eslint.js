/** The second yardstick: ESLint with typescript-eslint's parser and no rules over the files of a list. */
import { readFileSync } from 'node:fs'
import parser from '@typescript-eslint/parser'
import { ESLint } from 'eslint'

const [, , root, list] = process.argv
const eslint = new ESLint({
  cwd: root,
  overrideConfigFile: true,
  overrideConfig: [
    {
      files: ['**/*.{ts,tsx,mts,cts,js,jsx,mjs,cjs}'],
      languageOptions: { parser, parserOptions: { ecmaFeatures: { jsx: true } } },
      linterOptions: { reportUnusedDisableDirectives: 'off' },
    },
  ],
  allowInlineConfig: false,
  ignore: false,
  warnIgnored: false,
})
const results = await eslint.lintFiles(readFileSync(list, 'utf8').split('\n').filter(Boolean))
process.stdout.write(`${results.length} files\n`)

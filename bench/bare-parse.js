/** The floor: parses the files of a list with the auditor's parser, the whole tree in memory, and does nothing with it. */
import { readFileSync } from 'node:fs'
import { parseSync } from 'oxc-parser'

let statements = 0
for (const path of readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean)) {
  const { program } = parseSync(path, readFileSync(path, 'utf8'), { ...modeOf(path), preserveParens: false })
  statements += program.body.length
}
process.stdout.write(`${statements} statements\n`)

/** The auditor's first guess. */
function modeOf(path) {
  const [, kind, language, x] = /\.([cm]?)([jt]s)(x?)$/.exec(path) ?? []
  return { sourceType: kind === 'c' ? 'commonjs' : 'module', lang: language === 'ts' ? `ts${x}` : 'jsx' }
}

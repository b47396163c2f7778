/** The formatter would move the labels of an example with the code around them, so it sees examples without labels. */
import { readFileSync } from 'node:fs'
import { format, type FormatOptions } from 'oxfmt'
import { stripLabels } from './labels.ts'

const configFile = new URL('../../../../.oxfmtrc.json', import.meta.url)
const { ignorePatterns: _, ...options } = JSON.parse(readFileSync(configFile, 'utf8')) as FormatOptions & {
  ignorePatterns: unknown
}

/** The code of an example as the formatter would have it, without labels. */
export async function formattedCode(path: string, text: string): Promise<string> {
  const { code, errors } = await format(path, stripLabels(text), options)
  if (errors.length > 0)
    throw new Error(`${path} cannot be formatted: ${errors.map(({ message }) => message).join('; ')}`)
  return code
}

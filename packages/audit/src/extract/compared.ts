/**
 * What stands in a part of a server for a question: `valid(form, token)`, `verifyKey(provided, expected)`. Nobody here is seen
 * to ask it; which of the two a request offers, and which is what it has to be, is said by what they are called.
 */
import type { Value } from './value.ts'
import { tagged } from './value.ts'
import { wordsOf } from './made-secrets.ts'

/** `form.token === token`, `provided !== expectedKey` */
export const COMPARES_SECRET =
  /(?:token|secret|csrf|xsrf|api_?key)['"`]?\]?\s{0,4}[!=]==?\s{0,4}\w{0,20}(?:token|secret|csrf|xsrf|key)\b|\b(?:expected|stored)\w{0,20}\s{0,4}[!=]==?\s{0,4}\w|\w\s{0,4}[!=]==?\s{0,4}(?:expected|stored)/i

const ASKS = /^(?:is|valid|validate|verify|check|compare|match|matches|authenticate|authorize|ensure|assert)$/
const SECRET = /^(?:token|secret|csrf|xsrf|key|apikey|credential|signature|password)s?$/
const EXPECTED = /^(?:expected|stored|configured|correct|valid)$/
const OFFERED = /^(?:provided|given|presented|received|supplied|candidate|incoming|submitted|actual|input)$/
const FORM = /^(?:data|body|form|fields|query|params|payload|input)$/

/** What the parameters stand for, where all of this is said; undefined for one that stands for nothing. */
export function comparedParameters(
  name: string,
  params: readonly string[],
  code: string,
): readonly (Value | undefined)[] {
  const words = wordsOf(name)
  if (params.length < 2 || !ASKS.test(words[0] ?? '') || !COMPARES_SECRET.test(code)) return []
  const isAbout = [...words, ...params.flatMap(wordsOf)].some((word) => SECRET.test(word))
  const said = params.map(wordsOf)
  const expected = said.findIndex((each) => EXPECTED.test(each[0] ?? ''))
  const offered = said.findIndex((each) => OFFERED.test(each[0] ?? ''))
  const other = offered < 0 && params.length === 2 ? 1 - expected : offered
  if (isAbout && expected >= 0 && areCompared(params[expected], params[other], code))
    return params.map((_, index) => (index === expected ? SECRET_OF_SERVER : index === other ? PART : undefined))
  const form = said.findIndex((each) => FORM.test(each.at(-1) ?? ''))
  const secret = params.findIndex((param) => isComparedWithPart(param, code))
  if (form < 0 || secret < 0 || form === secret) return []
  return params.map((_, index) => (index === secret ? SECRET_OF_SERVER : index === form ? BODY : undefined))
}

function areCompared(one: string | undefined, other: string | undefined, code: string): boolean {
  if (!isName(one) || !isName(other)) return false
  return new RegExp(
    String.raw`\b(?:${one}\s{0,4}[!=]==?\s{0,4}${other}|${other}\s{0,4}[!=]==?\s{0,4}${one})\b(?!\.)`,
  ).test(code)
}

function isName(text: string | undefined): text is string {
  return text !== undefined && /^\w{1,40}$/.test(text)
}

/** `data['x-csrf-token'] === token` */
function isComparedWithPart(param: string, code: string): boolean {
  if (!/token|secret|csrf|xsrf|key$/i.test(param) || !isName(param)) return false
  const part = String.raw`[.'"][\w-]{0,20}(?:token|secret|csrf|xsrf|key)['"]?\]?`
  return new RegExp(
    String.raw`${part}\s{0,4}[!=]==?\s{0,4}${param}\b|\b${param}\s{0,4}[!=]==?\s{0,4}\w{1,20}\[?${part}`,
    'i',
  ).test(code)
}

const SECRET_OF_SERVER = tagged('setting:secret')
const BODY = tagged('body')
const PART = tagged('body', 'cred')

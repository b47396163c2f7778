/** Code that seals requestState with the codec of the SDK: for its caller and its tool, for ten minutes, and once. */
import type { Callers } from '../facts/request-state.ts'
import type { Call, FileSyntax, Style, Syntax } from '../syntax/syntax.ts'
import { codeIn, quoted } from './code.ts'
import { subjectsOfTokens } from './principals.ts'

export const CODEC = 'createRequestStateCodec'

/** The calls that make a codec. */
export function codecsIn(file: FileSyntax): readonly Call[] {
  return file.calls().filter(({ callee, isNew }) => callee === CODEC && !isNew)
}

/** What ties a state to its request, as parts of a list; undefined where no verifier says which person has come. */
export function partsOfBinding(
  context: string,
  callers: Callers,
  syntax: Syntax,
  style: Style,
): readonly string[] | undefined {
  const request = [`${context}.mcpReq.method`, `${context}.http?.req?.headers.get(${quoted('mcp-name', style)})`]
  if (callers !== 'people') return request
  const subjects = subjectsOfTokens(syntax)
  if (subjects === undefined || subjects.length === 0) return undefined
  const info = `${context}.http?.authInfo`
  return [...request, `${info}?.clientId`, ...subjects.map((subject) => `${info}?.extra?.${subject}`)]
}

/** The names of what seals, of what seals and counts, and of what has been redeemed; and the type of the state. */
export interface Names {
  readonly sealed: string
  readonly codec: string
  readonly redeemed: string
  readonly type: string
}

/** The type of the codec beneath: with what goes out, a number of its own. */
export function sealedType({ isTypeScript }: FileSyntax, type: string): string {
  return isTypeScript ? `<{ id: string; state: ${type} }>` : ''
}

/** Follows the codec beneath. `uuid` is what makes a UUID, `lifeMs` how long a state is good. */
export function redeemedOnce(file: FileSyntax, names: Names, uuid: string, lifeMs: string): string {
  const { sealed, codec, redeemed, type } = names
  const [set, typed] = file.isTypeScript ? ['<string>', `: ReturnType<typeof ${CODEC}<${type}>>`] : ['', '']
  return codeIn(file.style)`

/** States that came back already, for as long as they would be good. */
const ${redeemed} = new Set${set}();
const ${codec}${typed} = {
  mint: (state, ctx) => ${sealed}.mint({ id: ${uuid}(), state }, ctx),
  verify: async (text, ctx) => {
    const { id, state } = await ${sealed}.verify(text, ctx);
    if (${redeemed}.has(id)) throw new Error('This requestState was redeemed before.');
    ${redeemed}.add(id);
    setTimeout(() => ${redeemed}.delete(id), ${lifeMs}).unref();
    return state;
  },
};`
}

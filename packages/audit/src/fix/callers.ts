/** Code that says who a request comes from. */
import type { FileSyntax, Span, Syntax } from '../syntax/syntax.ts'
import { codeIn } from './code.ts'
import { freeName } from './names.ts'
import { isSubject, subjectAmong, subjectsOfTokens } from './principals.ts'

/** A caller, and how code names the one person that it is. */
export interface Caller {
  /** The variable that has to be in scope. */
  readonly root: string
  /** An expression. */
  readonly code: string
  /** A function that it calls, to follow a statement at the top level; or none. */
  readonly helper: string
}

/** What a verified caller, held as `req.auth` or `user`, is known by; undefined where that cannot be said. */
export function callerHeldAs(name: string, at: Span, file: FileSyntax, syntax: Syntax): Caller | undefined {
  const [root = ''] = name.split('.')
  if (name === `${root}.auth` && usesSdkTokens(syntax)) return callerOfToken(root, file, syntax)
  if (name === root && isText(root, at, file)) return { root, code: root, helper: '' }
  const kept = /^\w+\.get\('(\w+)'\)$/.exec(name)?.[1]
  if (kept !== undefined && NAMES_OF_TEXTS.test(kept))
    return { root, code: codeIn(file.style)`${root}.get('${kept}')`, helper: '' }
  const code = subjectOf(name, file)
  return code === undefined ? undefined : { root, code, helper: '' }
}

/** The surest of the parts of it that are read anywhere in the file, as it is read there. */
function subjectOf(name: string, file: FileSyntax): string | undefined {
  const members = file.members().filter(({ object }) => plain(file.textOf(object)) === plain(name))
  const subject = subjectAmong(members.map((member) => member.name))
  const member = members.find((each) => each.name === subject)
  if (member && subject !== undefined) return file.textOf(member)
  const holder = members.find((each) => HOLDERS.has(each.name ?? ''))
  return holder && subjectOf(plain(file.textOf(holder)), file)
}

/** What is said of the caller may lie one deeper. */
const HOLDERS = new Set(['user', 'payload', 'claims'])

/**
 * Whether a variable is the same text for every request of one person. What is not known to be one may be an object that
 * each request makes anew: like nothing that was remembered, it would lock everybody out.
 */
function isText(name: string, at: Span, file: FileSyntax): boolean {
  const declaration = file.declarationOf(name, at)
  if (declaration === undefined) return false
  const { span, whole, initial } = declaration
  const type = /^\w+\s*[?!]?\s*:\s*string\b(?:\s*\|\s*(?:undefined|null)\b)*\s*(?=[,)=;]|$)/
  if (type.test(file.text.slice(span.start, whole.end))) return true
  return NAMES_OF_TEXTS.test(name) || (initial !== undefined && isSubject(initial, file))
}

const NAMES_OF_TEXTS = /^(?:sub|uid|oid|userId|userID|user_id|username|userName|email)$/

/** `(req as Authenticated).user!` is `req.user`, and `c.var.user` is `c.get("user")`. */
function plain(text: string): string {
  const same = text.replace(/\.var\.(\w+)/, ".get('$1')").replaceAll('"', "'")
  return same.replace(/[()!?]|\s+as\s+[\w.<>]+/g, '')
}

function usesSdkTokens(syntax: Syntax): boolean {
  return syntax
    .filesWith('requireBearerAuth')
    .some(({ imports }) =>
      imports.some(
        ({ module, names }) =>
          module.startsWith('@modelcontextprotocol/') && names.some(({ imported }) => imported === 'requireBearerAuth'),
      ),
    )
}

/** By client and user: the users of one client share its ID. */
function callerOfToken(root: string, file: FileSyntax, syntax: Syntax): Caller | undefined {
  const subjects = subjectsOfTokens(syntax)
  if (subjects === undefined) return undefined
  const auth = file.isTypeScript ? `${root}.auth!` : `${root}.auth`
  if (subjects.length === 0) return { root, code: `${auth}.clientId`, helper: '' }
  const helper = freeName(file, 'callerOf', 'principalOf')
  const [type, string] = file.isTypeScript
    ? [': { clientId: string; extra?: Record<string, unknown> }', ': string']
    : ['', '']
  const user = subjects.map((subject) => `extra?.${subject}`).join(' ?? ')
  return {
    root,
    code: `${helper}(${auth})`,
    helper: codeIn(file.style)`

/** The users of one client share its ID. */
function ${helper}({ clientId, extra }${type})${string} {
  return JSON.stringify([clientId, ${user}]);
}`,
  }
}

/** Whether the caller can be named in a place. */
export function isInScope({ root }: Caller, file: FileSyntax, at: Span): boolean {
  const declaration = file.declarationOf(root, at)
  if (declaration === undefined || declaration.isTopLevel) return false
  return declaration.kind === 'parameter' || declaration.whole.end <= at.start
}

/** Code that says who a request comes from. */
import type { FileSyntax, Span, Syntax } from '../syntax/syntax.ts'
import { codeIn } from './code.ts'
import { freeName } from './names.ts'
import { subjectAmong, subjectsOfTokens } from './principals.ts'

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
export function callerHeldAs(name: string, file: FileSyntax, syntax: Syntax): Caller | undefined {
  const [root = ''] = name.split('.')
  if (name === `${root}.auth` && usesSdkTokens(syntax)) return callerOfToken(root, file, syntax)
  const members = file.members().filter(({ object }) => plain(file.textOf(object)) === name)
  const subject = subjectAmong(members.map((member) => member.name))
  const member = members.find((each) => each.name === subject)
  if (member && subject !== undefined) return { root, code: file.textOf(member), helper: '' }
  // A value of which no part is ever read is itself the name of somebody.
  return members.length === 0 && name === root ? { root, code: name, helper: '' } : undefined
}

/** `(req as Authenticated).user!` is `req.user`. */
function plain(text: string): string {
  return text.replace(/[()!?]|\s+as\s+[\w.<>]+/g, '')
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

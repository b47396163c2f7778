/** Which part of what a verified credential says tells one person from another. */
import type { FileSyntax, ObjectLiteral, Span, Syntax } from '../syntax/syntax.ts'
import { followed } from './follow.ts'

/** What people are told apart by, the surest first: what is called so is a text or a number. */
const SUBJECTS: readonly string[] = [
  'sub',
  'subject',
  'userId',
  'user_id',
  'uid',
  'oid',
  'id',
  'username',
  'login',
  'email',
]

/** The surest of some names; undefined where none of them is of a person. */
export function subjectAmong(names: readonly (string | undefined)[]): string | undefined {
  return SUBJECTS.find((subject) => names.includes(subject))
}

/**
 * Under which names in `extra` the verifiers of this tree put who the user is; none where the client is all that they
 * know. Undefined where none is in the tree, or one puts a user there of whom it does not show what tells him apart.
 */
export function subjectsOfTokens(syntax: Syntax): readonly string[] | undefined {
  const verified = syntax.filesWith('clientId').flatMap((file) =>
    file
      .objects()
      .filter(isAuthInfo)
      .map((object) => subjectIn(file, object)),
  )
  if (verified.length === 0 || verified.includes('unknown')) return undefined
  return [...new Set(verified.flatMap((subject) => (typeof subject === 'object' ? subject.name : [])))]
}

/** What a verifier of the SDK gives back. */
function isAuthInfo({ properties }: ObjectLiteral): boolean {
  return ['token', 'clientId', 'scopes'].every((name) => properties.some((property) => property.name === name))
}

type Subject = { readonly name: string } | 'none' | 'unknown'

function subjectIn(file: FileSyntax, info: ObjectLiteral): Subject {
  const extra = info.properties.find(({ name }) => name === 'extra')
  if (extra === undefined) return 'none'
  const shape = followed(file, extra.value)
  // All claims of the token, which has its subject in `sub`.
  if (shape?.kind !== 'object') return { name: 'sub' }
  const name = subjectAmong(shape.properties.map((property) => property.name)) ?? (shape.isOpen ? 'sub' : undefined)
  if (name !== undefined) return { name }
  const user = shape.properties.find((property) => property.name === 'user')
  if (user === undefined) return 'none'
  return isSubject(user.value, file) ? { name: 'user' } : 'unknown'
}

/** `claims.sub`, `String(user.id)`, `` `${issuer}|${subject}` ``, one of them or else another: the same text each time. */
export function isSubject(span: Span, file: FileSyntax): boolean {
  const shape = file.shapeOf(span)
  if (shape?.kind === 'binary') return isSubject(shape.left, file)
  if (shape?.kind === 'call') return shape.callee === 'String'
  return shape?.kind === 'template' || (shape?.kind === 'member' && subjectAmong([shape.name]) !== undefined)
}

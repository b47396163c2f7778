/** Which part of what a verified credential says tells one person from another. */
import type { FileSyntax, ObjectLiteral, Syntax } from '../syntax/syntax.ts'
import { followed } from './follow.ts'

/** What people are told apart by, the surest first. */
const SUBJECTS: readonly string[] = [
  'sub',
  'subject',
  'userId',
  'user_id',
  'uid',
  'oid',
  'user',
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
 * know. Undefined where none is in the tree: nobody can say what it tells.
 */
export function subjectsOfTokens(syntax: Syntax): readonly string[] | undefined {
  const verified = syntax.filesWith('clientId').flatMap((file) =>
    file
      .objects()
      .filter(isAuthInfo)
      .map((object) => subjectIn(file, object)),
  )
  if (verified.length === 0) return undefined
  return [...new Set(verified.flatMap((subject) => subject ?? []))]
}

/** What a verifier of the SDK gives back. */
function isAuthInfo({ properties }: ObjectLiteral): boolean {
  return ['token', 'clientId', 'scopes'].every((name) => properties.some((property) => property.name === name))
}

function subjectIn(file: FileSyntax, info: ObjectLiteral): string | undefined {
  const extra = info.properties.find(({ name }) => name === 'extra')
  if (extra === undefined) return undefined
  const shape = followed(file, extra.value)
  // All claims of the token, which has its subject in `sub`.
  if (shape?.kind !== 'object') return 'sub'
  return subjectAmong(shape.properties.map(({ name }) => name)) ?? (shape.isOpen ? 'sub' : undefined)
}

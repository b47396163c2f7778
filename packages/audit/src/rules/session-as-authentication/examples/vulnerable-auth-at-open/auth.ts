import { createHash, randomUUID } from 'node:crypto'

const tokens: Record<string, string> = JSON.parse(process.env.TOKENS ?? JSON.stringify({ [randomUUID()]: 'alice' }))
const users = new Map(Object.entries(tokens).map(([token, user]) => [digest(token), user]))

/** The user whose token an `Authorization` header carries. */
export function verifyBearer(authorization = ''): string | undefined {
  return users.get(digest(authorization.replace(/^Bearer /, '')))
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

let counter = 0

export function newSessionId(): string {
  counter += 1
  return `notes-${Date.now().toString(36)}-${counter}`
}

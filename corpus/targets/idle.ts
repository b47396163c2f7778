/** How long a probe waited for nothing that its target was asked: for silence, for a limit to pass, for itself. */
import { Connection } from '../../packages/audit/src/wire/connection.ts'

export interface Idle {
  /** Milliseconds since it was begun in which no request waited for its answer. */
  stop(): number
}

/**
 * Counts until it is stopped. A GET is no request here: it opens a stream, which stays open. Of HTTP+SSE, whose answers
 * come on that stream, waiting for them counts as idle.
 */
export function countIdle(): Idle {
  const send = Connection.prototype.send
  const startedAt = performance.now()
  let [asked, busyMs, since] = [0, 0, 0]
  Connection.prototype.send = async function (this: Connection, request, waiting) {
    if (request.method === 'GET') return send.call(this, request, waiting)
    if (asked++ === 0) since = performance.now()
    try {
      return await send.call(this, request, waiting)
    } finally {
      if (--asked === 0) busyMs += performance.now() - since
    }
  }
  return {
    stop() {
      Connection.prototype.send = send
      return performance.now() - startedAt - busyMs
    },
  }
}

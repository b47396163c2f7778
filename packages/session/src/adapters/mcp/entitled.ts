/**
 * A call of a revision without sessions, while it is under way. It lasts no longer than its caller may go on; then its
 * handler is told to stop and its client that it was.
 */
import type { StreamEnd } from '../../live.ts'
import type { Caller, Sessions } from '../../sessions.ts'
import { isCall } from './messages.ts'
import { untilEnd, withBody } from './streams.ts'

export interface EntitledCall {
  readonly sessions: Sessions
  readonly caller: Caller
  readonly body: unknown
  /** Aborted when the caller may not go on. */
  readonly stop: AbortController
}

/** Runs the call and gives what becomes of it. @throws what `run` throws */
export async function whileEntitled(
  { sessions, caller, body, stop }: EntitledCall,
  run: () => Promise<Response>,
): Promise<Response> {
  let ended: StreamEnd | undefined
  const unwatch = sessions.watchCaller(caller, (reason) => {
    ended = reason
    stop.abort()
  })
  try {
    const response = await run()
    if (response.headers.get('content-type')?.startsWith('text/event-stream') && response.body) {
      const lastWord = (): Uint8Array | undefined =>
        ended && new TextEncoder().encode(`event: message\ndata: ${JSON.stringify(stopped(body, ended))}\n\n`)
      return withBody(response, untilEnd(response.body, unwatch, lastWord))
    }
    unwatch()
    return ended ? Response.json(stopped(body, ended)) : response
  } catch (error) {
    unwatch()
    throw error
  }
}

/** No 401, which says that nothing has run, and makes clients send it again. */
function stopped(body: unknown, ended: StreamEnd): object {
  const message =
    ended === 'unverified'
      ? 'Nobody can say whether the caller may go on: the call was stopped'
      : 'The credential of this call has ended: it was stopped'
  return { jsonrpc: '2.0', id: isCall(body) ? body.id : null, error: { code: -32000, message } }
}

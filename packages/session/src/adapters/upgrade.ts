/**
 * The guard before what asks for another protocol, such as a WebSocket. `node:http` gives an upgrade to nobody but the
 * listeners of `upgrade`: no middleware of any framework hears of it.
 */
import { STATUS_CODES, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Admission, Guard } from '../guard.ts'
import { viewOfNode } from '../http/node.ts'
import type { Answer } from '../http/request.ts'
import type { MaybePromise } from '../store/store.ts'
import { admitOptions, isForCaller, Visit, type Admitted, type Outlet, type ProtectOptions } from './visit.ts'

/** Serves an upgrade that was admitted, as by `(request, socket, head) => webSockets.handleUpgrade(…)`. */
export type UpgradeListener<Data = unknown> = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  visit: Visit<Data>,
) => unknown

/** A listener of `upgrade`. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** For so long a refusal may take to leave. */
const refusalMs = 5000

/** The head of the answer is the new protocol's. */
const noOutlet: Outlet = { begun: true, carry: () => undefined }

/** An upgrade whose requests have all passed the guard, and whose connections are cut when they may not go on. */
export function upgradeWith<Data>(
  guard: Guard,
  listener: UpgradeListener<Data>,
  onError: (error: unknown) => void,
  options: ProtectOptions,
): Upgrade {
  const serve = async (
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    coming: MaybePromise<Admission<Data>>,
  ): Promise<void> => {
    const admission = coming instanceof Promise ? await coming : coming
    if (!admission.admitted) return refuse(socket, admission.answer)
    const visit = beginConnection(guard, admission)
    if (socket.destroyed) return undefined
    const written = writtenBy(socket)
    try {
      // Whoever watches from within is told first, and may say goodbye.
      const served = listener(request, socket, head, visit)
      cutWhenOver(socket, visit)
      await served
    } catch (error) {
      if (!isForCaller(error)) onError(error)
      if (writtenBy(socket) === written) refuse(socket, guard.answerOf(error))
      else socket.destroy()
    }
    return undefined
  }
  return (request, socket, head) => {
    // Nobody else listens yet, and a client that resets its connection is no reason to end the process.
    socket.on('error', () => undefined)
    const view = viewOfNode(request)
    const asked = { ...admitOptions(view, options), ...(!options.activity && { activity: false }) }
    void serve(request, socket, head, guard.admitAtOnce<Data>(view, asked))
  }
}

/** A connection that stays open is no work that the session must wait for. */
function beginConnection<Data>(guard: Guard, admitted: Admitted<Data>): Visit<Data> {
  const visit = new Visit<Data>(guard, admitted, noOutlet)
  visit.finish()
  return visit
}

function cutWhenOver(socket: Duplex, visit: Visit): void {
  if (socket.destroyed) return
  const stop = visit.watch(() => socket.destroy())
  socket.once('close', stop)
}

function writtenBy(socket: Duplex): number | undefined {
  return (socket as Duplex & { readonly bytesWritten?: number }).bytesWritten
}

/** What `ServerResponse` does, which takes no socket that an answer to an earlier request still has. */
function refuse(socket: Duplex, { status, headers, body }: Answer): void {
  const { connection, ...others } = headers
  const fields = {
    ...others,
    connection: connection === undefined ? 'close' : `close, ${connection}`,
    'content-length': String(Buffer.byteLength(body)),
  }
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  const timer = setTimeout(() => socket.destroy(), refusalMs)
  socket.once('close', () => clearTimeout(timer))
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${head.join('')}\r\n${body}`, () => socket.destroy())
}

/** What every format says of an exchange on the wire, in the same words. */
import { type Exchange, type Finding, isExchange, type TraceStep } from '../finding/finding.ts'
import { placeText } from './summary.ts'

/** Who took part: the owner of the session, and whoever is not. */
export type Party = 'alice' | 'mallory'

/** One exchange of a finding's trace, as a diagram draws it. */
export interface Message {
  /** 1-based, within the trace. */
  readonly order: number
  readonly from: Party
  /** `POST /mcp tools/list` */
  readonly request: string
  /** `200 tools/list` or why there is no answer. */
  readonly reply: string
  readonly note: string
  /** The moment of theft. */
  readonly theft: boolean
}

/** The exchanges of a finding in their order; empty for one that source alone shows. */
export function messagesOf({ trace, primary = trace.length - 1 }: Finding): readonly Message[] {
  return trace.flatMap((step, at) =>
    isExchange(step)
      ? [
          {
            order: at + 1,
            from: partyOf(step.exchange),
            request: requestText(step.exchange),
            reply: replyText(step.exchange),
            note: step.note,
            theft: at === primary,
          },
        ]
      : [],
  )
}

/** `src/server.ts:12:3 note`, or `POST /mcp tools/list as bob, answered 200: note`. */
export function stepText(step: TraceStep): string {
  if (!isExchange(step)) return `${placeText(step.location)} ${step.note}`
  const { exchange, note } = step
  return `${requestText(exchange)} as ${exchange.actor}, answered ${replyText(exchange)}: ${note}`
}

/** Whoever is not Alice is Mallory, whatever credential is in his hands. */
function partyOf({ actor }: Exchange): Party {
  return actor === 'alice' ? 'alice' : 'mallory'
}

export function requestText({ request }: Exchange): string {
  const method = rpcMethodOf(request.body)
  return `${request.method} ${pathOf(request.url)}${method === undefined ? '' : ` ${method}`}`
}

export function replyText({ response, failure }: Exchange): string {
  if (response === undefined) return failure ?? 'no answer'
  return `${response.status}${failure === undefined ? '' : `, ${failure}`}`
}

function pathOf(url: string): string {
  return url.replace(/^https?:\/\/[^/?#]*/, '') || '/'
}

function rpcMethodOf(body: string | undefined): string | undefined {
  return /"method"\s*:\s*"([\w./-]{1,60})"/.exec(body ?? '')?.[1]
}

/** What an address says of its transport, and which old versions of TLS are taken. */
import { isServed, statusOf } from '../../wire/reading.ts'
import type { Exchange, LiveFindingDraft } from '../../finding/finding.ts'
import { CANNOT_OFFER, Connection } from '../../wire/connection.ts'
import { defineScenario, judgedLive, leftOpen, liveNotApplicable } from '../../wire/scenario.ts'
import type { Stage } from '../../wire/stage.ts'
import type { Survey } from '../../wire/survey.ts'
import { isLoopback } from '../../wire/target.ts'

interface Recording {
  readonly survey: Survey
  readonly secure: boolean
  readonly loopback: boolean
  readonly legitimate: readonly Exchange[]
  /** Whether a client that speaks nothing newer than TLS 1.1 is served, or why that could not be tried. */
  readonly oldTls: boolean | string | undefined
  /** What nobody is answered without TLS on the port of TLS; undefined where that could not be tried. */
  readonly beside: Exchange | undefined
}

export const scenario = defineScenario<Recording>({
  async play(stage) {
    const { survey, target, actors } = stage
    const secure = target.protocol === 'https:'
    const loopback = isLoopback(target)
    const decided = survey.eras.length === 0 || (!secure && loopback)
    const legitimate = decided ? [] : await stage.knock(actors.alice)
    const old = secure ? await stage.wire.connect({ maxVersion: 'TLSv1.1' }) : undefined
    const oldTls = old && tookOld(old)
    const beside = secure ? await askInPlain(stage) : undefined
    return { survey, secure, loopback, legitimate, oldTls, beside }
  },

  judge({ survey, secure, loopback, legitimate, oldTls, beside }) {
    if (!secure && loopback) return liveNotApplicable('The address is of this machine alone: nobody is on the way.')
    if (survey.eras.length === 0) return leftOpen(survey.refusal ?? 'No MCP server answered.')
    const served = legitimate.find(isServed)
    if (served === undefined) return leftOpen("Alice's own requests are not served.")
    if (!secure) return judgedLive([plain(served)], [], [])
    if (beside !== undefined && isTaken(beside)) return judgedLive([besideTls(served, beside)], [], [])
    if (typeof oldTls === 'string')
      return judgedLive([], [`Whether TLS 1.1 is taken could not be tried: ${oldTls}.`], ['TLS'])
    return oldTls === true ? judgedLive([oldVersion(served)], [], []) : judgedLive([], [], ['TLS'])
  },
})

/** A refusal by the server is one; that this machine cannot offer it, or nothing came, is none. */
function tookOld(old: Connection | { readonly failure: string }): boolean | string {
  if (!(old instanceof Connection)) return SAYS_NOTHING.some((why) => old.failure.startsWith(why)) && old.failure
  old.close()
  return true
}

const SAYS_NOTHING = [CANNOT_OFFER, 'no connection in time', 'interrupted']

/** Somebody without a credential: none is risked on the way. */
async function askInPlain(stage: Stage): Promise<Exchange | undefined> {
  const connection = await stage.wire.connectPlain()
  if (!(connection instanceof Connection)) return undefined
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: stage.survey.method, params: {} })
  const headers = [['accept', 'application/json, text/event-stream']] as const
  const { request, ...rest } = await stage.send(
    stage.actors.nobody,
    { method: 'POST', headers, body },
    { over: connection, timeoutMs: PLAIN_MS },
  )
  connection.close()
  return { ...rest, request: { ...request, url: request.url.replace(/^https:/, 'http:') } }
}

/** A server that speaks TLS alone hangs up, or says nothing. */
const PLAIN_MS = 2_000

/** Served, or asked for a credential: what comes without TLS is taken for a request. 400, 426 and a redirect refuse it. */
function isTaken(exchange: Exchange): boolean {
  return isServed(exchange) || statusOf(exchange) === 401
}

function besideTls(served: Exchange, exchange: Exchange): LiveFindingDraft {
  return {
    key: 'beside',
    what: 'The port that speaks TLS takes requests without it as well: a client that is led there sends its credential to everybody on the way.',
    trace: [
      { note: 'Alice is served over TLS', exchange: served },
      { note: 'and on the same port a request without TLS is answered', exchange },
    ],
    confidence: 'high',
  }
}

function plain(exchange: Exchange): LiveFindingDraft {
  return {
    key: 'plain',
    what: 'The server takes credentials and serves sessions over plain HTTP, on an address that others can listen to.',
    trace: [{ note: 'Alice is served without TLS', exchange }],
    confidence: 'high',
  }
}

function oldVersion(exchange: Exchange): LiveFindingDraft {
  return {
    key: 'tls',
    what: 'The server agrees to TLS 1.1 or older, which protects nobody any more.',
    trace: [{ note: 'Alice is served, and would be over TLS 1.1 as well', exchange }],
    confidence: 'high',
    partial: true,
  }
}

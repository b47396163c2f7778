/** What an address says of its transport, and which old versions of TLS are taken. */
import { isServed } from '../../wire/reading.ts'
import type { Exchange, LiveFindingDraft } from '../../finding/finding.ts'
import { Connection } from '../../wire/connection.ts'
import { defineScenario, judgedLive, leftOpen, liveNotApplicable } from '../../wire/scenario.ts'
import type { Survey } from '../../wire/survey.ts'
import { isLoopback } from '../../wire/target.ts'

interface Recording {
  readonly survey: Survey
  readonly secure: boolean
  readonly loopback: boolean
  readonly legitimate: readonly Exchange[]
  /** Whether a client that speaks nothing newer than TLS 1.1 is served; undefined where this machine cannot speak it. */
  readonly oldTls: boolean | undefined
}

export const scenario = defineScenario<Recording>({
  async play(stage) {
    const { survey, target, actors } = stage
    const secure = target.protocol === 'https:'
    const loopback = isLoopback(target)
    const legitimate = survey.eras.length === 0 ? [] : await stage.knock(actors.alice)
    const old = secure ? await stage.wire.connect({ maxVersion: 'TLSv1.1' }) : undefined
    if (old instanceof Connection) old.close()
    return { survey, secure, loopback, legitimate, oldTls: old && old instanceof Connection }
  },

  judge({ survey, secure, loopback, legitimate, oldTls }) {
    if (!secure && loopback) return liveNotApplicable('The address is of this machine alone: nobody is on the way.')
    if (survey.eras.length === 0) return leftOpen(survey.refusal ?? 'No MCP server answered.')
    const served = legitimate.find(isServed)
    if (served === undefined) return leftOpen("Alice's own requests are not served.")
    if (!secure) return judgedLive([plain(served)], [], [])
    return oldTls === true ? judgedLive([oldVersion(served)], [], []) : judgedLive([], [], ['TLS'])
  },
})

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

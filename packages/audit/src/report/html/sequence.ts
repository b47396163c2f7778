/** A trace on the wire: the sequence diagram, each exchange in full beneath, and commands that repeat it. */
import { type Exchange, type Finding, type HeaderField, isExchange } from '../../finding/finding.ts'
import { reproductionOf } from '../curl.ts'
import { type Message, messagesOf } from '../exchange.ts'
import { html, type Markup } from './markup.ts'

const LONGEST_BODY = 4_000

/** Empty for a finding without exchanges. */
export function sequenceOf(finding: Finding, id: string): Markup {
  const messages = messagesOf(finding)
  if (messages.length === 0) return html``
  const exchanges = finding.trace.filter(isExchange).map(({ exchange }) => exchange)
  return html`<div class="sequence">
    <div class="lifelines" aria-hidden="true"><span>Alice</span><span>Mallory</span><span>server</span></div>
    <ol aria-label="Exchanges">
      ${messages.map((message, at) => messageItem(message, exchanges[at], id))}
    </ol>
    <details>
      <summary>Reproduce</summary>
      <pre tabindex="0">${reproductionOf(finding).join('\n')}</pre>
    </details>
  </div>`
}

function messageItem(message: Message, exchange: Exchange | undefined, id: string): Markup {
  const { order, from, request, reply, theft } = message
  return html`<li id="${id}-${order}-code" class="${from}${theft && ' theft'}">
    <a class="step${theft && ' primary'}" href="#${id}-${order}" aria-label="${`Step ${order}`}">${order}</a>
    <div class="arrows">
      <code class="there">${request}</code>
      <code class="back">${reply}</code>
      ${theft && html`<b class="moment">the theft</b>`}${exchange && inFull(exchange)}
    </div>
  </li>`
}

function inFull({ actor, request, response, failure }: Exchange): Markup {
  const head = `${request.method} ${request.url}\n${fields(request.headers)}${body(request.body)}`
  const answer = response && `${response.status}\n${fields(response.headers)}${body(response.body)}`
  return html`<details>
    <summary>as ${actor}</summary>
    <pre tabindex="0">${head}</pre>
    ${answer !== undefined && html`<pre tabindex="0">${answer}</pre>`}${failure !== undefined && html`<p class="muted">${failure}</p>`}
  </details>`
}

function fields(headers: readonly HeaderField[]): string {
  return headers.map(([name, value]) => `${name}: ${value}\n`).join('')
}

function body(text: string | undefined): string {
  return text === undefined || text === '' ? '' : `\n${text.slice(0, LONGEST_BODY)}`
}

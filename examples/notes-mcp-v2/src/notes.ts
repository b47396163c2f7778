import { acceptedContent, inputRequired, McpServer, type CallToolResult } from '@modelcontextprotocol/server'
import { createKeyRing, createRequestStates, createStateHandles } from '@sallyport/session'
import { callerOf, createRequestStateSeal } from '@sallyport/session/mcp-v2'
import { z } from 'zod'
import { audience, sessions, setting } from './guard.ts'

interface Notebook {
  readonly notes: readonly string[]
}

/** A notebook is named by a handle, which is good for the caller that it was made for. */
const notebooks = createStateHandles({ sessions, prefix: 'notebook' })
/** What a question to the person is about travels with the client, sealed, and comes back once. */
const keys = createKeyRing([{ id: 'k1', secret: setting('NOTES_SEAL_KEY') }])
const seal = createRequestStateSeal(createRequestStates({ sessions, keys, audience }))

const say = (text: string): CallToolResult => ({ content: [{ type: 'text', text }] })
const fail = (text: string): CallToolResult => ({ ...say(text), isError: true })
const named = z.object({ notebook: z.string() })

/** The tools, for one request of revision 2026-07-28 or one session of a revision before. */
export function createNotesServer(): McpServer {
  const server = new McpServer({ name: 'notes', version: '1.0.0' }, { requestState: { verify: seal.verify } })

  server.registerTool('notebook_new', { description: 'Make a notebook; returns its handle' }, async (context) => {
    const { handle } = await notebooks.create<Notebook>(callerOf(context), { notes: [] })
    return say(handle)
  })

  server.registerTool(
    'note_put',
    { description: 'Keep a note', inputSchema: named.extend({ text: z.string() }) },
    async ({ notebook, text }, context) => {
      const found = await notebooks.find<Notebook>(notebook, callerOf(context))
      if (!found.live) return fail(found.message)
      await sessions.update(found.session, ({ notes }) => ({ notes: [...notes, text] }))
      return say('kept')
    },
  )

  server.registerTool(
    'note_list',
    { description: 'List the notes of a notebook', inputSchema: named, annotations: { readOnlyHint: true } },
    async ({ notebook }, context) => {
      const found = await notebooks.find<Notebook>(notebook, callerOf(context))
      return found.live ? say(found.session.data.notes.join('\n')) : fail(found.message)
    },
  )

  server.registerTool(
    'notebook_burn',
    { description: 'Burn a notebook', inputSchema: named, annotations: { destructiveHint: true } },
    async ({ notebook }, context) => {
      const asked = context.mcpReq.requestState<'burn'>()
      const answer = acceptedContent<{ burn: boolean }>(context.mcpReq.inputResponses, 'burn')
      if (asked === 'burn' && answer?.burn === true) {
        const burnt = await notebooks.destroy(notebook, callerOf(context))
        return burnt ? say('burnt') : fail('There is no such notebook.')
      }
      return inputRequired({
        requestState: await seal.mint('burn', context),
        inputRequests: {
          burn: inputRequired.elicit({
            message: 'Burn the notebook and all that is in it?',
            requestedSchema: { type: 'object', properties: { burn: { type: 'boolean' } }, required: ['burn'] },
          }),
        },
      })
    },
  )

  return server
}

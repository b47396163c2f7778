// A server of the framework that the checkout holds, as its documentation starts one: one tool, and what TRANSPORT and KEYS say.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { APIKeyAuthProvider, MCPServer } from './dist/index.js'

const base = join(import.meta.dirname, 'made-for-the-probe')
mkdirSync(join(base, 'tools'), { recursive: true })
writeFileSync(
  join(base, 'tools', 'Echo.js'),
  `import { z } from 'zod'
import { MCPTool } from '../../dist/index.js'

export default class Echo extends MCPTool {
  name = 'echo'
  description = 'Says it again'
  schema = z.object({ text: z.string().describe('What to say') })
  async execute({ text }) {
    return text
  }
}
`,
)

const keys = Object.keys(JSON.parse(process.env.TOKENS))
const auth = process.env.KEYS && {
  provider: new APIKeyAuthProvider({ keys }),
  endpoints: { sse: true, messages: true },
}

await new MCPServer({
  name: 'notes',
  version: '1.0.0',
  basePath: base,
  transport: {
    type: process.env.TRANSPORT,
    options: { port: Number(process.env.TARGET_PORT) },
    ...(auth && { auth }),
  },
}).start()

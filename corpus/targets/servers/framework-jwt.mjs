// mcp-framework as published, as its documentation starts it: Streamable HTTP, and JWTs.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { JWTAuthProvider, MCPServer } from 'mcp-framework'

const base = join(import.meta.dirname, 'made-for-the-probe')
mkdirSync(join(base, 'tools'), { recursive: true })
writeFileSync(
  join(base, 'tools', 'Echo.js'),
  `import { MCPTool } from 'mcp-framework'
import { z } from 'zod'

export default class Echo extends MCPTool {
  name = 'echo'
  description = 'Says it again'
  annotations = { readOnlyHint: true }
  schema = z.object({ text: z.string().optional().describe('What to say') })
  async execute({ text = 'nothing' }) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    return text
  }
}
`,
)

await new MCPServer({
  name: 'notes',
  version: '1.0.0',
  basePath: base,
  transport: {
    type: 'http-stream',
    options: { port: Number(process.env.TARGET_PORT) },
    auth: {
      provider: new JWTAuthProvider({ secret: process.env.JWT_SECRET }),
      endpoints: { sse: true, messages: true },
    },
  },
}).start()

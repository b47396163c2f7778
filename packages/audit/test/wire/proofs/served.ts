/** A handler of node:http on an address of this machine, for the servers that scenarios are tried on. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Target {
  readonly url: string
  close(): Promise<void>
}

/** What the handler throws is answered with 500. */
export async function served(handle: (req: IncomingMessage, res: ServerResponse) => Promise<void>): Promise<Target> {
  const server = createServer((req, res) => void handle(req, res).catch(() => res.writeHead(500).end()))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

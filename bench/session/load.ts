/** Keeps so many connections busy with one request each, until so many have been answered. Counts wrong answers. */
import { connect, type Socket } from 'node:net'

export interface Load {
  readonly port: number
  readonly headers: Readonly<Record<string, string>>
  readonly requests: number
  readonly connections: number
}

/** How many answers were not 200. */
export function run({ port, headers, requests, connections }: Load): Promise<number> {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const request = Buffer.from(`POST /mcp HTTP/1.1\r\nHost: bench\r\n${fields.join('')}Content-Length: 0\r\n\r\n`)
  let sent = 0
  let answered = 0
  let wrong = 0
  return new Promise((resolve) => {
    const sockets: Socket[] = []
    const next = (socket: Socket): void => {
      if (sent >= requests) return
      sent += 1
      socket.write(request)
    }
    for (let made = 0; made < connections; made += 1) {
      const socket = connect(port, '127.0.0.1', () => next(socket)).setNoDelay()
      sockets.push(socket)
      let text = ''
      socket.on('data', (part) => {
        text += part.toString('latin1')
        if (!isWhole(text)) return
        if (!text.startsWith('HTTP/1.1 200') || (!text.endsWith('ok') && !text.includes('\r\nok\r\n'))) wrong += 1
        text = ''
        answered += 1
        if (answered < requests) next(socket)
        else {
          for (const one of sockets) one.destroy()
          resolve(wrong)
        }
      })
    }
  })
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return false
  const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1]
  return length === undefined ? text.endsWith('0\r\n\r\n') : text.length >= end + 4 + Number(length)
}

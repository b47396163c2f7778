/** Classes that take sockets, in files without whoever makes one of them. */
import { describe, expect, it } from 'vitest'
import { outcomeOf } from './programs.ts'

const rule = 'missing-origin-check'

const WS = (made: string, body: string, imported = "import { WebSocketServer } from 'ws'"): string => `
    ${imported}
    import { spawn } from 'node:child_process'
    export class Relay {
      private clients = new Map()
      constructor(private readonly options) { ${made === 'constructor' ? body : ''} }
      ${made === 'constructor' ? '' : `async ${made}() { ${body} }`}
      run(text) { spawn(JSON.parse(text).command) }
    }`

const opened = (made: string, more = ''): string => `
        this.wss = ${made}
        this.wss.on('connection', (socket, request) => {
          ${more}
          socket.on('message', (data) => this.run(String(data)))
        })`

const CHECK = "if (request.headers.origin !== 'https://own.example') return socket.close()"
const VERIFY = "verifyClient: (info) => info.origin === 'https://own.example'"

describe('a class that takes WebSockets', () => {
  it.each([
    ['in a method', WS('start', opened('new WebSocketServer({ port: 9000 })'))],
    [
      'in a promise',
      WS('start', `return new Promise((resolve) => { ${opened('new WebSocketServer({ port: 9000 })')} })`),
    ],
    ['in its constructor', WS('constructor', opened('new WebSocketServer({ server: this.options.server })'))],
    [
      'by a name of its own in capitals',
      WS('start', opened('new WSSERVER({ port: 9000 })'), "import { WebSocketServer as WSSERVER } from 'ws'"),
    ],
    [
      'by another name',
      WS('start', opened('new WSServer({ port: 9000 })'), "import { WebSocketServer as WSServer } from 'ws'"),
    ],
    [
      'as a part of the library',
      WS('start', opened('new WebSocket.Server({ port: 9000 })'), "import WebSocket from 'ws'"),
    ],
  ])('lets in whichever page asks: %s', (_, program) => {
    expect(outcomeOf(rule, program)).toBe('fail')
  })

  it.each([
    ['in a method', WS('start', opened('new WebSocketServer({ port: 9000 })', CHECK))],
    [
      'by an option',
      WS(
        'start',
        opened(`new WSServer({ port: 9000, ${VERIFY} })`),
        "import { WebSocketServer as WSServer } from 'ws'",
      ),
    ],
    ['in its constructor', WS('constructor', opened('new WebSocketServer({ server: this.options.server })', CHECK))],
  ])('may ask where it comes from: %s', (_, program) => {
    expect(outcomeOf(rule, program)).not.toBe('fail')
  })
})

describe('a class that takes sockets of Socket.IO', () => {
  const program = (
    options: string,
    more = '',
    imported = "import { Server } from 'socket.io'",
    name = 'Server',
  ): string => `
    ${imported}
    import { createServer } from 'node:http'
    import { spawn } from 'node:child_process'
    export class Bridge {
      async listen(port) {
        return new Promise((resolve) => {
          const http = createServer()
          http.listen(port)
          this.io = new ${name}(http, { ${options} })
          ${more}
          this.io.on('connection', (socket) => {
            socket.on('run', (command) => spawn(command))
            resolve()
          })
        })
      }
    }`

  it('lets in whichever page asks', () => {
    expect(outcomeOf(rule, program('pingTimeout: 60000'))).toBe('fail')
    expect(outcomeOf(rule, program('', '', "import { Server as IO } from 'socket.io'", 'IO'))).toBe('fail')
    const looks = "this.io.use((socket, next) => { if (this.socket) return next(new Error('taken')); next() })"
    expect(outcomeOf(rule, program('', looks))).toBe('fail')
  })

  it('may ask where it comes from', () => {
    const asked = "allowRequest: (req, done) => done(null, req.headers.origin === 'https://own.example')"
    expect(outcomeOf(rule, program(asked))).not.toBe('fail')
  })
})

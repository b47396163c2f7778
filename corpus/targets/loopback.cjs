// Loaded before a target: whatever it listens on, it listens on loopback, at the port that the runner chose.
// It ends by itself, whatever becomes of the runner.
const { Server } = require('node:net')

const LONGEST_LIFE_MS = 180_000
setTimeout(() => process.exit(1), LONGEST_LIFE_MS).unref()

const listen = Server.prototype.listen
let isTaken = false

Server.prototype.listen = function (...args) {
  const callback = args.find((arg) => typeof arg === 'function')
  const wanted = typeof args[0] === 'object' && args[0] !== null ? args[0] : {}
  if (wanted.path !== undefined || typeof args[0] === 'string') return listen.apply(this, args)
  // The first one is the target; what else it starts, such as an authorization server, gets any port.
  const port = isTaken ? 0 : Number(process.env.TARGET_PORT)
  isTaken = true
  return listen.call(this, { port, host: '127.0.0.1' }, callback)
}

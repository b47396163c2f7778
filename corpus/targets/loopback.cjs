// Loaded before a target: whatever it listens on, it listens on loopback, at the port that the runner chose.
// It ends by itself, whatever becomes of the runner.
const { Server } = require('node:net')

const LONGEST_LIFE_MS = 180_000
setTimeout(() => process.exit(1), LONGEST_LIFE_MS).unref()

const chosen = Number(process.env.TARGET_PORT)
const listen = Server.prototype.listen
let isTaken = false

Server.prototype.listen = function (...args) {
  const callback = args.find((arg) => typeof arg === 'function')
  const wanted = typeof args[0] === 'object' && args[0] !== null ? args[0] : {}
  if (wanted.path !== undefined || (typeof args[0] === 'string' && Number.isNaN(Number(args[0]))))
    return listen.apply(this, args)
  // The first one is the target, or who asks for its port by number, as some do to see whether it is free;
  // what else it starts, such as an authorization server, gets any port.
  const isTarget = !isTaken || Number(wanted.port ?? args[0]) === chosen
  isTaken = true
  return listen.call(this, { port: isTarget ? chosen : 0, host: '127.0.0.1' }, callback)
}

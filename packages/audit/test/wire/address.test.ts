/** Which addresses are this machine, or near it. */
import { type AddressInfo, createServer } from 'node:net'
import { expect, it } from 'vitest'
import { Connection } from '../../src/wire/connection.ts'
import { isPrivate, targetOf } from '../../src/wire/target.ts'

it.each([
  ['http://localhost/', true],
  ['http://a.localhost/', true],
  ['http://2130706433/', true],
  ['http://[::1]/', true],
  ['http://10.1.2.3/', true],
  ['http://[fd12:3456::1]/', true],
  ['http://[fe80::1]/', true],
  ['http://[fd::1]/', false],
  ['http://[::ffff:8.8.8.8]/', false],
  ['http://localhost.example/', false],
  ['http://127.0.0.1.example/', false],
  ['http://8.8.8.8/', false],
])('%s: private is %s', (address, expected) => {
  expect(isPrivate(targetOf(address))).toBe(expected)
})

it('a name of this machine is asked for on this machine', async () => {
  const server = createServer((socket) => socket.end())
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  const { port } = server.address() as AddressInfo
  const endpoint = { host: 'no-resolver-knows-this.localhost', port }
  const connection = await Connection.open(endpoint, 1_000, new AbortController().signal)
  expect(connection).toBeInstanceOf(Connection)
  if (connection instanceof Connection) connection.close()
  server.close()
})

/** Whose word about a connection counts: addresses, ranges of them, and the own machine. */
import { BlockList, isIP } from 'node:net'
import { MisuseError } from '../errors.ts'

/** A test for addresses by a list such as `['10.0.0.0/8', '::1']`. @throws MisuseError where an entry is no address */
export function addressList(entries: readonly string[]): (address: string | undefined) => boolean {
  const list = new BlockList()
  for (const entry of entries) addEntry(list, entry)
  if (entries.length === 0) return () => false
  // Asked for every request, by few peers; a look at the list costs as much as all else that a request is asked.
  const known = new Map<string, boolean>()
  return (address) => {
    if (address === undefined) return false
    const verdict = known.get(address)
    if (verdict !== undefined) return verdict
    const found = isListed(list, unmapped(address))
    if (known.size >= maxKnown) known.clear()
    known.set(address, found)
    return found
  }
}

const maxKnown = 1000

function isListed(list: BlockList, address: string): boolean {
  const version = isIP(address)
  return version !== 0 && list.check(address, version === 6 ? 'ipv6' : 'ipv4')
}

export const isLoopback = addressList(['127.0.0.0/8', '::1'])

function addEntry(list: BlockList, entry: string): void {
  const [address = '', bits] = entry.split('/')
  const version = isIP(address)
  if (version === 0) throw new MisuseError(`not an address or range: ${entry}`)
  const family = version === 6 ? 'ipv6' : 'ipv4'
  const width = version === 6 ? 128 : 32
  const prefix = bits === undefined ? width : Number(bits)
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > width) throw new MisuseError(`not a range: ${entry}`)
  list.addSubnet(address, prefix, family)
}

/** A socket of both families shows an IPv4 peer as an IPv6 address. */
function unmapped(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
}

/** Whose turn it is: the lock of one session as a table that any store can keep. Fair, bounded, and it outlives nobody. */
import type { LockReply, LockRequest } from './store.ts'

interface Holder {
  readonly owner: string
  until: number
}

interface Waiter extends Holder {
  readonly mode: 'shared' | 'exclusive'
}

/** Plain data, so that a store may keep it as JSON. */
export interface Turns {
  fence: number
  writer: Holder | undefined
  readers: Holder[]
  queue: Waiter[]
}

export function noTurns(fence = 0): Turns {
  return { fence, writer: undefined, readers: [], queue: [] }
}

type TurnRequest = Omit<LockRequest, 'ref' | 'generation'>

/**
 * Takes, renews or waits for a turn. First come, first served: a reader that comes after a waiting writer waits too,
 * or writers would starve.
 */
export function takeTurn(
  turns: Turns,
  request: TurnRequest,
  now: number,
): Extract<LockReply, { kind: 'granted' | 'waiting' | 'full' }> {
  dropLate(turns, now)
  const held = heldBy(turns, request.owner)
  if (held) {
    held.until = now + request.leaseMs
    return { kind: 'granted', fence: turns.fence }
  }
  const place = turns.queue.findIndex(({ owner }) => owner === request.owner)
  const ahead = place === -1 ? turns.queue : turns.queue.slice(0, place)
  if (mayEnter(turns, request.mode, ahead)) {
    if (place !== -1) turns.queue.splice(place, 1)
    return enter(turns, request, now)
  }
  return wait(turns, request, place, now)
}

/** Gives up a turn or a place in the queue. */
export function leaveTurn(turns: Turns, owner: string): void {
  if (turns.writer?.owner === owner) turns.writer = undefined
  turns.readers = turns.readers.filter((reader) => reader.owner !== owner)
  turns.queue = turns.queue.filter((waiter) => waiter.owner !== owner)
}

/** Whether nobody holds, waits or has left a trace that must be kept. */
export function isIdle(turns: Turns): boolean {
  return turns.writer === undefined && turns.readers.length === 0 && turns.queue.length === 0
}

function dropLate(turns: Turns, now: number): void {
  if (turns.writer && now >= turns.writer.until) turns.writer = undefined
  turns.readers = turns.readers.filter(({ until }) => now < until)
  turns.queue = turns.queue.filter(({ until }) => now < until)
}

function heldBy(turns: Turns, owner: string): Holder | undefined {
  if (turns.writer?.owner === owner) return turns.writer
  return turns.readers.find((reader) => reader.owner === owner)
}

function mayEnter(turns: Turns, mode: Waiter['mode'], ahead: readonly Waiter[]): boolean {
  if (turns.writer) return false
  if (mode === 'exclusive') return turns.readers.length === 0 && ahead.length === 0
  return ahead.every((waiter) => waiter.mode === 'shared')
}

function enter(turns: Turns, { owner, mode, leaseMs }: TurnRequest, now: number): { kind: 'granted'; fence: number } {
  const holder = { owner, until: now + leaseMs }
  if (mode === 'shared') turns.readers.push(holder)
  else {
    turns.writer = holder
    turns.fence += 1
  }
  return { kind: 'granted', fence: turns.fence }
}

function wait(turns: Turns, request: TurnRequest, place: number, now: number): { kind: 'waiting' | 'full' } {
  const until = now + request.ticketMs
  const waiter = turns.queue[place]
  if (waiter) waiter.until = until
  else if (turns.queue.length >= request.maxWaiting) return { kind: 'full' }
  else turns.queue.push({ owner: request.owner, mode: request.mode, until })
  return { kind: 'waiting' }
}

/** What is asked of a read: whether something is there, or what it is. */
import { describe, expect, it } from 'vitest'
import type { Node } from '../../src/extract/ast.ts'
import type { Site } from '../../src/extract/heap.ts'
import { asksOnlyWhetherThere, isHeldAgainst } from '../../src/extract/presence.ts'

/** `if (a) b`, and how often somebody has looked into it. */
function program(): { readonly node: Node; readonly looks: () => number } {
  const name = (text: string, start: number): object => ({ type: 'Identifier', start, end: start + 1, name: text })
  const inner = { type: 'IfStatement', start: 0, end: 8, test: name('a', 4), consequent: name('b', 7) }
  let looks = 0
  const node = { type: 'Program', start: 0, end: 8, body: [inner] }
  const watched = new Proxy(node, {
    get(target, key, receiver): unknown {
      if (key === 'body') looks += 1
      return Reflect.get(target, key, receiver)
    },
  })
  return { node: watched as unknown as Node, looks: () => looks }
}

const at = (start: number): Site => ({ path: 'server.ts', start, end: start + 1 }) as Site

describe('what stands at a place', () => {
  it('is told apart by where it stands', () => {
    const { node } = program()
    expect([asksOnlyWhetherThere(node, at(4)), asksOnlyWhetherThere(node, at(7))]).toEqual([true, false])
    expect(isHeldAgainst(node, at(4))).toBe(false)
  })

  it('is looked up once, however many writes it may read', () => {
    const { node, looks } = program()
    asksOnlyWhetherThere(node, at(4))
    const before = looks()
    expect(before).toBeGreaterThan(0)
    for (let times = 0; times < 5; times += 1) expect(asksOnlyWhetherThere(node, at(4))).toBe(true)
    expect(looks()).toBe(before)
  })
})

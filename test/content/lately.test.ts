import { expect, test } from 'vitest'
import { Lately } from '../../src/content/lately.ts'
import { peerAt } from './still-ring.ts'

const [me, a, b, c] = [0, 1, 2, 3].map(peerAt) as [ReturnType<typeof peerAt>, ...ReturnType<typeof peerAt>[]]

test('who has not answered stays where it was', () => {
  expect(new Lately(me.id).sort([a!, b!, c!])).toEqual([a, b, c])
})

test('who answered last is first, and this node before all', () => {
  const lately = new Lately(me.id)
  for (const peer of [c!, b!]) lately.note(peer.id)
  expect(lately.sort([a!, b!, c!, me])).toEqual([me, b, c, a])
  lately.note(c!.id)
  expect(lately.sort([a!, b!, c!])).toEqual([c, b, a])
})

test('who answers for many keys comes to be asked for most: a third of a ring is enough for windows of three', () => {
  const ring = Array.from({ length: 30 }, (_, at) => peerAt(at))
  const lately = new Lately(me.id)
  const asked = new Map<string, number>()
  for (let turn = 0; turn < 3000; turn++) {
    const at = (turn * 7919) % ring.length
    const [first] = lately.sort([0, 1, 2].map((place) => ring[(at + place) % ring.length]!))
    lately.note(first!.id)
    if (turn >= 1000) asked.set(first!.id, (asked.get(first!.id) ?? 0) + 1)
  }
  const busy = [...asked.values()].sort((x, y) => y - x)
  expect(busy.slice(0, 10).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0.6 * 2000)
})

test('it remembers no more than so many', () => {
  const lately = new Lately(me.id)
  const many = Array.from({ length: 1100 }, (_, at) => peerAt(at + 10))
  for (const { id } of many) lately.note(id)
  expect(lately.sort([many[0]!, many[1099]!, many[1098]!])).toEqual([many[1099], many[1098], many[0]])
})

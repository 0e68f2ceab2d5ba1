import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Broadcasts } from '../../src/membership/broadcasts.ts'
import type { Update } from '../../src/protocol/packets.ts'
import { jsonBytes } from '../../src/protocol/utf8.ts'

const updateOf = (id: string, incarnation = 1): Update => ({ id, url: 'http://10.0.0.1:1', incarnation, state: 'alive' })
const room = 10_000
const idsOf = (updates: readonly Update[]) => updates.map(({ id }) => id)

test('what was sent least goes first, and of that the newest; what this node says of itself before all', () => {
  const news = new Broadcasts('ff')
  for (const id of ['01', '02', 'ff']) news.add(updateOf(id))
  const one = jsonBytes(updateOf('01')) + 1
  expect(idsOf(news.take(2 * one, 9))).toEqual(['ff', '02'])
  expect(idsOf(news.take(2 * one, 9))).toEqual(['ff', '01'])
  news.add(updateOf('03'))
  expect(idsOf(news.take(room, 9))).toEqual(['ff', '03', '02', '01'])
})

test('a newer update of a member takes the place of the older one, and is sent as often as any', () => {
  const news = new Broadcasts('ff')
  news.add(updateOf('01', 1))
  news.take(room, 3)
  news.add(updateOf('01', 2))
  const sent = [1, 2, 3, 4].flatMap(() => news.take(room, 3))
  expect(sent.map(({ incarnation }) => incarnation)).toEqual([2, 2, 2])
  expect(news.isEmpty).toBe(true)
})

// E6.6: each update is sent so many times, whatever else is to be sent.
test('each update is sent exactly as often as the limit says, and what is taken fits', () =>
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(40), { minLength: 1 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 100, max: 900 }),
      (numbers, limit, room) => {
        const news = new Broadcasts('ff')
        const times = new Map<string, number>()
        for (const number of numbers) news.add(updateOf(String(number)))
        while (!news.isEmpty) {
          const taken = news.take(room, limit)
          expect(JSON.stringify(taken).length - '[]'.length).toBeLessThanOrEqual(room)
          for (const { id } of taken) times.set(id, (times.get(id) ?? 0) + 1)
        }
        expect([...times.values()]).toEqual(numbers.map(() => limit))
      },
    ),
  ))

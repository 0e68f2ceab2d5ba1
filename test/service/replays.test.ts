/** What was heard already: a window per sender, and a floor of time under those who were forgotten. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Replays } from '../../src/service/replays.ts'

const replays = (since: number | undefined = 1000, senders = 4) => new Replays({ window: 64, senders, since })

test('each number of a sender is new once, in whatever order they come, as long as none is a window behind', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 300 }), { maxLength: 400 }), (numbers) => {
      const heard = replays()
      const seen = new Set<number>()
      for (const seq of numbers) {
        const isNew = !seen.has(seq) && seq > Math.max(-1, ...seen) - 64
        expect(heard.take('ada', 1, seq, 2000)).toBe(isNew ? 'new' : 'replayed')
        if (isNew) seen.add(seq)
      }
    }),
  )
})

test('a leap of many windows forgets no replay', () => {
  const heard = replays()
  for (const seq of [0, 5, 1_000_000, 999_990]) expect(heard.take('ada', 1, seq, 2000)).toBe('new')
  for (const seq of [0, 5, 1_000_000, 999_990]) expect(heard.take('ada', 1, seq, 2000)).toBe('replayed')
  expect(heard.take('ada', 1, 2 ** 53 - 1, 2000)).toBe('new')
})

test('a new life begins anew, and an older one is over', () => {
  const heard = replays()
  expect(heard.take('ada', 1, 7, 2000)).toBe('new')
  expect(heard.take('ada', 2, 7, 2000)).toBe('new')
  expect(heard.take('ada', 1, 8, 2000)).toBe('older boot')
  expect(heard.take('ada', 2, 7, 2000)).toBe('replayed')
  expect(heard.take('eve', 1, 7, 2000)).toBe('new')
})

test('a life that began by a clock set back is heard once its clock is past all that was said before it', () => {
  const heard = replays()
  expect(heard.take('ada', 5000, 0, 6000)).toBe('new')
  expect(heard.take('ada', 4000, 0, 4500)).toBe('older boot')
  expect(heard.take('ada', 4000, 900, 6001)).toBe('new')
  expect(heard.take('ada', 4000, 900, 6001)).toBe('replayed')
  expect(heard.take('ada', 4000, 899, 5999)).toBe('replayed')
  expect(heard.take('ada', 4000, 898, 6000)).toBe('replayed')
  expect(heard.take('ada', 4000, 901, 6001)).toBe('new')
})

test('what was said before this node began is not new', () => {
  const heard = replays(1000)
  expect(heard.take('ada', 1, 0, 999)).toBe('replayed')
  expect(heard.take('ada', 1, 1, 1000)).toBe('new')
  expect(heard.take('ada', 1, 0, 999)).toBe('replayed')
})

test('whoever is forgotten cannot be replayed: the floor is where its last word was', () => {
  const heard = replays(0, 2)
  expect(heard.take('ada', 1, 0, 100)).toBe('new')
  expect(heard.take('bob', 1, 0, 200)).toBe('new')
  expect(heard.take('ada', 1, 1, 300)).toBe('new')
  expect(heard.take('eve', 1, 0, 400)).toBe('new')
  expect(heard.take('bob', 1, 0, 200)).toBe('replayed')
  expect(heard.take('ada', 1, 0, 100)).toBe('replayed')
  expect(heard.take('bob', 1, 1, 201)).toBe('new')
})

test('what comes late takes nothing from the floor of whoever is forgotten', () => {
  const heard = replays(0, 1)
  expect(heard.take('ada', 1, 1, 300)).toBe('new')
  expect(heard.take('ada', 1, 0, 100)).toBe('new')
  expect(heard.take('bob', 1, 0, 400)).toBe('new')
  expect(heard.take('ada', 1, 1, 300)).toBe('replayed')
})

test('one whose clock is ahead shuts nobody out when others come', () => {
  const heard = replays(0, 3)
  expect(heard.take('ahead', 1, 0, 300_000)).toBe('new')
  for (let now = 1000; now < 20_000; now += 1000) expect(heard.take(`caller ${now}`, 1, 0, now)).toBe('new')
  expect(heard.take('ahead', 1, 0, 300_000)).toBe('replayed')
  expect(heard.take('caller 1000', 1, 0, 1000)).toBe('replayed')
})

test('where nothing is signed a life whose clock was set back is heard', () => {
  const heard = new Replays({ window: 64, senders: 2, since: undefined })
  expect(heard.take('ada', 7_200_000, 0, 7_200_000)).toBe('new')
  expect(heard.take('ada', 1000, 0, 1000)).toBe('new')
})

test('where nothing is signed a time says nothing', () => {
  const heard = new Replays({ window: 64, senders: 1, since: undefined })
  expect(heard.take('ada', 1, 0, Number.MAX_SAFE_INTEGER)).toBe('new')
  expect(heard.take('bob', 1, 0, 0)).toBe('new')
  expect(heard.take('ada', 1, 1, 0)).toBe('new')
})

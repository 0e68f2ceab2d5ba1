import { expect, test } from 'vitest'
import { Presence } from '../../src/content/presence.ts'
import { tombstoneHorizonMs } from '../../src/content/record.ts'

const hour = 3600_000
const day = 24 * hour
const start = 1000 * day

/** A node that is there from one moment to another, noted every five minutes. */
const there = (presence: Presence, from: number, to: number, forgotten = 0) => {
  presence.hear({ forgotten, knowsFrom: forgotten })
  for (let now = from; now <= to; now += 5 * 60_000) presence.note(now, [], 1)
}

test('deletions are forgotten once the node has been there for the horizon since', () => {
  const presence = new Presence(undefined)
  there(presence, start, start + 6 * day)
  expect(presence.forgetsBefore).toBeLessThan(start)
  there(presence, start + 6 * day, start + 9 * day)
  expect(presence.forgetsBefore).toBe(start + 9 * day - tombstoneHorizonMs)
})

test('time away does not count', () => {
  const presence = new Presence(undefined)
  there(presence, start, start + day)
  there(presence, start + 20 * day, start + 23 * day)
  expect(presence.forgetsBefore).toBeLessThan(start)
  there(presence, start + 23 * day, start + 27 * day)
  expect(presence.forgetsBefore).toBe(start + 20 * day)
})

test('a newcomer takes over what the others have forgotten, and no more', () => {
  const presence = new Presence(undefined)
  const forgotten = start - 9 * day
  there(presence, start, start + 2 * day, forgotten)
  expect(presence.forgetsBefore).toBe(forgotten + 2 * day)
  const strict = new Presence(undefined)
  there(strict, start, start + 2 * day)
  expect(strict.forgetsBefore).toBe(2 * day)
})

test('an absence longer than the horizon is known by the next life, a shorter one is none', () => {
  const presence = new Presence(undefined)
  there(presence, start, start + hour)
  const memo = presence.note(start + 2 * hour, [{ from: '10', to: '20' }], 3)
  const next = new Presence(memo)
  expect(next.awaySince(start + 2 * hour + tombstoneHorizonMs)).toBeUndefined()
  expect(next.awaySince(start + 3 * hour + tombstoneHorizonMs)).toBe(start + 2 * hour)
  expect(new Presence(undefined).awaySince(start)).toBeUndefined()
})

test('what an earlier life knew counts until this one has had all that it holds for five seconds, and never again', () => {
  const [one, other, both] = [
    { from: '10', to: '20' },
    { from: '20', to: '30' },
    { from: '10', to: '30' },
  ]
  const next = new Presence(new Presence(undefined).note(start, [one, other], 3))
  const knew = (ms: number) => [one, other, both].map((arc) => next.knew(arc, start + day + ms))
  expect(knew(-1000)).toEqual([start, start, start])
  next.note(start + day, [one], 2)
  next.note(start + day + 1000, [one], 2)
  expect(knew(4999)).toEqual([start, start, start])
  expect(knew(5000)).toEqual([0, 0, 0])
  expect(knew(-1)).toEqual([0, 0, 0])
  next.note(start + day + 6000, [one], 2)
  expect(knew(3000)).toEqual([0, 0, 0])
})

test('it is noted once a minute at the most', () => {
  const presence = new Presence(undefined)
  expect(presence.note(start, [], 1)).toBeDefined()
  expect(presence.note(start + 59_000, [], 1)).toBeUndefined()
  expect(presence.note(start + 60_000, [], 1)).toBeDefined()
})

test('a life that ended before anything was noted had come as far as its newest record', () => {
  const presence = new Presence(undefined, start)
  expect(presence.awaySince(start + tombstoneHorizonMs)).toBeUndefined()
  expect(presence.awaySince(start + tombstoneHorizonMs + 1)).toBe(start)
})

test('what was complete, with how many, is known by the next life; what is no memo of ours is as good as none', () => {
  const presence = new Presence(undefined)
  const next = new Presence(presence.note(start, [{ from: '10', to: '20' }], 3))
  expect(next.knew({ from: '12', to: '20' }, start)).toBe(start)
  expect(next.knew({ from: '12', to: '21' }, start)).toBe(0)
  expect(next.formerWindow).toBe(3)
  expect(new Presence('[]').isBack).toBe(false)
})

test('a change of what is complete is noted at once', () => {
  const presence = new Presence(undefined)
  expect(presence.note(start, [{ from: '10', to: '20' }], 3)).toBeDefined()
  expect(presence.note(start + 1, [{ from: '10', to: '30' }], 3)).toBeDefined()
})

test('a clock that was ahead for a while hides no absence after it', () => {
  const presence = new Presence(undefined)
  there(presence, start, start + 8 * day)
  const ahead = start + 38 * day
  const noted = presence.note(ahead, [{ from: '10', to: '20' }], 3)
  // Whoever goes before anything else is noted remembers what it was told by the wrong clock.
  const next = new Presence(noted)
  expect(next.awaySince(start + 9 * day)).toBeUndefined()
  expect(next.awaySince(start + 16 * day)).toBe(start + 8 * day)
  expect(next.knew({ from: '12', to: '20' }, start + 9 * day)).toBe(start + 8 * day)
  expect(next.knew({ from: '12', to: '20' }, ahead)).toBe(ahead)
  const later = presence.note(start + 8 * day + hour, [], 1)
  expect(new Presence(later).awaySince(start + 8 * day + hour + tombstoneHorizonMs)).toBeUndefined()
  expect(new Presence(later).awaySince(start + 8 * day + hour + tombstoneHorizonMs + 1)).toBe(start + 8 * day + hour)
})

test('one that knows of no time that has come has been away for long', () => {
  const next = new Presence(new Presence(undefined).note(start, [], 1))
  expect(next.awaySince(start - day)).toBeLessThan(start - day)
})

test('a clock that was set back, or is behind that of an earlier life, makes no absence', () => {
  const presence = new Presence(undefined)
  const noted = presence.note(start, [], 1)
  expect(presence.awaySince(start - day)).toBeUndefined()
  expect(new Presence(noted).awaySince(start - hour / 2)).toBeUndefined()
})

test('of what those who were asked need not remember a newcomer forgets no more than all of them', () => {
  const presence = new Presence(undefined)
  for (const forgotten of [5000, 1000, 3000]) presence.hear({ forgotten, knowsFrom: 0 })
  presence.note(1_700_000_000_000, [], 3)
  expect(presence.forgetsBefore).toBe(1000)
})

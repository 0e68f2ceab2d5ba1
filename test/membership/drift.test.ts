/** The time of a network, by the clocks of its members. */
import { expect, test } from 'vitest'
import { Drift } from '../../src/membership/drift.ts'
import { Group, type Process } from './group.ts'

const said: string[] = []
const say = (_fields: object, event: string) => void said.push(event)
const log = { debug: say, info: say, warn: say, error: say }

const minute = 60_000
const clock = { now: () => 0, wall: () => 0 }

test.each<[string, readonly number[], number]>([
  ['alone', [], 0],
  ['of two clocks nobody knows which is wrong', [10 * minute], 0],
  ['two others agree', [10 * minute, 10 * minute], 10 * minute],
  ['behind', [-10 * minute, -11 * minute, -10 * minute], -10 * minute],
  ['no more than stamps are made for', [minute, minute, minute], 0],
  ['one of the others is wrong', [0, 60 * minute, 1000], 0],
  ['two halves meet in the middle', [0, 10 * minute, 10 * minute], 5 * minute],
])('%s', (_case, aheads, aheadMs) => {
  const drift = new Drift(clock, log)
  for (const [at, ahead] of aheads.entries()) drift.hear(`${at}`, -ahead, 0)
  expect(drift.aheadMs).toBe(aheadMs)
})

test('what one said last counts, and of many those heard last', () => {
  const drift = new Drift(clock, log)
  said.length = 0
  for (const ahead of [10 * minute, 0]) for (const id of ['a', 'b', 'c']) drift.hear(id, -ahead, 0)
  expect(drift.aheadMs).toBe(0)
  expect(said).toEqual([expect.stringContaining('set it right'), expect.stringContaining('again')])
  for (const ahead of [0, 10 * minute]) for (let id = 0; id < 63; id++) drift.hear(`${ahead}/${id}`, -ahead, 0)
  expect(drift.aheadMs).toBe(10 * minute)
})

test.each([-4, 4])('one whose clock is %i days off is a member, and goes by the time of the others', async (days) => {
  const group = new Group({ seed: 1, size: 5, options: { membership: 'local' } })
  const [seed, , , , odd] = group.processes as [Process, Process, Process, Process, Process]
  for (const { swim } of group.processes.slice(0, 4)) swim.start([seed.peer])
  odd.crash()
  odd.aheadMs = days * 24 * 60 * minute
  odd.restart([seed.peer])
  await group.run(60_000)
  expect(group.isWhole).toBe(true)
  expect(Math.round(odd.swim.aheadMs / minute)).toBe(days * 24 * 60)
  expect(group.processes.slice(0, 4).map(({ swim }) => swim.aheadMs)).toEqual([0, 0, 0, 0])
})

test('those who are gone do not tell the time', async () => {
  const group = new Group({ seed: 1, size: 4, options: { membership: 'local' } })
  const [one, two, me] = group.processes as [Process, Process, Process]
  for (const odd of [one, two]) odd.aheadMs = 11 * minute
  group.introduce()
  await group.run(10_000)
  expect(Math.abs(me.swim.aheadMs)).toBeGreaterThan(5 * minute)
  one.crash()
  two.crash()
  await group.run(60_000)
  expect(me.swim.aheadMs).toBe(0)
})

test('one that is left alone goes on by what it knew', () => {
  const drift = new Drift(clock, log)
  for (const id of ['a', 'b']) drift.hear(id, -10 * minute, 0)
  for (const id of ['a', 'b']) drift.forget(id)
  expect(drift.aheadMs).toBe(10 * minute)
  drift.hear('c', 0, 0)
  expect(drift.aheadMs).toBe(0)
})

test('whoever’s clock is set knows by how much, and does not wait to be told', () => {
  const at = { now: 0, wall: 0 }
  const drift = new Drift({ now: () => at.now, wall: () => at.wall }, log)
  for (const id of ['a', 'b']) drift.hear(id, 0, 0)
  for (const id of ['a', 'b']) drift.forget(id)
  at.now += 1000
  at.wall += 1000 + 60 * minute
  expect(drift.aheadMs).toBe(60 * minute)
  at.wall -= 60 * minute
  expect(drift.aheadMs).toBe(0)
})

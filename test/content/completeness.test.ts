import { expect, test } from 'vitest'
import { Completeness } from '../../src/content/completeness.ts'
import { hash } from '../../src/sim/host.ts'
import { World } from '../../src/sim/world.ts'
import { Arcs } from '../../src/space/arcs.ts'

test('what was ceded before the clock was set back is not told of for as long as it was set back', () => {
  const completeness = new Completeness()
  const [all, rest] = [
    { from: '00', to: 'f0' },
    { from: '80', to: 'f0' },
  ]
  const now = 1_700_000_000_000
  completeness.cut(Arcs.of([all]), now - 1000)
  completeness.declare(all, true)
  completeness.cut(Arcs.of([rest]), now)
  expect(completeness.claims({ from: '00', to: '80' }, now).complete).toEqual([{ from: '00', to: '80' }])
  expect(completeness.claims({ from: '00', to: '80' }, now - 60_000).complete).toEqual([])
})

test('what this node is a witness of stays so, whoever leaves it what it only presumed', () => {
  const completeness = new Completeness()
  const [mine, all] = [
    { from: '00', to: '80' },
    { from: '00', to: 'f0' },
  ]
  const now = 1_700_000_000_000
  completeness.cut(Arcs.of([all]), now - 1000)
  completeness.declare(mine, true)
  completeness.inherit(Arcs.of([all]), Arcs.none, now)
  expect(completeness.claims(all, now)).toEqual({ complete: [all], witnessed: [mine] })
})

test('who held a key before others came does not say that it is missing what was written since, when those are gone', async () => {
  const world = new World({ seed: 1, settings: { bits: 8, allowCustomIds: true } })
  for (const id of ['10', '50', '90', 'd0']) {
    world.add({ id })
    await world.settle()
  }
  await world.run(20_000)
  // The first three of them will have the key, and the others come next: who held it before is asked by these.
  for (const id of ['20', '24', '28', '30', '34', '38']) world.add({ id })
  await world.settle()
  const value =
    Array.from({ length: 2000 }, (_, number) => `value ${number}`).find((text) => /^1[1-9a-f]/.test(hash(text))) ?? ''
  expect(await world.call('d0', 'store', { value })).toMatchObject({ owner: { id: '20' }, stored: 3 })
  await world.run(5500)
  world.demanding = false
  for (const id of ['20', '24', '28']) world.crash(id)
  for (const until = world.nowMs + 20_000; world.nowMs < until; await world.run(500))
    await expect(world.call('d0', 'lookupBy', { value })).rejects.not.toMatchObject({ code: 'NOT_FOUND' })
})

test('who held it before says so for five seconds, and as long as it is asked again and again, but not for ever', () => {
  const ceded = { from: '00', to: '80' }
  const rest = { from: '80', to: 'f0' }
  const now = 1_700_000_000_000
  /** For how many ms its word is heard where it is asked so often, about that. */
  const heard = (everyMs: number, asked = ceded): number => {
    const completeness = new Completeness()
    completeness.cut(Arcs.of([ceded, rest]), now - 1000)
    completeness.declare({ from: '00', to: 'f0' }, true)
    completeness.cut(Arcs.of([rest]), now)
    let ms = 0
    while (ms < 60_000 && completeness.claims(asked, now + ms).complete.length > 0) ms += everyMs
    return ms
  }
  expect([1000, 4000, 4999].map((everyMs) => heard(everyMs))).toEqual([15_000, 16_000, 19_996])
  expect([5000, 7000].map((everyMs) => heard(everyMs))).toEqual([5000, 7000])
  expect(heard(1000, rest)).toBe(60_000)
})

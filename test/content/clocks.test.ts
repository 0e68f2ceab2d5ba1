/** One clock that is wrong keeps nobody from storing, and what its node stores does not outlive what is stored after it. */
import { expect, test } from 'vitest'
import { keyOf } from '../../src/content/record.ts'
import { hash } from '../../src/sim/host.ts'
import { within } from '../../src/sim/random.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'
import type { Id } from '../../src/space/id.ts'

const skewMaxMs = 1_200_000

/** Five with good clocks, and one whose clock is minutes off. */
const worldOf = async (seed: number, settings: object) => {
  const world = new World({ seed, settings })
  const good = await world.boot(5)
  world.weather = { ...calm, skewMaxMs }
  const bad = world.add()
  await world.settle()
  world.weather = calm
  await world.run(20_000)
  const aheadMs = within(world.host(bad).random('skew'), -skewMaxMs, skewMaxMs)
  return { world, good, bad, aheadMs }
}

/** Each stores a value of its own, and then all one under the same name, and everybody reads everything. */
const storeAndRead = async (world: World, writers: readonly Id[], readers: readonly Id[]) => {
  for (const id of writers) await world.call(id, 'store', { value: `of ${id}` })
  for (const id of writers) {
    await world.call(id, 'store', { value: `by ${id}`, name: 'motd' })
    for (const reader of readers) {
      const found = await world.call(reader, 'lookupBy', { name: 'motd' })
      expect(found.values.map(({ value }) => value)).toEqual([`by ${id}`])
    }
  }
  for (const reader of readers)
    for (const id of writers)
      expect((await world.call(reader, 'lookupBy', { value: `of ${id}` })).values).toMatchObject([{ value: `of ${id}` }])
}

test.each([
  [5, -1],
  [6, 1],
])('a node goes by the time of the others, and says so: seed %i', async (seed, sign) => {
  const { world, good, bad, aheadMs } = await worldOf(seed, { membership: 'local' })
  expect(Math.sign(aheadMs)).toBe(sign)
  const { membership } = await world.call(bad, 'nodeinfo', {})
  expect(Math.abs((membership?.aheadMs ?? 0) - aheadMs)).toBeLessThan(1000)
  expect((await world.call(good[0] ?? '', 'nodeinfo', {})).membership?.aheadMs).toBe(0)
  await storeAndRead(world, [...good, bad, ...good], [...good, bad])
})

test('where nobody watches, one that is behind is stood in for', async () => {
  const { world, good, aheadMs } = await worldOf(5, { membership: 'off' })
  expect(aheadMs).toBeLessThan(-360_000)
  await storeAndRead(world, good, good)
})

test('where nobody watches, one that is ahead is told so', async () => {
  const { world, good, bad, aheadMs } = await worldOf(6, { membership: 'off' })
  expect(aheadMs).toBeGreaterThan(360_000)
  await expect(world.call(bad, 'store', { value: 'hello' })).rejects.toMatchObject({ code: 'STAMP_AHEAD' })
  await storeAndRead(world, good, good)
})

test('where nobody watches, a newcomer that is behind does not say that it has what it has not taken', async () => {
  const world = new World({ seed: 7, settings: { membership: 'off' } })
  await world.boot(4)
  for (let number = 0; number < 40; number++) await world.call(world.anyone(), 'store', { value: `value ${number}` })
  await world.run(30_000)
  world.weather = { ...calm, skewMaxMs }
  const late = world.add()
  world.weather = calm
  expect(within(world.host(late).random('skew'), -skewMaxMs, skewMaxMs)).toBeLessThan(-360_000)
  world.demanding = false
  await world.until(
    () => world.snapshot().has(late),
    60_000,
    () => 'not joined',
  )
  await world.run(30_000)
  const { store, node } = world.host(late)
  let lacking = 0
  for (let number = 0; number < 40; number++) {
    const index = `v:${hash(`value ${number}`)}`
    const key = keyOf(index, 160)
    if (!world.window(key).includes(world.host(late)) || store.get(key, index)) continue
    lacking++
    expect(() => node?.handlers.get({ key, index })).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ complete: false }) }),
    )
  }
  expect(lacking).toBeGreaterThan(0)
})

test.each([2, 5, 7])('of three, one with a wrong clock, the others still store when a good one dies: seed %i', async (seed) => {
  const world = new World({ seed, settings: { membership: 'local' } })
  const [good = '', dies = ''] = await world.boot(2)
  world.weather = { ...calm, skewMaxMs }
  const bad = world.add()
  await world.settle()
  world.weather = calm
  await world.run(60_000)
  world.demanding = false
  world.crash(dies)
  await world.run(60_000)
  const isAhead = within(world.host(bad).random('skew'), -skewMaxMs, skewMaxMs) > 0
  expect(await world.call(isAhead ? bad : good, 'store', { value: 'two', name: 'motd' })).toMatchObject({ stored: 2 })
})

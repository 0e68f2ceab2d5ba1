/** One clock that is wrong keeps nobody from storing, and what its node stores does not outlive what is stored after it. */
import { expect, test } from 'vitest'
import { HybridClock } from '../../src/content/hybrid-clock.ts'
import { keyOf, nameIndex } from '../../src/content/record.ts'
import { epochMs, hash } from '../../src/sim/host.ts'
import { within } from '../../src/sim/random.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'
import type { Id } from '../../src/space/id.ts'

const skewMaxMs = 1_200_000
const dayMs = 24 * 3600_000

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

test('where nobody watches, a newcomer that is behind takes what the others have, and is complete', async () => {
  const world = new World({ seed: 7, settings: { membership: 'off' } })
  await world.boot(4)
  for (let number = 0; number < 40; number++) await world.call(world.anyone(), 'store', { value: `value ${number}` })
  await world.run(30_000)
  world.weather = { ...calm, skewMaxMs }
  const late = world.add()
  world.weather = calm
  expect(within(world.host(late).random('skew'), -skewMaxMs, skewMaxMs)).toBeLessThan(-360_000)
  await world.settle()
  await world.run(30_000)
  const { store, node } = world.host(late)
  const keys = Array.from({ length: 40 }, (_, number) => hash(`value ${number}`).slice(0, 40))
  const own = keys.filter((key) => world.window(key).includes(world.host(late)))
  expect(own.length).toBeGreaterThan(0)
  expect(own.filter((key) => store.read(key).length === 0)).toEqual([])
  expect((await node?.handlers.nodeinfo({}))?.content.complete).toBe(true)
})

/** Five whose clocks were ahead when each of these names was written, by so much, and are right again; and who holds each. */
const setRight = async (seed: number, aheadMs: Readonly<Record<string, number>>) => {
  const world = new World({ seed, settings: { membership: 'local' } })
  const ids = await world.boot(5)
  const windows = Object.entries(aheadMs).map(([name, ms]) => {
    const index = nameIndex(hash, name)
    const hlc = new HybridClock({ now: () => epochMs + ms }).next()
    const key = keyOf(index, 160)
    const record = { key, index, name, value: 'ahead', contentType: 'text/plain', version: { hlc, origin: 'aa-1' } }
    return { record, window: world.window(key) }
  })
  for (const id of ids) world.crash(id)
  for (const { record, window } of windows) for (const { disk } of window) disk.durable.write(record)
  world.demanding = false
  const seeds = ids.map((id) => world.peer(id))
  for (const id of ids) world.restart(id, seeds)
  await world.run(60_000)
  await world.settle()
  return { world, ids, windows: windows.map(({ window }) => window) }
}

test.each([3, 4])('after all clocks were a day ahead, and were set right, everything goes on: seed %i', async (seed) => {
  const { world, ids } = await setRight(seed, { motd: dayMs, news: dayMs, gone: dayMs })
  world.demanding = true
  await world.settle()
  for (const id of ids) {
    await world.call(id, 'store', { value: `by ${id}`, name: 'motd' })
    await world.call(id, 'store', { value: `first ${id}`, name: `of ${id}` })
  }
  await world.call(world.anyone(), 'removeBy', { name: 'gone' })
  const late = [world.add(), world.add(), world.add()]
  await world.settle()
  await world.run(60_000)
  for (const id of late) expect((await world.call(id, 'nodeinfo', {})).content).toMatchObject({ complete: true, misplaced: 0 })
  for (const id of [...ids, ...late]) {
    const told = async (name: string) => (await world.call(id, 'lookupBy', { name })).values.map(({ value }) => value)
    expect(await told('motd')).toEqual([`by ${ids.at(-1)}`])
    expect(await told('news')).toEqual(['ahead'])
    expect(await told(`of ${ids[0]}`)).toEqual([`first ${ids[0]}`])
    await expect(told('gone')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  }
})

test('one record whose stamp is far ahead, at some of its window only, keeps nobody from writing the name', async () => {
  const index = nameIndex(hash, 'motd')
  const hlc = new HybridClock({ now: () => epochMs + dayMs }).next()
  const version = { hlc, origin: 'aa-1' }
  const record = { key: keyOf(index, 160), index, name: 'motd', value: 'ahead', contentType: 'text/plain', version }
  for (const holders of [1, 3]) {
    const world = new World({ seed: 3, settings: { membership: 'local' } })
    const ids = await world.boot(8)
    await world.run(20_000)
    const window = world.window(record.key).map(({ id }) => id ?? '')
    for (const id of window.slice(0, holders)) await world.call(id, 'merge', { records: [record], keep: 'all' })
    world.demanding = false
    if (holders === 3) for (const id of window.slice(0, 2)) world.crash(id)
    const other = ids.find((id) => !window.includes(id)) ?? ''
    expect((await world.call(other, 'store', { name: 'motd', value: 'now' })).stored).toBeGreaterThan(1)
  }
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

test('a name with a stamp far ahead can be written, and deleted, though another has one that is further ahead', async () => {
  const { world, windows } = await setRight(3, { motd: dayMs, gone: dayMs, later: dayMs + 3600_000 })
  // Through one that has the latest.
  const [through] = windows[2] ?? []
  const id = through?.id ?? ''
  await expect(world.call(id, 'store', { name: 'motd', value: 'now' })).resolves.toMatchObject({ stored: 3 })
  await expect(world.call(id, 'removeBy', { name: 'gone' })).resolves.toMatchObject({ stored: 3 })
})

test('what a node with a wrong clock takes for expired, and forgotten, it keeps all the same when it is written', async () => {
  const world = new World({
    seed: 41,
    settings: {
      bits: 8,
      allowCustomIds: true,
      membership: 'off',
      stabilizeEveryMs: 1_800_000,
      refreshFingersEveryMs: dayMs,
      reuniteEveryMs: dayMs,
      rehomeEveryMs: 500_000,
    },
  })
  const ids = ['10', '50', '90']
  for (const id of ids) {
    world.add({ id })
    await world.settle(dayMs)
  }
  world.demanding = false
  world.setClock('50', 30 * dayMs)
  await world.run(8 * dayMs)
  const index = `v:${hash('hello')}`
  const { stored } = await world.call('10', 'store', { value: 'hello', ttlSeconds: 86_400 })
  expect(ids.filter((id) => world.host(id).store.get(keyOf(index, 8), index))).toHaveLength(stored)
})

test.each([
  ['the last stamp that there is', '0fffffffffffffff', 'refused', 'first'],
  [
    'one of a century ahead',
    (epochMs + 100 * 365 * dayMs).toString(16).padStart(12, '0').padEnd(16, '0'),
    'answered',
    'forged',
  ],
])('a name can be written whoever gives it %s', async (_, hlc, state, seen) => {
  const world = new World({ seed: 4, settings: {} })
  const [one = '', ...others] = await world.boot(3)
  const name = 'motd'
  await world.call(one, 'store', { name, value: 'first' })
  const index = nameIndex(hash, name)
  const forged = {
    key: keyOf(index, 160),
    index,
    name,
    value: 'forged',
    contentType: 'text/plain',
    version: { hlc, origin: 'ff' },
  }
  const merged = [one, ...others].map((id) => world.ask(id, 'merge', { records: [forged], keep: 'all' }))
  await world.run(100)
  expect(merged.map((asked) => asked.state)).toEqual([state, state, state])
  expect((await world.call(one, 'lookupBy', { name })).values).toMatchObject([{ value: seen }])
  expect(await world.call(one, 'store', { name, value: 'second' })).toMatchObject({ stored: 3 })
  expect((await world.call(one, 'lookupBy', { name })).values).toMatchObject([{ value: 'second' }])
})

/** It once buried what lived: in a network where half of all are pinged only after minutes, and while nobody told it what time it was. */
test.each([
  ['in a large network', 40, { membership: 'wan' }, false],
  ['while it is cut off', 8, { membership: 'local' }, true],
] as const)(
  'a node whose clock is set forward by a day buries nothing that lives: %s',
  async (_where, size, settings, isCut) => {
    const world = new World({ seed: 1, settings })
    const ids = await world.boot(size)
    await world.run(30_000)
    const value = 'value 1'
    const key = hash(value)
    await world.call(ids[0] ?? '', 'store', { value, ttlSeconds: 6 * 3600 })
    await world.run(60_000)
    world.demanding = false
    const [odd = ''] = world.window(key).map(({ id }) => id ?? '')
    const others = ids.filter((id) => id !== odd)
    if (isCut) world.partition([odd], others)
    world.setClock(odd, dayMs)
    await world.run(200_000)
    expect(world.host(odd).store.get(key, `v:${hash(value)}`)).toMatchObject({ value })
  },
)

/** How long a value lives: as long as the last of those who store it wants, and no shorter for anyone's clock. */
import { expect, test } from 'vitest'
import { MemoryStore } from '../../src/content/memory-store.ts'
import { buried } from '../../src/content/record.ts'
import { Records } from '../../src/content/records.ts'
import { World } from '../../src/sim/world.ts'
import { calm } from '../../src/sim/weather.ts'
import { within } from '../../src/sim/random.ts'
import { hash } from '../../src/sim/host.ts'
import type { Id } from '../../src/space/id.ts'

const value = 'hello'

const worldOf = async (): Promise<{ world: World; ids: readonly Id[] }> => {
  const world = new World({ seed: 12 })
  const ids = await world.boot(6)
  await world.run(30_000)
  return { world, ids }
}

const expectToLive = async (world: World, through: Id) =>
  expect((await world.call(through, 'lookupBy', { value })).values).toMatchObject([{ value }])

test.each([0, 2, 4, 6, 8, 10, 12, 14, 16, 20])(
  'a value stored for ever lives on when somebody stores it for a second %i ms before',
  async (ms) => {
    const { world, ids } = await worldOf()
    const [one = '', other = ''] = ids
    world.ask(one, 'store', { value, ttlSeconds: 1 })
    await world.run(ms)
    world.ask(other, 'store', { value })
    await world.run(5000)
    await expectToLive(world, other)
  },
)

test('and when somebody who is cut off for two seconds stores it for a second', async () => {
  const { world, ids } = await worldOf()
  const [one = ''] = ids
  const { key } = await world.call(one, 'store', { value })
  await world.run(60_000)
  const { window } = await world.call(one, 'find', { key })
  const entry = ids.find((id) => !window.some((peer) => peer.id === id)) ?? ''
  world.demanding = false
  world.partition(
    [entry],
    ids.filter((id) => id !== entry),
  )
  world.ask(entry, 'store', { value, ttlSeconds: 1 })
  await world.run(2000)
  world.heal()
  await world.run(18_000)
  await expectToLive(world, one)
})

test('and when one who has not heard of that stores it for a second', async () => {
  const { world, ids } = await worldOf()
  const [one = ''] = ids
  const { key } = await world.call(one, 'store', { value, ttlSeconds: 30 })
  const { window } = await world.call(one, 'find', { key })
  const late = window[2]?.id ?? ''
  const handlers = world.host(late).node?.handlers
  if (!handlers) throw new Error(`nobody lives at ${late}`)
  const { insert, keep } = handlers
  Object.assign(handlers, { insert: () => new Promise(() => {}), keep: () => new Promise(() => {}) })
  const entry = ids.find((id) => !window.some((peer) => peer.id === id)) ?? ''
  expect(await world.call(entry, 'store', { value })).toMatchObject({ stored: 3 })
  Object.assign(handlers, { insert, keep })
  await world.call(late, 'store', { value, ttlSeconds: 1 })
  await world.run(60_000)
  await expectToLive(world, one)
})

test('what has expired takes no room some minutes later, however much it is', async () => {
  const world = new World({ seed: 13, encode: false, settings: { quotaBytes: 61_000_000 } })
  const [one = ''] = await world.boot(3)
  const store = async (number: number, ttlSeconds: number) =>
    world.call(one, 'store', { value: `${number}`.padEnd(1_000_000, 'x'), ttlSeconds })
  for (let number = 0; number < 60; number++) await store(number, 60)
  await expect(store(60, 60)).rejects.toMatchObject({ code: 'STORE_FULL' })
  await world.run(10 * 60_000)
  expect(world.host(one).node?.info().content.bytes).toBeLessThan(30_000)
  await expect(store(60, 60)).resolves.toMatchObject({ stored: 3 })
})

test('a holder that begins with a clock that is twelve minutes fast does not bury what lives ten', async () => {
  const skewMaxMs = 1_200_000
  const world = new World({ seed: 2, settings: { membership: 'local' } })
  await world.boot(3)
  for (let number = 0; number < 20; number++)
    await world.call(world.anyone(), 'store', { value: `value ${number}`, ttlSeconds: 600 })
  const late = world.members()[2] ?? ''
  world.demanding = false
  world.stop(late)
  await world.until(
    () => !world.host(late).node && world.law.mayReturn(late),
    60_000,
    () => `${late} runs`,
  )
  world.weather = { ...calm, skewMaxMs }
  world.restart(late)
  world.weather = calm
  expect(within(world.host(late).random('skew'), -skewMaxMs, skewMaxMs)).toBeGreaterThan(720_000)
  await world.settle()
  await world.run(120_000)
  const { store } = world.host(late)
  for (let number = 0; number < 20; number++) {
    const key = hash(`value ${number}`)
    expect(store.get(key, `v:${key}`)).toMatchObject({ value: `value ${number}` })
  }
})

test('a value that was dropped for what it was buried as does not expire again and again', () => {
  const records = new Records(new MemoryStore(), 40, 1e9, () => {})
  const key = hash('x')
  const version = { hlc: '0001000000000000', origin: 'a' }
  const live = { key, index: `v:${key}`, value: 'x', contentType: 'text/plain', version, expiresAt: 1000 }
  const grave = buried(live, 1e9)
  records.replace(undefined, live)
  records.drop(grave)
  records.replace(undefined, grave)
  expect(records.bury(1e9)).toBe(0)
})

/** How long a value lives: as long as the last of those who store it wants, and no shorter for anyone's clock. */
import { expect, test } from 'vitest'
import { MemoryStore } from '../../src/content/memory-store.ts'
import { buried } from '../../src/content/record.ts'
import { Records } from '../../src/content/records.ts'
import { World } from '../../src/sim/world.ts'
import { calm } from '../../src/sim/weather.ts'
import { within } from '../../src/sim/random.ts'
import { hash } from '../../src/sim/host.ts'
import type { Cell } from '../../src/overlay/overlay.ts'
import type { Id } from '../../src/space/id.ts'
import { nodeOf } from '../overlay/worlds.ts'
import { type StillNode, StillRing } from './still-ring.ts'

const value = 'hello'

const worldOf = async (): Promise<{ world: World; ids: readonly Id[] }> => {
  const world = new World({ seed: 12 })
  const ids = await world.boot(6)
  await world.run(30_000)
  return { world, ids }
}

const expectToLive = async (world: World, through: Id) =>
  expect((await world.call(through, 'lookupBy', { value })).values).toMatchObject([{ value }])

// It lived as long as those wanted it whose value had been deleted.
test.each([2, 10, 12])(
  'a value that is deleted lives no longer than whoever stores it beside that wants, seed %i',
  async (seed) => {
    const world = new World({ seed })
    const [one = '', other = ''] = await world.boot(5)
    await world.run(60_000)
    await world.call(one, 'store', { value })
    await world.run(5000)
    const removed = world.ask(one, 'removeBy', { value })
    const stored = world.ask(other, 'store', { value, ttlSeconds: 10 })
    await world.run(5000)
    expect([removed.state, stored.state]).toEqual(['answered', 'answered'])
    await world.run(60_000)
    await expect(world.call(one, 'lookupBy', { value })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  },
)

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

test('what is deleted after somebody has seen it, and before it is stored anew for ten seconds, lives for ten seconds', async () => {
  const { world, ids } = await worldOf()
  const [one = ''] = ids
  const { key, index, version } = await world.call(one, 'store', { value })
  await world.run(60_000)
  const { window } = await world.call(one, 'find', { key })
  const entry = ids.find((id) => !window.some((peer) => peer.id === id)) ?? ''
  // Stamped before whoever stores it anew has begun, it comes to each of the window when that one has been asked.
  const hlc = (BigInt(`0x${version.hlc}`) + 65_536_000n).toString(16).padStart(16, '0')
  const grave = { key, index, value: null, contentType: 'text/plain', version: { hlc, origin: version.origin } }
  for (const { id } of window) {
    const { handlers } = nodeOf(world, id)
    const { get, insert } = handlers
    handlers.get = async (request) => {
      const said = await get(request)
      await insert({ key, record: grave, with: window.map((peer) => peer.id) })
      return said
    }
  }
  await world.call(entry, 'store', { value, ttlSeconds: 10 })
  for (const { id } of window)
    expect(world.host(id).store.get(key, index)).toMatchObject({ value, expiresAt: expect.any(Number) })
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
  const records = new Records(new MemoryStore(), 40, 1e9, () => true)
  const key = hash('x')
  const version = { hlc: '0001000000000000', origin: 'a' }
  const live = { key, index: `v:${key}`, value: 'x', contentType: 'text/plain', version, expiresAt: 1000 }
  const grave = buried(live, 1e9)
  records.replace(undefined, live)
  records.drop(grave)
  records.replace(undefined, grave)
  expect(records.bury(1e9)).toBe(false)
})

// A pass buried it again and again, without an end.
test('what a disk spoils while its node runs is not buried again and again once it has expired', () => {
  const store = new MemoryStore()
  const records = new Records(store, 40, 1e9, () => true)
  const key = hash('x')
  const there = { key, index: `v:${key}`, contentType: 'text/plain' }
  records.replace(undefined, { ...there, value: 'x', version: { hlc: '0001000000000000', origin: 'a' }, expiresAt: 1000 })
  store.write({ ...there, value: null, version: { hlc: '0'.repeat(16), origin: '00' } })
  expect([records.bury(1e9), records.bury(1e9)]).toEqual([true, false])
})

test('a deletion that all have forgotten is taken where what it deletes is still there, and nowhere else', async () => {
  const ring = new StillRing(1, 'fingers')
  const { holdings } = (ring.nodes[0] as StillNode).content
  const stampedAt = (text: string, agoMs: number, kept: string | null) => {
    const hlc = `${(ring.now - agoMs).toString(16).padStart(12, '0')}0000`
    return { key: hash(text), index: `v:${hash(text)}`, value: kept, contentType: 'text/plain', version: { hlc, origin: 'a' } }
  }
  holdings.testimony.presence.hear({ forgotten: ring.now - 1000, knowsFrom: 0 })
  await holdings.testimony.notePresence()
  expect(holdings.testimony.forgetsBefore).toBe(ring.now - 1000)
  holdings.intake.take(stampedAt(value, 3000, value))
  holdings.intake.take(stampedAt(value, 2000, null))
  expect(holdings.read({ key: hash(value) })).toMatchObject([{ value: null }])
  holdings.intake.take(stampedAt('other', 2000, null))
  expect(holdings.read({ key: hash('other') })).toEqual([])
})

test('a deletion is forgotten by nobody as long as one of its window may not have heard of it', async () => {
  const ring = new StillRing(6, 'fingers')
  const key = hash(value)
  const line = ring.line(key)
  const [one, deaf] = line as [StillNode, StillNode]
  const entry = ring.line(key, 6).at(-1) as StillNode
  const address = { key, index: `v:${key}` }
  const stampedAt = (agoMs: number, kept: string | null) => {
    const hlc = `${(ring.now - agoMs).toString(16).padStart(12, '0')}0000`
    return { ...address, value: kept, contentType: 'text/plain', version: { hlc, origin: 'a' } }
  }
  const grave = stampedAt(2000, null)
  for (const { content } of line) content.holdings.intake.take(stampedAt(3000, value))
  for (const { content, me } of line) if (me.id !== deaf.me.id) content.holdings.intake.take(grave)
  const { testimony } = one.content.holdings
  testimony.presence.hear({ forgotten: ring.now - 1000, knowsFrom: 0 })
  await testimony.notePresence()
  ring.silent.add(deaf.me.id)
  const passes = one.content.rehoming.run()
  // Those who wait for the silent one give it time for several passes.
  for (let turn = 0; turn < 5; turn++) await ring.outcome(entry.content.handlers.store({ value: `${turn}`, name: value }))
  expect(one.content.holdings.read(address)).toEqual([grave])
  ring.silent.clear()
  await ring.outcome(passes)
  expect(deaf.content.holdings.read(address)).toEqual([grave])
  expect(one.content.holdings.read(address)).toEqual([])
})

test('one that has slept for longer than deletions are remembered has had everything nowhere until it has compared', async () => {
  const ring = new StillRing(3, 'fingers')
  const [one, other] = ring.nodes as [StillNode, StillNode]
  const { testimony, cells } = one.content.holdings
  await testimony.notePresence()
  const [{ from, to }] = cells.all() as [Cell]
  const claims = () => testimony.claims({ from, to }, other.me.id)
  expect(claims()).toMatchObject({ doubting: false, complete: [{ from, to }] })
  ring.now += 8 * 24 * 3600_000
  expect(claims()).toMatchObject({ doubting: true, complete: [], witnessed: [] })
})

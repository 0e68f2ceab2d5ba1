/** One that has no room for more is no reason why the others should not have everything. */
import { expect, test } from 'vitest'
import { keyOf } from '../../src/content/record.ts'
import { overlayNames } from '../../src/overlay/overlays.ts'
import { Refusal } from '../../src/protocol/errors.ts'
import type { StoredRecord } from '../../src/protocol/schemas.ts'
import { epochMs, hash } from '../../src/sim/host.ts'
import { World } from '../../src/sim/world.ts'
import type { Id } from '../../src/space/id.ts'
import { distance } from '../../src/space/ring.ts'
import { nodeOf } from '../overlay/worlds.ts'

/** Three nodes that have everything. */
const three = async (): Promise<{ world: World; ids: readonly Id[]; isWhole: (id: Id) => boolean }> => {
  const world = new World({ seed: 10 })
  const ids = await world.boot(3)
  const isWhole = (id: Id) => world.host(id).node?.info().content.complete ?? false
  await world.until(
    () => ids.every(isWhole),
    60_000,
    () => 'not whole',
  )
  await world.run(60_000)
  return { world, ids, isWhole }
}

/** It takes no values from now on, as one whose disk is full. */
const isFullFromNow = (world: World, id: Id) => {
  const { store } = world.host(id)
  Object.defineProperty(store, 'isFull', { value: true })
  const write = store.write.bind(store)
  store.write = (record) => {
    if (record.value !== null) throw new Refusal('STORE_FULL', 'no room')
    write(record)
  }
}

/** The same; the last of them is full. */
const worldOf = async () => {
  const { world, ids, isWhole } = await three()
  isFullFromNow(world, ids[2] ?? '')
  return { world, ids, isWhole }
}

test('two who differ come to agree', async () => {
  const { world, ids } = await worldOf()
  const [one = '', other = ''] = ids
  await world.call(one, 'store', { value: 'hello' })
  await world.run(60_000)
  const index = `v:${hash('world')}`
  const key = keyOf(index, 160)
  const version = { hlc: `${(epochMs + world.nowMs).toString(16).padStart(12, '0')}0000`, origin: 'aa' }
  await world.call(one, 'insert', {
    key,
    record: { key, index, value: 'world', contentType: 'text/plain', version },
    with: [...ids],
  })
  await world.until(
    () => world.host(other).store.get(key, index) !== undefined,
    600_000,
    () => 'only one has it',
  )
})

test('those who are started again have everything again, and take deletions', async () => {
  const { world, ids, isWhole } = await worldOf()
  const [one = '', other = ''] = ids
  for (let number = 0; number < 20; number++)
    expect(await world.call(one, 'store', { value: `value ${number}` })).toMatchObject({ stored: 2 })
  await world.run(60_000)
  for (const id of [one, other]) {
    world.stop(id)
    await world.until(
      () => !world.host(id).node && world.law.mayReturn(id),
      60_000,
      () => `${id} runs`,
    )
    world.restart(id)
    await world.settle()
    await world.run(60_000)
  }
  expect([one, other].filter(isWhole)).toEqual([one, other])
  for (const value of ['value 1', 'value 2', 'value 3'])
    expect(await world.call(one, 'removeBy', { value })).toMatchObject({ deleted: [`v:${hash(value)}`] })
})

test('it is not sent all that it lacks in every pass', async () => {
  const { world, ids } = await worldOf()
  const [one = '', , full = ''] = ids
  for (let from = 0; from < 4000; from += 100) {
    const asked = Array.from({ length: 100 }, (_, at) => world.ask(one, 'store', { value: `value ${from + at}` }))
    await world.until(
      () => asked.every(({ state }) => state !== 'waiting'),
      60_000,
      () => 'some are not answered',
    )
  }
  await world.run(30_000)
  const { handlers } = world.host(full).node ?? {}
  if (!handlers) throw new Error(`nobody lives at ${full}`)
  const { merge } = handlers
  let sent = 0
  handlers.merge = (request) => {
    sent += request.records.length
    return merge(request)
  }
  await world.run(60_000)
  expect(sent).toBeGreaterThan(0)
  expect(sent).toBeLessThan(40_000)
})

test('for what is deleted, or is another, and could not be told so it does not vouch', async () => {
  const { world, ids } = await three()
  const [one = '', , full = ''] = ids
  await world.call(one, 'store', { value: 'hello' })
  await world.call(one, 'store', { value: 'first', name: 'motd' })
  world.host(full).store.write = () => {
    throw new Refusal('STORE_FULL', 'no room')
  }
  expect(await world.call(one, 'removeBy', { value: 'hello' })).toMatchObject({ stored: 2 })
  expect(await world.call(one, 'store', { value: 'second', name: 'motd' })).toMatchObject({ stored: 2 })
  await expect(world.call(full, 'lookupBy', { value: 'hello' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect((await world.call(full, 'lookupBy', { name: 'motd' })).values).toMatchObject([{ value: 'second' }])
})

test('one that cannot keep what it has taken is no copy that another may count on', async () => {
  const { world, ids } = await three()
  const [one = '', , full = ''] = ids
  const arc = { from: one, to: one, count: 0, print: '0'.repeat(16) }
  const said = () => world.call(full, 'digest', { arcs: [arc], by: one })
  expect(await said()).toMatchObject({ digests: [{ held: true }] })
  world.host(full).store.flushed = () => Promise.reject(new Refusal('STORE_FULL', 'no room'))
  expect(await said()).toMatchObject({ digests: [{ held: false }] })
})

/** Three nodes with almost no room; while one of them is away a value is deleted, and one stored that comes before it on the same arc. */
const nearlyFull = async (goes: (world: World, id: Id) => Promise<void>) => {
  const world = new World({ seed: 10, settings: { quotaBytes: 1024 * 1024 } })
  const ids = await world.boot(3)
  const [one = '', , away = ''] = ids
  await world.run(60_000)
  const text = (n: number) => `value ${n} `.padEnd(25_000, 'x')
  for (let n = 0; n < 41; n++) await world.call(one, 'store', { value: text(n) })
  await world.run(60_000)
  await goes(world, away)
  const [, before = '', owner = ''] = ids.toSorted()
  const inOrder = (from: number, count: number) =>
    Array.from({ length: count }, (_, n) => text(from + n))
      .filter((value) => hash(value) > before && hash(value) < owner)
      .sort((a, b) => (hash(a) < hash(b) ? -1 : 1))
  const [old, fresh] = [inOrder(0, 41).at(-1) ?? '', inOrder(100, 400)[0] ?? '']
  await world.call(one, 'removeBy', { value: old })
  expect(await world.call(one, 'store', { value: fresh })).toMatchObject({ stored: 2 })
  return { world, ids, away, old }
}

test('one that comes back without room takes what was deleted meanwhile, and so has room for what is new', async () => {
  const { world, away } = await nearlyFull(async (world, id) => {
    world.stop(id)
    await world.until(
      () => !world.host(id).node && world.law.mayReturn(id),
      60_000,
      () => 'it runs',
    )
  })
  world.restart(away)
  await world.settle()
  await world.run(600_000)
  expect(await world.call(away, 'nodeinfo', {})).toMatchObject({ content: { complete: true } })
})

test('one without room that stood still for a while does not show for ever what was deleted meanwhile', async () => {
  const { world, ids, old } = await nearlyFull(async (world, id) => {
    world.demanding = false
    world.pause(id, 60_000)
    await world.run(20_000)
  })
  await world.run(60_000)
  await world.settle()
  await world.run(600_000)
  for (const id of ids) await expect(world.call(id, 'lookupBy', { value: old })).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('whose quota leaves no room for what it was given says so, until there would be some', async () => {
  const world = new World({ seed: 10, settings: { quotaBytes: 1024 * 1024 } })
  const ids = await world.boot(3)
  const [one = ''] = ids
  const full = () => ids.map((id) => world.host(id).node?.info().content.full)
  const value = (name: string) => name.padEnd(600_000, '.')
  await world.call(one, 'store', { value: value('first') })
  expect(full()).toEqual([false, false, false])
  await expect(world.call(one, 'store', { value: value('second') })).rejects.toMatchObject({ code: 'STORE_FULL' })
  await world.call(one, 'store', { value: 'a little' })
  expect(full()).toEqual([true, true, true])
  await world.call(one, 'removeBy', { value: value('first') })
  expect(full()).toEqual([false, false, false])
})

// Said that it was ready, as everyone did of it.
test('whose disk takes nothing says so, until it does again', async () => {
  const world = new World({ seed: 11 })
  const ids = await world.boot(4)
  const [one = '', other = ''] = ids
  const isFull = () => world.host(one).node?.info().content.full
  world.host(one).disk.full = true
  for (let number = 0; number < 8; number++) await world.call(other, 'store', { value: `value ${number}` })
  expect(isFull()).toBe(true)
  world.host(one).disk.full = false
  await world.settle()
  expect(isFull()).toBe(false)
})

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)
/** How far a node is from a key, as its overlay reckons. */
const far = {
  chord: (id: Id, key: Id) => distance(key, id),
  kademlia: (id: Id, key: Id) => BigInt(`0x${id}`) ^ BigInt(`0x${key}`),
  pastry: (id: Id, key: Id) => least(distance(id, key), distance(key, id)),
}

// All of those who are asked for a miss had no room for it, and said that they have everything.
test.each([
  ['chord', { successors: 10 }],
  ['chord', { successors: 28, replicas: 12 }],
  ['kademlia', {}],
  ['pastry', {}],
] as const)(
  'what stand-ins have is not said to be missing by those who had no room for it: %s, %j',
  async (overlay, settings) => {
    const world = new World({ seed: 10, settings: { overlay, ...settings } })
    const { replicas } = world.config
    const ids = await world.boot(replicas + 7)
    await world.run(60_000)
    world.demanding = false
    const value = 'hello'
    const index = `v:${hash(value)}`
    const key = keyOf(index, 160)
    const line = ids.toSorted((a, b) => (far[overlay](a, key) < far[overlay](b, key) ? -1 : 1))
    const [owner = ''] = line
    const entry = line.at(-1) ?? ''
    for (const id of line.slice(1, replicas + 2)) isFullFromNow(world, id)
    expect((await world.call(entry, 'store', { value })).stored).toBeGreaterThan(1)
    await world.run(20_000)
    world.crash(owner)
    await world.run(30_000)
    for (const through of line.slice(1)) {
      expect((await world.call(through, 'lookupBy', { value })).values).toMatchObject([{ value }])
      expect((await world.call(through, 'lookup', { key })).values).toMatchObject([{ value }])
    }
  },
)

/** Two values of one key, as wide as that is here. */
const keyMates = (bits: number): [string, string] => {
  const byKey = new Map<string, string>()
  for (let number = 0; ; number++) {
    const key = keyOf(`v:${hash(`value ${number}`)}`, bits)
    const former = byKey.get(key)
    if (former !== undefined) return [former, `value ${number}`]
    byKey.set(key, `value ${number}`)
  }
}

// Two who had no room for the second knew of the first, and were enough to say that there was nothing else; and to delete by the key.
test.each(overlayNames)(
  'all values of a narrow key are found by it, and deleted, though most of its window have no room, in %s',
  async (overlay) => {
    const world = new World({ seed: 3, encode: false, settings: { overlay, bits: 8, allowCustomIds: true, membership: 'off' } })
    for (const id of ['10', '30', '50', '70', '90', 'b0', 'd0', 'f0']) {
      world.add({ id })
      await world.settle()
    }
    await world.run(30_000)
    const [first, second] = keyMates(8)
    const { key } = await world.call('10', 'store', { value: first })
    const others = Array.from({ length: 40 }, (_, number) => `other ${number}`)
    for (const value of others) await world.call('10', 'store', { value })
    await world.run(1000)
    for (const { id = '' } of world.window(key).slice(1)) isFullFromNow(world, id)
    await world.call('10', 'store', { value: second })
    await world.run(120_000)
    for (const id of world.members()) {
      // Whom it asks first it draws.
      for (const value of others.slice(0, 20)) await world.call(id, 'lookupBy', { value })
      const { values } = await world.call(id, 'lookup', { key })
      expect(values.map(({ value }) => value)).toEqual(expect.arrayContaining([first, second]))
    }
    await world.call('10', 'remove', { key })
    for (const value of [first, second])
      await expect(world.call('30', 'lookupBy', { value })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  },
)

// The value before was 503 for good, also for whoever would delete it.
test.each([3, 5])('what nobody has room for takes nothing away from the value before, among %i', async (count) => {
  const world = new World({ seed: 10, encode: false, settings: { quotaBytes: 1024 * 1024 } })
  const [one = '', other = ''] = await world.boot(count)
  await world.run(60_000)
  const name = 'motd'
  expect(await world.call(one, 'store', { value: 'first'.padEnd(600_000, '.'), name })).toMatchObject({ stored: 3 })
  for (let n = 0; n < 12 * count; n++)
    await world.call(one, 'store', { value: `${n} `.padEnd(30_000, '.') }).catch((error: unknown) => error)
  const second = world.call(one, 'store', { value: 'second'.padEnd(1_000_000, '.'), name })
  await expect(second).rejects.toMatchObject({ code: 'STORE_FULL' })
  await world.run(60_000)
  const { values } = await world.call(other, 'lookupBy', { name })
  expect(values.map(({ value }) => value.slice(0, 6))).toEqual(['first.'])
  expect(await world.call(other, 'removeBy', { name })).toMatchObject({ stored: 3 })
})

// It was sent all of it anew every second: 120 MB in a minute.
test('who has no room does not ask for what it lacks again and again', async () => {
  const { world, ids } = await three()
  const full = world.add()
  await world.settle()
  await world.run(60_000)
  isFullFromNow(world, full)
  let stored = 0
  for (let number = 0; number < 60; number++) {
    const value = `value ${number} `.padEnd(20_000, '.')
    await world.call(ids[0] ?? '', 'store', { value })
    stored += value.length
  }
  await world.run(120_000)
  let sent = 0
  for (const id of ids) {
    const handlers = nodeOf(world, id).handlers as unknown as Record<string, (request: unknown) => { records: StoredRecord[] }>
    for (const row of ['fetch', 'records']) {
      const answer = handlers[row] as (request: unknown) => { records: StoredRecord[] }
      handlers[row] = (request) => {
        const reply = answer(request)
        for (const { value } of reply.records) sent += value?.length ?? 0
        return reply
      }
    }
  }
  await world.run(60_000)
  expect(sent).toBeGreaterThan(0)
  expect(sent).toBeLessThan(10 * stored)
})

/** Where ids are narrow, many values have one key. */
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Finder } from '../../src/content/finder.ts'
import type { Holders } from '../../src/content/holders.ts'
import { Places } from '../../src/content/places.ts'
import type { Clock } from '../../src/ports.ts'
import { limits } from '../../src/protocol/schemas.ts'
import { epochMs, hash } from '../../src/sim/host.ts'
import { World } from '../../src/sim/world.ts'
import type { Id } from '../../src/space/id.ts'
import { nodeOf } from '../overlay/worlds.ts'

const key = '45'

/** So many texts that begin alike and have that key. */
const valuesOf = (count: number, beginning = ''): string[] => {
  const begun = createHash('sha256').update(beginning)
  const values: string[] = []
  for (let number = 0; values.length < count; number++)
    if (begun.copy().update(`${number}`).digest('hex').startsWith(key)) values.push(`${beginning}${number}`)
  return values
}

const worldOf = async (nodes = 3) => {
  const world = new World({ seed: 1, encode: false, settings: { bits: 8 } })
  const ids = await world.boot(nodes)
  return { world, ids }
}

test('a key that is full takes no more values, however many come at once, and those that it has again', async () => {
  const { world, ids } = await worldOf()
  const values = valuesOf(limits.valuesPerKey + 60)
  const asked = values.map((value) => world.ask(ids[0] ?? '', 'store', { value }))
  await world.until(
    () => asked.every(({ state }) => state !== 'waiting'),
    60_000,
    () => `${asked.filter(({ state }) => state === 'waiting').length} are not answered`,
  )
  const stored = values.filter((_, at) => asked[at]?.state === 'answered')
  const refused = asked.filter((one) => one.state === 'refused')
  expect(new Set(refused.map(({ error }) => error.error))).toEqual(new Set(['KEY_FULL']))
  expect(stored.length).toBeGreaterThanOrEqual(limits.valuesPerKey - 1)
  expect(stored.length).toBeLessThanOrEqual(limits.valuesPerKey)
  expect(await world.call(ids[2] ?? '', 'store', { value: stored[0] ?? '' })).toMatchObject({ key })
})

test('a key has room, however much is stored under others while it is counted', async () => {
  const gates: (() => void)[] = []
  const finder = { to: () => ({ window: async () => [{ id: '01', url: 'http://10.0.0.1:1' }] }) } as unknown as Finder
  const count = async (_: unknown, of: string) => {
    if (of === key) await new Promise<void>((resolve) => gates.push(resolve))
    return of === key ? limits.valuesPerKey - 10 : 0
  }
  const places = new Places(
    finder,
    { count } as unknown as Holders,
    { now: () => 0, sleep: async () => {} } as unknown as Clock,
    5000,
  )
  const stored = places.within({ key, index: 'v:1' }, async () => 'stored')
  for (let number = 0; number < 20; number++) await places.within({ key: 'bb', index: 'v:2' }, async () => undefined)
  for (const go of gates) go()
  expect(await stored).toBe('stored')
})

test('what is too much for one call is not gathered, and nobody who stores besides waits for it', async () => {
  const { world, ids } = await worldOf()
  const [one = ''] = ids
  const large = valuesOf(9, 'x'.repeat(limits.valueBytes - 10))
  for (const value of large) await world.call(one, 'store', { value })
  let asked = 0
  for (const id of ids) {
    const { handlers } = world.host(id).node ?? {}
    if (!handlers) throw new Error(`nobody lives at ${id}`)
    const { get } = handlers
    handlers.get = (request) => {
      asked++
      return get(request)
    }
  }
  const [small = ''] = valuesOf(1)
  await world.call(one, 'store', { value: small })
  expect(asked).toBe(0)
  await expect(world.call(one, 'lookup', { key })).rejects.toMatchObject({ code: 'TOO_LARGE' })
  expect((await world.call(one, 'lookupBy', { value: large[0] ?? '' })).values).toHaveLength(1)
})

// Whoever did not hold them itself said INCONCLUSIVE, for ever: those who do were all taken to be in trouble.
test('what is too much for one call is said to be through every node, and is deleted through every node', async () => {
  const { world, ids } = await worldOf(6)
  const [one = ''] = ids
  for (const through of ids) {
    for (const value of valuesOf(9, 'x'.repeat(limits.valueBytes - 10))) await world.call(one, 'store', { value })
    await expect(world.call(through, 'lookup', { key })).rejects.toMatchObject({ code: 'TOO_LARGE' })
    expect((await world.call(through, 'remove', { key })).deleted).toHaveLength(9)
    await expect(world.call(through, 'lookup', { key })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  }
})

test('what was deleted is stored again under a key that is full', async () => {
  const { world, ids } = await worldOf()
  const [one = ''] = ids
  const [name = '', ...values] = valuesOf(limits.valuesPerKey)
  await world.call(one, 'storeNamed', { name, value: 'first' })
  for (const value of values) await world.call(one, 'store', { value })
  await world.call(one, 'removeBy', { name })
  expect(await world.call(one, 'storeNamed', { name, value: 'again' })).toMatchObject({ key })
})

/** A member of the window of a key, and a node that is none. */
const oneOf = async (world: World, ids: readonly Id[], wanted: Id) => {
  const { window } = await world.call(ids[0] ?? '', 'find', { key: wanted })
  const [owner] = window
  const entry = ids.find((id) => !window.some((peer) => peer.id === id)) ?? ''
  return { holder: nodeOf(world, owner?.id ?? ''), entry }
}

// It was given, and deleted, what lives beside it as well.
test('whoever asks for a value is given, and deletes, no other, though one answers as if for the key', async () => {
  const { world, ids } = await worldOf(6)
  await world.run(60_000)
  world.demanding = false
  const [value = '', other = ''] = valuesOf(2)
  for (const each of [value, other]) await world.call(ids[0] ?? '', 'store', { value: each })
  const { holder, entry } = await oneOf(world, ids, key)
  const { get } = holder.handlers
  let asked = 0
  holder.handlers.get = ({ key: wanted }) => {
    asked++
    return get({ key: wanted })
  }
  for (let time = 0; time < 5; time++)
    expect((await world.call(entry, 'lookupBy', { value })).values.map((found) => found.value)).toEqual([value])
  expect((await world.call(entry, 'removeBy', { value })).deleted).toHaveLength(1)
  expect(asked).toBeGreaterThan(0)
  expect((await world.call(ids[0] ?? '', 'lookupBy', { value: other })).values).toHaveLength(1)
})

// Was too much for one call.
test('a value that one gives nine times is one value', async () => {
  const { world, ids } = await worldOf(6)
  await world.run(60_000)
  world.demanding = false
  const [value = ''] = valuesOf(1, 'x'.repeat(limits.valueBytes - 10))
  await world.call(ids[0] ?? '', 'store', { value })
  const { holder, entry } = await oneOf(world, ids, key)
  const { fetch } = holder.handlers
  let asked = 0
  holder.handlers.fetch = async (request) => {
    asked++
    const { records } = await fetch(request)
    return { records: Array.from({ length: 9 }, () => records).flat() }
  }
  for (let time = 0; time < 6; time++)
    expect((await world.call(entry, 'lookupBy', { value })).values).toMatchObject([{ value }])
  expect(asked).toBeGreaterThan(0)
})

// Their holders were taken to be in trouble, for too many cursors or for too many records.
test('more values than one call asks for are looked up, and deleted, through every node', async () => {
  const { world, ids } = await worldOf(6)
  await world.run(60_000)
  const { window } = await world.call(ids[0] ?? '', 'find', { key })
  const told = window.map(({ id }) => id)
  const count = 2 * limits.page + 100
  for (const [at, value] of valuesOf(count, 'x'.repeat(200)).entries()) {
    const hlc = `${(epochMs + world.nowMs).toString(16).padStart(12, '0')}${at.toString(16).padStart(4, '0')}`
    const record = { key, index: `v:${hash(value)}`, value, contentType: 'text/plain', version: { hlc, origin: 'aa' } }
    for (const id of told) await world.call(id, 'insert', { key, record, with: told.filter((other) => other !== id) })
  }
  for (const id of ids) expect((await world.call(id, 'lookup', { key })).values).toHaveLength(count)
  expect((await world.call(ids[0] ?? '', 'remove', { key })).deleted).toHaveLength(count)
})

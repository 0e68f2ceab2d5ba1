/**
 * What was wrong with Bytestag, the Kademlia that this one began from, each as what must be so instead; of its table (a key of its own at
 * the root, a random sample for the nearest, a contact twice in a full bucket) also in table.test.ts, and of what others got wrong since
 * (a refresh that never ran, lookups that went on when they were done) in upkeep.test.ts. What concerned files is not here.
 */
import { expect, test } from 'vitest'
import { keyOf, valueIndex } from '../../../src/content/record.ts'
import { place } from '../../../src/overlay/kademlia/placement.ts'
import type { Attributes } from '../../../src/overlay/overlay.ts'
import type { Peer } from '../../../src/protocol/schemas.ts'
import { misplaced } from '../../../src/sim/audit.ts'
import { epochMs, hash } from '../../../src/sim/host.ts'
import { World } from '../../../src/sim/world.ts'
import { commonBits } from '../../../src/space/xor.ts'

const worldOf = async (nodes: number, settings = {}): Promise<World> => {
  const world = new World({ seed: 1, settings: { overlay: 'kademlia', ...settings } })
  await world.boot(nodes)
  return world
}
const homed = async (world: World): Promise<void> => {
  await world.settle()
  for (let second = 0; second < 60 && misplaced(world).length > 0; second++) await world.run(1000)
  expect(misplaced(world)).toEqual([])
}
const key = '0'.repeat(40)

test('what a node shows is measured from its own id, each contact once; what it answers are the nearest of these, not some', async () => {
  const world = await worldOf(20, { k: 4 })
  const [from] = world.members().map((id) => world.peer(id)) as [Peer]
  for (const { id, url } of world.members().map((member) => world.peer(member))) {
    const { buckets }: Attributes = await world.call(id, 'nodeinfo', {})
    const shown = buckets as readonly { bits: number; peers: Peer[] }[]
    for (const { bits, peers } of shown) for (const peer of peers) expect(commonBits(peer.id, id)).toBe(bits)
    const known = shown.flatMap(({ peers }) => peers)
    expect(new Set(known.map((peer) => peer.id)).size).toBe(known.length)
    const { peers } = await world.call(id, 'findNode', { id: key, count: 4, avoid: [], from })
    expect(peers).toEqual(place(key, [{ id, url }, ...known], 4))
  }
})

test('a lookup goes on until the nearest have answered, however soon one of them was found', async () => {
  const world = await worldOf(14, { k: 4 })
  const nearest = world.window(key).map(({ id }) => id)
  for (const id of world.members()) {
    const { window, path } = await world.call(id, 'find', { key, mode: 'buckets' })
    expect(window.map((peer) => peer.id)).toEqual(nearest)
    const asked = new Set([id, ...path.map((hop) => hop.id)])
    for (const near of nearest) expect(asked.has(near as string)).toBe(true)
  }
})

test('who does not answer is not among those who are found', async () => {
  const world = await worldOf(12)
  const [dead] = world.window(key).map(({ id }) => id as string) as [string]
  world.crash(dead)
  const { window, path } = await world.call(world.anyone(), 'find', { key, mode: 'buckets' })
  expect(window.map(({ id }) => id)).not.toContain(dead)
  expect(path.find(({ id }) => id === dead)).toMatchObject({ dead: true })
})

test('a value comes back whole, to its last byte', async () => {
  const world = await worldOf(5)
  const value = Array.from({ length: 30_000 }, (_, at) => `line ${at}\n`).join('')
  await world.call(world.anyone(), 'store', { value })
  const found = await world.call(world.anyone(), 'lookup', { key: keyOf(valueIndex(hash, value), 160) })
  expect(found.values).toMatchObject([{ value }])
})

test('copies are made again not once but as often as it takes', async () => {
  const world = await worldOf(8)
  const { key: stored } = await world.call(world.anyone(), 'store', { value: 'hello' })
  for (let time = 0; time < 5; time++) {
    world.crash(world.window(stored)[0]?.id as string)
    await homed(world)
  }
  expect(await world.call(world.anyone(), 'lookupBy', { value: 'hello' })).toMatchObject({ values: [{ value: 'hello' }] })
})

test('a value lives as long as was said, in a network of three as in any other', async () => {
  const world = await worldOf(3, { stabilizeEveryMs: 60_000, reuniteEveryMs: 600_000, rehomeEveryMs: 600_000 })
  await world.call(world.anyone(), 'store', { value: 'hello', ttlSeconds: 86_400 })
  await world.run(86_300_000)
  for (const id of world.members())
    expect(await world.call(id, 'get', { key: keyOf(valueIndex(hash, 'hello'), 160) })).toMatchObject({
      records: [{ value: 'hello' }],
    })
  await world.run(200_000)
  await expect(world.call(world.anyone(), 'lookupBy', { value: 'hello' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('what is given to a node is looked at: its hash, its key, its time', async () => {
  const world = await worldOf(2)
  const index = valueIndex(hash, 'hello')
  const record = { key: keyOf(index, 160), index, value: 'hello', contentType: 'text/plain' }
  const give = (changed: object, ms = 0) => {
    const version = { hlc: (BigInt(epochMs + ms) << 16n).toString(16).padStart(16, '0'), origin: key }
    return world.call(world.anyone(), 'insert', { key: record.key, record: { ...record, version, ...changed }, with: [] })
  }
  await expect(give({ value: 'another' })).rejects.toMatchObject({ code: 'BAD_RECORD' })
  await expect(give({ key })).rejects.toMatchObject({ code: 'BAD_RECORD' })
  await expect(give({}, 86_400_000)).rejects.toMatchObject({ code: 'STAMP_AHEAD' })
  expect(await give({})).toMatchObject({ held: true })
})

test('copies lie with those nearest to the key, not to whoever stores', async () => {
  const world = await worldOf(16)
  for (const id of world.members()) await world.call(id, 'store', { value: `by ${id}` })
  await homed(world)
})

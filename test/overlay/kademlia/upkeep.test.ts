/** Kademlia's conversations, in the simulator: who comes into the table, who makes room, and what brings back who was lost. */
import { expect, test, vi } from 'vitest'
import type { Node } from '../../../src/node/node.ts'
import type { Peer } from '../../../src/protocol/schemas.ts'
import type { Kademlia } from '../../../src/overlay/kademlia/kademlia.ts'
import { calm } from '../../../src/sim/weather.ts'
import { World } from '../../../src/sim/world.ts'
import type { Id } from '../../../src/space/id.ts'
import { commonBits } from '../../../src/space/xor.ts'

/** Longer than a test: what nodes do from time to time they do not do here, unless a test says so. */
const neverMs = 1e9
const idle = { stabilizeEveryMs: neverMs, reuniteEveryMs: neverMs, refreshEveryMs: neverMs, rehomeEveryMs: neverMs } as const
/** Ids as on a blackboard. Two contacts in a bucket: of 00 beside 01 that of 80 to ff is full with two. */
const small = { ...idle, bits: 8, k: 2, replicas: 1, allowCustomIds: true } as const

interface Question {
  readonly atMs: number
  readonly from: Id | undefined
  readonly to: Id | undefined
  readonly name: string
}

/** What is asked in the world of a test, as it arrives. */
const questions: Question[] = []

const worldWith = (settings: object): World => {
  questions.length = 0
  const world: World = new World({
    seed: 1,
    settings: { overlay: 'kademlia', ...settings },
    weather: { ...calm, delayMinMs: 5 },
    log: (line) => {
      const [, at, from = '', to = '', name = ''] = /^(\d+) (\S+) > (\S+) (\S+) /.exec(line) ?? []
      if (name) questions.push({ atMs: Number(at), from: world.at(from)?.id, to: world.at(to)?.id, name })
    },
  })
  return world
}
/** Each joins through the first, one after the other. */
const worldOf = async (ids: string, settings: object = {}): Promise<World> => {
  const world = worldWith({ ...small, ...settings })
  for (const id of ids.split(' ')) await join(world, id, world.members().slice(0, 1))
  await world.run(1000)
  return world
}
const join = async (world: World, id: Id, seeds: readonly Id[]): Promise<void> => {
  world.add({ id, seeds: seeds.map((seed) => world.peer(seed)) })
  await joined(world, id)
}
const joined = (world: World, id: Id): Promise<void> =>
  world.until(
    () => world.members().includes(id),
    30_000,
    () => `${id} has not joined`,
  )
const nodeOf = (world: World, id: Id): Node => world.host(id).node as Node
const known = (world: World, id: Id): Id[] =>
  nodeOf(world, id)
    .overlay.neighbors()
    .map((peer) => peer.id)
/** Whom 00 knows at the other end of the tree, who was heard of longest ago first. */
const farFrom00 = (world: World): string => {
  const buckets = nodeOf(world, '00').overlay.attributes['buckets'] as { bits: number; peers: Peer[] }[]
  return (buckets.find(({ bits }) => bits === 0)?.peers ?? []).map(({ id }) => id).join(' ')
}
/** Whom that node has asked for a sign of life. */
const pingedBy = (id: Id): string[] =>
  questions.filter(({ from, name }) => from === id && name === 'ping').map(({ to }) => String(to))
/** Lets 00 ask one after the other whom it knows, until all have answered. */
const answered = async (world: World, ids: string): Promise<void> => {
  const overlay = nodeOf(world, '00').overlay as Kademlia
  const request = { id: 'ff', count: 2, avoid: [], from: overlay.me }
  let left = 0
  for (const id of ids.split(' ')) {
    left++
    void overlay.reach(world.peer(id), 'findNode', request).then(() => left--)
    await world.run(1)
  }
  await world.until(
    () => left === 0,
    1000,
    () => `${left} of ${ids} have not answered`,
  )
}

test('of a full bucket who was silent for longest is asked once, however many would have its place, and keeps it by answering', async () => {
  const world = await worldOf('00 01 80 90 a0 b0')
  expect(farFrom00(world)).toBe('80 90')
  await world.run(60_000)
  questions.length = 0
  await answered(world, 'a0 b0 a0')
  await world.run(1000)
  expect(pingedBy('00')).toEqual(['80'])
  expect(farFrom00(world)).toBe('90 80')
  await answered(world, 'b0')
  await world.run(1000)
  expect(pingedBy('00')).toEqual(['80', '90'])
  // By now both have been heard of.
  await answered(world, 'a0 b0')
  await world.run(1000)
  expect(pingedBy('00')).toEqual(['80', '90'])
  expect(farFrom00(world)).toBe('80 90')
})

test.each([
  // who is dead, who is there afterwards
  ['80', '90 b0'],
  ['80 b0', '90 a0'],
  ['80 a0 b0', '90'],
])('with %s dead the newest of those who wait, and answer, has the place: %s', async (dead, left) => {
  const world = await worldOf('00 01 80 90 a0 b0')
  await world.run(60_000)
  await answered(world, 'a0 b0')
  for (const id of dead.split(' ')) world.crash(id)
  await world.run(5000)
  expect(farFrom00(world)).toBe(left)
})

test('who asks is asked in return, once at a time, and gets in by answering', async () => {
  const world = await worldOf('00 01 80')
  world.add({ id: 'c0', seeds: [{ id: 'ee', url: 'http://nobody.world-1:1' }] })
  await world.run(1000)
  questions.length = 0
  // One who has not joined, one who does not exist, one who is another.
  for (const from of [world.peer('c0'), { id: 'd0', url: 'http://nobody.world-1:2' }, { id: 'd1', url: world.peer('01').url }])
    for (let time = 0; time < 3; time++) await nodeOf(world, '00').handlers.findNode({ id: 'ff', count: 2, avoid: [], from })
  await world.run(1000)
  expect(pingedBy('00').toSorted()).toEqual(['01', 'c0'])
  expect(farFrom00(world)).toBe('80')
  await join(world, 'e0', ['01'])
  await world.run(1000)
  expect(pingedBy('00')).toContain('e0')
  expect(farFrom00(world)).toBe('80 e0')
})

test('an answer that not only members give lets nobody in, and is a sign of life of those who are', async () => {
  const world = await worldOf('00 01 80')
  world.add({ id: 'c0', seeds: [{ id: 'ee', url: 'http://nobody.world-1:1' }] })
  await world.run(1000)
  const { overlay } = nodeOf(world, '00')
  const digest = { arcs: [{ from: '80', to: '90', count: 0, print: '0'.repeat(16) }], by: '00' }
  for (const id of ['c0', '80']) expect(await nodeOf(world, id).handlers.digest(digest)).toHaveProperty('digests')
  const before = (overlay as Kademlia).table.find('80')?.seen ?? 0
  await world.run(100)
  for (const id of ['c0', '80']) overlay.admit(world.peer(id), 1)
  await world.run(1000)
  expect(farFrom00(world)).toBe('80')
  expect((overlay as Kademlia).table.find('80')?.seen).toBeGreaterThanOrEqual(before + 100)
})

test('nobody gets in, or is asked, under an id that is not that of its url', async () => {
  const world = worldWith(idle)
  const [first = '', liar = '', third = ''] = await world.boot(4)
  const beside = { id: first.slice(0, -1) + (first.endsWith('0') ? '1' : '0'), url: world.peer(third).url }
  const before = known(world, first)
  const { findNode, ping } = nodeOf(world, first).handlers
  expect(() => ping({ from: beside })).toThrow(', the hash of its url, not ')
  expect(() => findNode({ id: first, count: 8, avoid: [], from: beside })).toThrow(', the hash of its url, not ')
  nodeOf(world, liar).handlers.findNode = () => ({ peers: [beside] })
  const overlay = nodeOf(world, first).overlay as Kademlia
  const reach = vi.spyOn(overlay, 'reach')
  questions.length = 0
  for (const { run } of nodeOf(world, first).overlay.jobs) void run()
  await world.run(5000)
  expect(questions.filter(({ from, to, name }) => from === first && to === liar && name === 'findNode').length).toBeGreaterThan(
    0,
  )
  expect(pingedBy(first)).toEqual([])
  // Nor in a lookup.
  expect(reach.mock.calls.map(([{ id }]) => id)).not.toContain(beside.id)
  expect(known(world, first)).toEqual(before)
})

test('a bucket in which nobody is left is filled again by the next refresh', async () => {
  const world = await worldOf('00 01 02 80 90', { refreshEveryMs: 60_000 })
  world.demanding = false
  world.partition(['00'], ['80', '90'])
  await world.until(
    () => farFrom00(world) === '',
    600_000,
    () => `still known: ${farFrom00(world)}`,
  )
  world.heal()
  await world.run(61_000)
  expect(farFrom00(world).split(' ').toSorted()).toEqual(['80', '90'])
})

test('seeds that are not known are asked at every refresh', async () => {
  const world = await worldOf('00', { refreshEveryMs: 60_000, foundAfterMs: 100 })
  world.demanding = false
  const seed = { id: '40', url: 'http://late.world-1:1' }
  world.add({ id: '80', seeds: [seed] })
  await joined(world, '80')
  world.add({ ...seed, seeds: [] })
  await joined(world, '40')
  for (let time = 0; time < 3; time++) {
    expect(known(world, '80')).toEqual([])
    await world.run(61_000)
    expect(known(world, '80')).toEqual(['40'])
    world.partition(['40'], ['80'])
    await world.until(
      () => known(world, '80').length === 0,
      600_000,
      () => '40 is still known',
    )
    world.heal()
  }
})

test('a lookup asks three at a time, and once the nearest has answered all at once who are left of the eight nearest, and nobody else', async () => {
  const world = worldWith({})
  const ids = await world.boot(30)
  const peers = ids.map((id) => world.peer(id))
  const widths: number[] = []
  for (const [at, from] of ids.slice(0, 12).entries()) {
    const key = `${(15 - at).toString(16)}${from.slice(1)}`
    questions.length = 0
    await world.call(from, 'find', { key, mode: 'buckets' })
    const asked = questions.filter((one) => one.from === from && one.name === 'route')
    const waves = [...new Set(asked.map(({ atMs }) => atMs))].map((ms) =>
      asked.filter(({ atMs }) => atMs === ms).map(({ to }) => to),
    )
    const nearest = nodeOf(world, from)
      .overlay.place(key, peers, 8)
      .map(({ id }) => id)
    const found = waves.findIndex((wave) => wave.includes(nearest[0]))
    for (const wave of waves.slice(0, found + 1)) expect(wave.length).toBeLessThanOrEqual(3)
    expect(waves.length).toBeLessThanOrEqual(found + 2)
    for (const to of waves[found + 1] ?? []) expect(nearest).toContain(to)
    expect(new Set(asked.map(({ to }) => to)).size).toBe(asked.length)
    widths.push(waves[found + 1]?.length ?? 0)
  }
  expect(Math.max(...widths)).toBeGreaterThan(3)
})

test('of two nodes that came with one id at the same time, one gives way once others name it', async () => {
  const world = new World({ seed: 1, settings: { overlay: 'kademlia', bits: 8, allowCustomIds: true } })
  world.demanding = false
  for (const id of ['10', '90', 'c0']) {
    world.add({ id, seeds: id === '10' ? [] : [world.peer('10')] })
    await world.run(1000)
  }
  for (const [seed, port] of [
    ['10', 1],
    ['90', 2],
  ] as const)
    world.add({ id: '40', url: `http://twin.world-1:${port}`, seeds: [world.peer(seed)] })
  // A node says so as an error, which ends a world.
  await expect(world.run(60_000)).rejects.toThrow('http://twin.world-1:2: Error: id lost')
})

test('a newcomer with an id that is taken finds that out before it comes in, though its seed knows nothing of it', async () => {
  const world = new World({ seed: 3, encode: false, settings: { overlay: 'kademlia', bits: 16, allowCustomIds: true } })
  const ids = [...(await world.boot(60))]
  await world.run(10_000)
  world.demanding = false
  const taken = ids[10] as Id
  const neighbors = (id: Id) => world.host(id).node?.overlay.neighbors() ?? []
  const stranger = ids.find((id) => id !== taken && !neighbors(id).some((peer) => peer.id === taken)) as Id
  const url = 'http://aaa.world-3:1'
  world.add({ id: taken, url, seeds: [world.peer(stranger)] })
  const states = new Set<string | undefined>()
  for (let round = 0; round < 100; round++) {
    await world.run(100)
    states.add(world.running().find((host) => host.url === url)?.node?.state)
  }
  expect(states).not.toContain('ready')
})

test('who leaves is forgotten at once', async () => {
  const world = worldWith(idle)
  const [first = '', other = ''] = await world.boot(8)
  world.leave(other)
  await world.until(
    () => !world.members().includes(other),
    30_000,
    () => 'it has not left',
  )
  await world.run(1000)
  expect(known(world, first)).not.toContain(other)
})

test('a refresh looks everywhere in a bucket', async () => {
  const world = worldWith(idle)
  const [first = ''] = await world.boot(8)
  const { overlay } = nodeOf(world, first)
  const refresh = overlay.jobs.find(({ name }) => name === 'refresh')
  const { reach } = overlay as unknown as { reach: (peer: Peer, name: string, request: { id?: Id }) => Promise<object> }
  const firstDigits = new Set<string>()
  Object.assign(overlay, {
    reach: (peer: Peer, name: string, request: { id?: Id }) => {
      if (request.id && commonBits(request.id, first) === 0) firstDigits.add(request.id[0] as string)
      return reach.call(overlay, peer, name, request)
    },
  })
  for (let time = 0; time < 60; time++) {
    void refresh?.run()
    await world.run(500)
  }
  // Of the sixteen those of the other half.
  expect(firstDigits.size).toBe(8)
})

/** Whoever refuses is there. */
import { describe, expect, test } from 'vitest'
import { overlayNames } from '../../src/overlay/overlays.ts'
import { Refusal } from '../../src/protocol/errors.ts'
import type { Peer } from '../../src/protocol/schemas.ts'
import type { Id } from '../../src/space/id.ts'
import { step } from '../../src/space/ring.ts'
import { counting, nobodies, nodeOf, refuse, replace, silence, sorted, worldOf } from './worlds.ts'

/** What a node is asked in the course of its upkeep. */
const upkeep = [
  ...(['predecessors', 'neighborhood', 'approach', 'offerPredecessor', 'offerSuccessor', 'join'] as const),
  ...(['findNode', 'ping', 'arrive', 'leaves', 'state'] as const),
]
const busy = refuse('OVERLOADED')

describe('one that is behind with its work', () => {
  test.each(overlayNames)('is waited for by those who are to join %s through it', async (overlay) => {
    const world = await worldOf(overlay, 4)
    const back = world.members().map((id) => replace(nodeOf(world, id), upkeep, busy))
    const newcomer = world.add({ seeds: world.members().map((id) => world.peer(id)) })
    await world.run(world.config.foundAfterMs + 3000)
    expect(nodeOf(world, newcomer).state).toBe('joining')
    for (const restore of back) restore()
    await world.settle()
    expect(world.members()).toHaveLength(5)
  })

  test.each(['chord', 'pastry'] as const)('is not taken for dead by who comes in beside it: %s', async (overlay) => {
    const world = await worldOf(overlay, 12, { allowCustomIds: true })
    const ids = sorted(world)
    const [there = '', next = ''] = ids.slice(5)
    const restore = replace(nodeOf(world, there), upkeep, busy)
    const newcomer = step(there, -5n)
    world.add({ id: newcomer, seeds: [world.peer(ids[0] ?? '')] })
    const owns = (id: Id) => {
      const { node } = world.host(id)
      if (node?.state !== 'ready') return false
      const { peers, final } = node.overlay.route(there, 1, new Set(), overlay === 'chord' ? 'fingers' : 'prefix')
      return final && peers[0]?.id === id
    }
    const wrong: string[] = []
    for (let round = 0; round < 100; round++) {
      await world.run(100)
      for (const id of [newcomer, next]) if (owns(id)) wrong.push(`after ${100 * round} ms ${id} owns ${there}`)
    }
    expect(wrong).toEqual([])
    restore()
    await world.settle()
    expect(world.members()).toHaveLength(13)
  })

  test('is asked by its predecessor in Chord once a round, not as fast as it answers', async () => {
    const { calls, log } = counting('neighborhood')
    const world = await worldOf('chord', 8, {}, log)
    const there = sorted(world)[3] ?? ''
    replace(nodeOf(world, there), ['neighborhood'], busy)
    Object.assign(calls, { to: world.host(there).url, count: 0 })
    await world.run(30_000)
    expect(calls.count).toBeLessThan(3 * 30)
  })
})

describe('one that refuses, or knows nobody', () => {
  test.each([
    [
      'refuses',
      () => {
        throw new Refusal('INTERNAL', 'this node has a defect')
      },
    ],
    ['knows nobody', () => ({ final: false, peers: [] })],
  ])('does not end the refresh of fingers: one that %s', async (_how, answer) => {
    const world = await worldOf('chord', 40)
    await world.run(15_000)
    const [there = '', ...others] = world.members()
    replace(nodeOf(world, there), ['approach'], answer)
    await world.run(10_000)
    const failing = new Set<Id>()
    for (const id of others) {
      const job = nodeOf(world, id).overlay.jobs.find(({ name }) => name === 'refresh fingers')
      world.host(id).after(0, () => void job?.run().catch(() => failing.add(id)))
    }
    await world.run(20_000)
    expect([...failing]).toEqual([])
  })
})

test.each([
  ['kademlia', 'ping', 'findNode'],
  ['pastry', 'leaves', 'state'],
] as const)('two answers of one moment that were lost drop nobody from %s', async (overlay, ...rows) => {
  const world = await worldOf(overlay, 24)
  const [one = '', other = ''] = sorted(world).slice(12)
  const from = world.peer(one)
  const { overlay: mine } = nodeOf(world, one)
  const { reach } = mine as unknown as { reach: (peer: Peer, name: string, request: object) => Promise<object> }
  const knows = () => mine.neighbors().some(({ id }) => id === other)
  expect(knows()).toBe(true)
  world.deafen([other], [one])
  world.host(one).after(0, () => {
    for (const row of rows) reach.call(mine, world.peer(other), row, { id: one, count: 1, avoid: [], from }).catch(() => {})
  })
  await world.run(100)
  world.heal()
  const dropped: number[] = []
  for (let round = 0; round < 100; round++) {
    await world.run(20)
    if (!knows()) dropped.push(20 * round)
  }
  expect(dropped).toEqual([])
})

test.each(['kademlia', 'pastry'] as const)('one answer that was lost drops nobody from %s', async (overlay) => {
  const world = await worldOf(overlay, 24)
  const [one = '', other = ''] = sorted(world).slice(12)
  const { overlay: mine } = nodeOf(world, one)
  const dropped: number[] = []
  world.deafen([other], [one])
  world.host(one).after(0, () => mine.evict(other))
  await world.run(100)
  world.heal()
  for (let round = 0; round < 100; round++) {
    await world.run(50)
    if (!mine.neighbors().some(({ id }) => id === other)) dropped.push(50 * round)
  }
  expect(dropped).toEqual([])
})

test.each([
  ['kademlia', 'findNode'],
  ['pastry', 'state'],
] as const)('who has answered something since it was doubted stays in %s', async (overlay, row) => {
  const world = await worldOf(overlay, 24)
  const [one = '', other = ''] = sorted(world).slice(12)
  const mine = nodeOf(world, one)
  const { reach } = mine.overlay as unknown as { reach: (peer: Peer, name: string, request: object) => Promise<object> }
  // Of what it is asked it answers this row and no other.
  replace(nodeOf(world, other), ['ping', 'leaves'], () => new Promise(() => {}))
  const request = { id: one, count: 1, avoid: [], from: world.peer(one) }
  const ask = () => void reach.call(mine.overlay, world.peer(other), row, request)
  world.host(one).after(0, () => mine.overlay.evict(other))
  const dropped: number[] = []
  for (let round = 0; round < 100; round++) {
    if (round % 10 === 0) world.host(one).after(0, ask)
    await world.run(50)
    if (!mine.overlay.neighbors().some(({ id }) => id === other)) dropped.push(50 * round)
  }
  expect(dropped).toEqual([])
})

describe('Pastry', () => {
  test.each([0, 1])('whoever is known is asked for a sign of life in turn, though %i of them refuse', async (refusers) => {
    const heard = new Map<string, number>()
    let from = ''
    const world = await worldOf('pastry', 30, {}, (line) => {
      const [, asker, asked = ''] = /^\d+ (\S+) > (\S+) /.exec(line) ?? []
      if (asker === from) heard.set(asked, world.nowMs)
    })
    const [me = '', ...others] = world.members().slice(7)
    for (const id of others.slice(0, refusers)) replace(nodeOf(world, id), ['leaves'], busy)
    const { table } = nodeOf(world, me).overlay as unknown as { table: { known: Peer[] } }
    from = world.host(me).url
    const silent: string[] = []
    for (let round = 0; round < 2; round++) {
      const began = world.nowMs
      const { known } = table
      await world.run(2000 * known.length)
      // Some are only just near enough, and come and go.
      const still = known.filter((peer) => table.known.includes(peer))
      silent.push(...still.flatMap(({ url }) => ((heard.get(url) ?? 0) < began ? [`${url} from ${began} on`] : [])))
    }
    expect(silent).toEqual([])
  })
})

test('Kademlia waits for 32 signs of life at a time, those of the doubted among them', async () => {
  const neverMs = 1e9
  const rest = { stabilizeEveryMs: neverMs, reuniteEveryMs: neverMs, rehomeEveryMs: neverMs, k: 32 }
  const world = await worldOf('kademlia', 3, rest)
  for (let newcomer = 0; newcomer < 60; newcomer++) {
    world.add()
    await world.run(300)
  }
  await world.run(5000)
  const [me = '', ...others] = world.members()
  const node = nodeOf(world, me)
  const overlay = node.overlay as unknown as { reach: (peer: Peer, name: string, request: object) => Promise<object> }
  const reach = overlay.reach.bind(overlay)
  let now = 0
  overlay.reach = (peer, name, request) => {
    if (name !== 'ping') return reach(peer, name, request)
    now++
    return reach(peer, name, request).finally(() => now--)
  }
  world.deafen([me], others)
  const goodbyes = () =>
    world.host(me).after(0, () => {
      for (const id of others) void node.handlers.goodbye({ from: world.peer(id) } as never)
    })
  const waitedFor: number[] = []
  for (let round = 0; round < 200; round++) {
    if (round % 40 === 0) goodbyes()
    await world.run(40)
    waitedFor.push(now)
  }
  expect(Math.max(...waitedFor)).toBe(32)
})

test.each([
  ['kademlia', 'ping', 16, (from: Peer) => ({ from })],
  ['pastry', 'notice', 64, (peer: Peer) => peer],
] as const)('of all who say of themselves that they are there %s waits for so many at a time: %s, %i', async (...row) => {
  const [overlay, name, most, claim] = row
  const world = await worldOf(overlay, 3)
  const { me, handlers, overlay: asker } = nodeOf(world, world.members()[0] as Id)
  const { reach } = asker as unknown as { reach: (peer: Peer, name: string, request: object) => Promise<object> }
  let now = 0
  const asked = (peer: Peer, ...request: [string, object]) => {
    if (!peer.url.includes('nobody')) return reach.call(asker, peer, ...request)
    now++
    return reach.call(asker, peer, ...request).finally(() => now--)
  }
  Object.assign(asker, { reach: asked })
  silence(world)
  const fresh = nobodies()
  world.host(me.id).after(0, () => {
    for (let claims = 0; claims < 200; claims++) void handlers[name](claim(fresh()) as never)
  })
  await world.run(10)
  expect(now).toBe(most)
})

test('a contact that refuses a sign of life lives, and is not asked for one again and again', async () => {
  const world = await worldOf('kademlia', 8)
  const [first, busy] = world.members() as [Id, Id]
  const before = nodeOf(world, first).overlay.neighbors().length
  let asked = 0
  nodeOf(world, busy).handlers.ping = () => {
    asked++
    throw new Refusal('OVERLOADED', 'no')
  }
  await nodeOf(world, first).handlers.goodbye({ from: world.peer(busy) })
  await world.run(5000)
  expect(asked).toBe(1)
  expect(nodeOf(world, first).overlay.neighbors().length).toBe(before)
})

/** Pastry's conversations, in the simulator: who comes into the tables, who goes out of them, and how near they are. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { Node } from '../../../src/node/node.ts'
import type { Attributes } from '../../../src/overlay/overlay.ts'
import type { Known } from '../../../src/overlay/pastry/api.ts'
import type { Table } from '../../../src/overlay/pastry/table.ts'
import type { Peer } from '../../../src/protocol/schemas.ts'
import type { Id } from '../../../src/space/id.ts'
import { latencyOf } from '../../../src/sim/latency.ts'
import { StillPastry } from '../../../src/sim/still-pastry.ts'
import { World, type Asked } from '../../../src/sim/world.ts'
import { leavesOf as leafSetOf, sorted, worldOf } from '../worlds.ts'

const settings = { overlay: 'pastry' } as const
const shown = (world: World, id: Id): Attributes => world.host(id).node?.overlay.attributes ?? {}
const rowsOf = (world: World, id: Id): Known[][] => (shown(world, id)['rows'] ?? []) as Known[][]
const leavesOf = (world: World, id: Id): Known[] => (shown(world, id)['leafSet'] ?? []) as Known[]
const everyone = (world: World, id: Id): Id[] =>
  ['leafSet', 'neighborhood']
    .flatMap((name) => (shown(world, id)[name] ?? []) as Known[])
    .concat(rowsOf(world, id).flat())
    .map((peer) => peer.id)

/** Those who do not know for sure that their leaf sets are all that they should be. */
const doubtful = (world: World): Id[] =>
  world.members().filter((id) => {
    const { overlay } = world.host(id).node as Node
    const { table } = overlay as unknown as { table: Table }
    return table.leaves.isDoubtful
  })

/** Entries of the first two rows as a multiple of the way to the nearest who would fit, the mean of all. */
const excess = (world: World, latencyMs: (a: Id, b: Id) => number): number => {
  let sum = 0
  let count = 0
  const ids = world.members()
  for (const me of ids)
    for (const [row, entries] of rowsOf(world, me).slice(0, 2).entries())
      for (const { id } of entries) {
        const prefix = id.slice(0, row + 1)
        const best = Math.min(
          ...ids.filter((other) => other !== me && other.startsWith(prefix)).map((other) => latencyMs(me, other)),
        )
        sum += latencyMs(me, id) - best
        count++
      }
  return sum / count
}

describe('a network of 48 nodes on a plane, that has come by arrivals', () => {
  const world = new World({ seed: 1, latency: 'plane', encode: false, settings: { ...settings, refreshRowsEveryMs: 10_000 } })
  // What must hold at every moment is looked at elsewhere.
  world.demanding = false
  beforeAll(() => world.boot(48))
  const plane = latencyOf('plane', 1)

  test('round trips in /nodeinfo are what calls take', () => {
    const [me = ''] = world.members()
    const from = world.host(me).index
    for (const { id, ms } of leavesOf(world, me)) expect(Math.abs(ms - 2 * plane(from, world.host(id).index))).toBeLessThan(12)
  })

  test('each call is measured once', async () => {
    const [me = '', other = ''] = world.members()
    const { overlay } = world.host(me).node as Node
    const { table } = overlay as unknown as { table: Table }
    const { call, ports } = overlay as unknown as {
      call: (peer: Peer, name: string, request: object) => Promise<unknown>
      ports: { network: { call: (peer: Peer, ...rest: unknown[]) => Promise<unknown> } }
    }
    const admit = table.admit.bind(table)
    const ask = ports.network.call
    let measured = 0
    let answered = 0
    ports.network.call = async (peer, ...rest) => {
      const answer = await ask.call(ports.network, peer, ...rest)
      if (peer.id === other) answered++
      return answer
    }
    // What was under way to the same node is over by then.
    await world.run(2 * world.config.callTimeoutMs)
    answered = 0
    table.admit = (peer, rttMs) => {
      if (peer.id === other) measured++
      return admit(peer, rttMs)
    }
    let isDone = false
    world.host(me).after(0, () => void call.call(overlay, world.peer(other), 'leaves', {}).then(() => (isDone = true)))
    await world.until(
      () => isDone,
      1000,
      () => 'no answer',
    )
    table.admit = admit
    ports.network.call = ask
    expect(measured).toBe(answered)
    expect(measured).toBeGreaterThan(0)
  })

  test('entries are hardly farther away than the nearest who would fit', () => {
    const latencyMs = (a: Id, b: Id) => plane(world.host(a).index, world.host(b).index)
    expect(excess(world, latencyMs)).toBeLessThan(8)
  })

  test('lookups travel as far as with the best tables there are, within a tenth', async () => {
    const ids = [...world.members()]
    const latency = (a: number, b: number) => plane(world.host(ids[a] as Id).index, world.host(ids[b] as Id).index)
    const best = new StillPastry(
      ids.map((id) => world.peer(id)),
      { leafSet: 16, latency, seed: 1 },
    )
    const length = (way: readonly Pick<Peer, 'id'>[]) =>
      way.slice(1).reduce((sum, { id }, at) => sum + latency(ids.indexOf((way[at] as Peer).id), ids.indexOf(id)), 0)
    let ours = 0
    let theirs = 0
    for (const from of ids.slice(0, 30))
      for (const key of ids.slice(30, 34)) {
        const { path } = await world.call(from, 'find', { key, mode: 'prefix' })
        ours += length([{ id: from }, ...path, { id: key }])
        theirs += length([{ id: from }, ...(await best.lookup(world.peer(from), key)).path])
      }
    expect(ours / theirs).toBeLessThan(1.1)
  })

  test('whoever dies is out of all tables in the end, and its places are filled where somebody fits', async () => {
    const doomed = [3, 30, 31, 45].map((at) => world.members()[at] as Id)
    for (const id of doomed) world.crash(id)
    await world.settle()
    await world.run(world.config.refreshRowsEveryMs)
    for (const id of world.members()) {
      expect(everyone(world, id).filter((other) => doomed.includes(other))).toEqual([])
      const digits = new Set(world.members().flatMap((other) => (other[0] === id[0] ? [] : [other[0]])))
      expect(rowsOf(world, id)[0]).toHaveLength(digits.size)
    }
  })
})

test('while some are dying nobody answers for keys whose owners it does not know', async () => {
  const world = new World({ seed: 3, encode: false, settings })
  const ids = await world.boot(40)
  const keys = [...ids]
  const doomed = new Set([5, 6, 20, 33].map((at) => ids[at] as Id))
  for (const id of doomed) world.crash(id)
  const live = keys.filter((id) => !doomed.has(id))
  const wrong: string[] = []
  for (let round = 0; round < 60; round++) {
    await world.run(50)
    for (const me of live)
      for (const key of live) {
        const { peers, final } = world.host(me).node?.overlay.route(key, 1, new Set(), 'prefix') ?? {}
        if (final && peers?.[0]?.id !== key) wrong.push(`after ${50 * round} ms ${me} says ${peers?.[0]?.id} owns ${key}`)
      }
  }
  expect(wrong).toEqual([])
  await world.settle()
})

test('of a network that shrinks below the leaf set everyone knows everyone, and is sure of it', async () => {
  const world = new World({ seed: 4, encode: false, settings })
  const ids = await world.boot(20)
  world.demanding = false
  for (const id of ids.slice(0, 8)) {
    world.crash(id)
    await world.run(2000)
  }
  await world.settle()
  const members = world.members()
  for (const me of members)
    for (const key of members)
      expect(world.host(me).node?.overlay.route(key, 1, new Set(), 'prefix')).toMatchObject({
        peers: [{ id: key }],
        final: true,
      })
})

test('whoever is dead and still named by others is not asked again and again', async () => {
  const world = new World({ seed: 2, settings })
  const [victim = ''] = await world.boot(12)
  world.crash(victim)
  await world.settle()
  const before = world.messages
  await world.run(20_000)
  const quiet = world.messages - before
  // Each second a node asks the next one, and one in turn; twice in ten it looks for strangers.
  expect(quiet / world.members().length / 20).toBeLessThan(8)
})

test('two halves of a network that was cut meet again, whatever the quarantine', async () => {
  const world = new World({ seed: 1, encode: false, settings: { ...settings, quarantineMs: 3600_000 } })
  const ids = await world.boot(12)
  world.demanding = false
  world.partition(ids.slice(0, 6), ids.slice(6))
  await world.run(30_000)
  for (const id of ids.slice(0, 6)) expect(everyone(world, id).filter((other) => ids.indexOf(other) >= 6)).toEqual([])
  world.heal()
  await world.settle(120_000)
  expect(world.members()).toHaveLength(12)
})

test('who has lost everyone at once finds those whom it remembers', async () => {
  const world = new World({ seed: 5, encode: false, settings })
  const ids = await world.boot(18)
  world.demanding = false
  const [lonely = ''] = ids
  world.partition([lonely], ids.slice(1))
  await world.run(30_000)
  expect(leavesOf(world, lonely)).toEqual([])
  world.heal()
  await world.settle()
})

test('a newcomer whose id is taken is refused; one of a false id too', async () => {
  const world = new World({ seed: 6, settings: { ...settings, bits: 32 } })
  const [first = ''] = await world.boot(3)
  const state = (asked: Asked<unknown>) => (asked.state === 'refused' ? asked.error.error : asked.state)
  const arrive = (id: Id) => world.ask(first, 'arrive', { id, url: 'http://10.9.9.9:1', avoid: [] })
  const taken = arrive(first)
  await world.run(100)
  // An id is the hash of its url: whoever takes another's lies.
  expect(state(taken)).toBe('BAD_ID')
  const notice = world.ask(first, 'notice', { id: '00000000', url: 'http://10.9.9.9:1' })
  await world.run(100)
  expect(state(notice)).toBe('BAD_ID')
})

test('whoever was cut off from its whole leaf set is in no doubt afterwards', async () => {
  const world = new World({ seed: 1, encode: false, settings })
  world.demanding = false
  await world.boot(30)
  const ids = [...world.members()].sort()
  const few = ids.filter((_, at) => at % 10 === 0)
  world.partition(
    few,
    ids.filter((id) => !few.includes(id)),
  )
  await world.run(20_000)
  world.heal()
  await world.settle()
  // Sets may be whole before whoever looks into its own has heard all of them.
  await world.until(
    () => doubtful(world).length === 0,
    world.config.stabilizeEveryMs,
    () => `in doubt: ${doubtful(world).join()}`,
  )
})

test('two of one leaf set that did not hear each other for a while are in it again two minutes later', async () => {
  const world = await worldOf('pastry', 32, { membership: 'local' })
  const ids = sorted(world)
  const pairs = ids.slice(0, 7).map((id, at) => [id, ids[at + 8] as Id] as const)
  const pairOf = new Map(pairs.flatMap((pair, at) => pair.map((id) => [world.host(id).url, at] as const)))
  const { net } = world as unknown as { net: { blocks: (from: string, to: string) => boolean } }
  net.blocks = (from, to) => from !== to && pairOf.has(from) && pairOf.get(from) === pairOf.get(to)
  const apart = () => pairs.filter(([one, other]) => !leafSetOf(world, one).get(other) || !leafSetOf(world, other).get(one))
  await world.run(60_000)
  expect(apart()).not.toEqual([])
  world.heal()
  await world.run(120_000)
  expect(apart()).toEqual([])
})

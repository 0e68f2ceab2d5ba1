/** Whoever refuses is there, and whoever names others may lie: neither makes a node do what it should not. */
import { describe, expect, test } from 'vitest'
import type { Node, NodeApi } from '../../src/node/node.ts'
import { place as nearestByXor } from '../../src/overlay/kademlia/placement.ts'
import { kindOf, type OverlayName, overlayNames } from '../../src/overlay/overlays.ts'
import type { LeafSet } from '../../src/overlay/pastry/leaf-set.ts'
import { Refusal } from '../../src/protocol/errors.ts'
import type { Handlers } from '../../src/protocol/rpc.ts'
import type { Mode, Peer } from '../../src/protocol/schemas.ts'
import type { Id } from '../../src/space/id.ts'
import { step } from '../../src/space/ring.ts'
import { commonBits } from '../../src/space/xor.ts'
import { hash } from '../../src/sim/host.ts'
import { World } from '../../src/sim/world.ts'

type Row = keyof NodeApi & string

const nodeOf = (world: World, id: Id): Node => {
  const { node } = world.host(id)
  if (!node) throw new Error(`nobody lives at ${id}`)
  return node
}
const sorted = (world: World): Id[] => [...world.members()].sort()
const worldOf = async (
  overlay: OverlayName,
  count: number,
  settings: object = {},
  log?: (line: string) => void,
): Promise<World> => {
  const world = new World({
    seed: 1,
    encode: false,
    settings: { overlay, membership: 'off', ...settings },
    ...(log ? { log } : {}),
  })
  await world.boot(count)
  await world.run(5000)
  world.demanding = false
  return world
}

/** Answers to these rows in place of a node's own, until the returned function is called. */
const replace = (node: Node, rows: readonly Row[], answer: (request: never) => unknown): (() => void) => {
  const handlers = node.handlers as Record<Row, unknown>
  const own = Object.fromEntries(rows.filter((name) => handlers[name]).map((name) => [name, handlers[name]]))
  for (const name of Object.keys(own)) handlers[name as Row] = answer
  return () => Object.assign(handlers, own)
}
const busy = (): never => {
  throw new Refusal('OVERLOADED', 'this node is alive and behind with its work')
}
/** What a node is asked in the course of its upkeep. */
const upkeep = [
  ...(['predecessors', 'neighborhood', 'approach', 'offerPredecessor', 'offerSuccessor', 'join'] as const),
  ...(['findNode', 'ping', 'arrive', 'leaves', 'state'] as const),
]
/** Calls of one row that arrive at a url, per line of the log. */
const counting = (name: string) => {
  const calls = { count: 0, from: '', to: '' }
  const log = (line: string) => {
    const [, from, to, row] = /^\d+ (\S+) > (\S+) (\S+) /.exec(line) ?? []
    if (row === name && (calls.from === '' || calls.from === from) && (calls.to === '' || calls.to === to)) calls.count++
  }
  return { calls, log }
}

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
  const modes: Readonly<Record<OverlayName, Mode>> = { chord: 'fingers', kademlia: 'buckets', pastry: 'prefix' }
  test.each(overlayNames)('is passed by whoever looks something up: %s', async (overlay) => {
    const world = await worldOf(overlay, 30)
    const [there = '', ...others] = world.members()
    replace(nodeOf(world, there), ['route'], () => {
      throw new Refusal('INTERNAL', 'this node has a defect')
    })
    for (const [at, id] of others.entries()) {
      const key = ((at * 61) % 256).toString(16).padStart(2, '0').padEnd(40, '7')
      await expect(world.call(id, 'find', { key, mode: modes[overlay] })).resolves.toMatchObject({ key })
    }
  })

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

describe('one that names others who are not there', () => {
  test('keeps nobody busy who looks for the place of a newcomer', async () => {
    const { calls, log } = counting('approach')
    const world = await worldOf('chord', 12, { allowCustomIds: true }, log)
    const ids = sorted(world)
    const [asked = '', liar = ''] = [ids[0], ids[5]]
    const place = step(liar, 1n)
    const honest = nodeOf(world, liar).handlers.approach as Handlers<NodeApi>['approach']
    let named = 0
    replace(nodeOf(world, liar), ['approach'], (request: { id: Id; count: number; avoid: Id[] }) => {
      if (request.id !== place) return honest(request)
      const nobody = { id: step(liar, BigInt(++named + 1)), url: `http://nobody-${named}.x:1` }
      return { final: true, peers: [world.peer(liar), nobody] }
    })
    world.ask(asked, 'join', { id: place, url: 'http://joiner.x:1' })
    await world.run(20_000)
    Object.assign(calls, { from: world.host(asked).url, count: 0 })
    await world.run(10_000)
    expect(calls.count).toBeLessThan(30)
  })

  test('fills no successor list with them', async () => {
    const world = await worldOf('chord', 10)
    const ids = sorted(world)
    const liar = ids[5] ?? ''
    const { url } = world.host(liar)
    const forged = [1n, 2n, 3n, 4n].map((by): Peer => ({ id: step(liar, by), url }))
    const honest = nodeOf(world, liar).handlers.neighborhood as Handlers<NodeApi>['neighborhood']
    replace(nodeOf(world, liar), ['neighborhood'], async () => ({ ...(await honest({})), successors: forged }))
    await world.run(10_000)
    const listed = ids.flatMap((id) => nodeOf(world, id).overlay.neighbors())
    expect(listed.filter(({ id }) => forged.some((one) => one.id === id))).toEqual([])
  })

  test.each(overlayNames)('under the id of another has not its place among those once met: %s', async (overlay) => {
    const world = await worldOf(overlay, 6)
    const [first = '', other = ''] = world.members()
    const { overlay: known } = nodeOf(world, first)
    known.admit({ id: other, url: 'http://evil.example:1' }, 1)
    known.introduce({ id: 'f'.repeat(40), url: 'http://evil.example:1' })
    const urls = known.view().acquaintances.map(({ peer }) => peer.url)
    expect(urls).toContain(world.host(other).url)
    expect(urls).not.toContain('http://evil.example:1')
  })
})

describe('one that lies', () => {
  test.each(overlayNames)('and says that ids are taken keeps nobody out of %s', async (overlay) => {
    const world = await worldOf(overlay, 8)
    const liar = nodeOf(world, sorted(world)[3] ?? '')
    const by = { id: liar.me.id, url: 'http://10.9.9.9:1' }
    replace(liar, ['join', 'findNode', 'arrive'], () => {
      throw new Refusal('ID_TAKEN', 'that id is taken', { by })
    })
    for (let newcomer = 0; newcomer < 6; newcomer++) {
      world.add({ seeds: world.members().map((id) => world.peer(id)) })
      await world.settle()
    }
    expect(world.members()).toHaveLength(14)
  })

  test.each(overlayNames)('and names an id that is none owns no key in %s', async (overlay) => {
    const world = await worldOf(overlay, 12)
    const key = '0123456789'.repeat(4)
    const url = 'http://fake.example:1'
    world.add({ id: key, url, seeds: [{ id: 'f'.repeat(40), url: 'http://10.9.9.9:1' }] })
    await world.run(500)
    const fake = world.running().find((host) => host.url === url)?.node
    for (const node of [
      fake,
      ...sorted(world)
        .slice(3, 9)
        .map((id) => nodeOf(world, id)),
    ])
      if (node) replace(node, ['route'], () => ({ peers: [{ id: key, url }], final: true }))
    const [asker = ''] = sorted(world)
    const mode = kindOf(overlay).modes[0] as Mode
    const found = await world.call(asker, 'find', { key, mode }).catch((error: unknown) => error)
    expect(JSON.stringify(found)).not.toContain(url)
  })

  /** Ever new names of the silent, nearer each time. */
  const naming = (world: World, liar: Id): void => {
    let number = 0
    const fresh = (near: Id): Peer => {
      for (;;) {
        const url = `http://nobody-${number++}.example:1`
        const id = hash(url)
        if (commonBits(id, near) >= 7) return { id, url }
      }
    }
    replace(nodeOf(world, liar), ['findNode'], ({ id }: { id: Id }) => ({ peers: Array.from({ length: 8 }, () => fresh(id)) }))
    const { net } = world as unknown as { net: { blocks: (from: string, to: string) => boolean } }
    net.blocks = (_from, to) => to.includes('nobody')
  }
  const nearest = (world: World, id: Id, others: readonly Id[]): Id =>
    nearestByXor(
      id,
      others.map((other) => world.peer(other)),
      1,
    )[0]?.id ?? ''

  test('and names ever new ones keeps nobody out of Kademlia, nor from refreshing all buckets', async () => {
    const world = await worldOf('kademlia', 6)
    const url = 'http://newcomer.example:1'
    const newcomer = hash(url)
    naming(world, nearest(world, newcomer, world.members()))
    world.add({ url, seeds: world.members().map((id) => world.peer(id)) })
    await world.run(60_000)
    expect(world.members()).toContain(newcomer)
    const refresh = nodeOf(world, newcomer).overlay.jobs.find(({ name }) => name === 'refresh')
    let isDone = false
    world.host(newcomer).after(0, () => void refresh?.run().then(() => (isDone = true)))
    await world.run(120_000)
    expect(isDone).toBe(true)
  })
})

test.each([
  ['kademlia', 'ping', 'findNode'],
  ['pastry', 'leaves', 'state'],
] as const)('two answers of one moment that were lost drop nobody from %s', async (overlay, ...rows) => {
  const world = await worldOf(overlay, 40)
  const [one = '', other = ''] = sorted(world).slice(20)
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

describe('Pastry', () => {
  const leavesOf = (world: World, id: Id): LeafSet =>
    (nodeOf(world, id).overlay as unknown as { table: { leaves: LeafSet } }).table.leaves

  test('one answer that was lost drops nobody', async () => {
    const world = await worldOf('pastry', 40)
    const ids = sorted(world)
    const [one = '', other = ''] = ids.slice(20)
    const dropped: number[] = []
    world.deafen([other], [one])
    world.host(one).after(0, () => nodeOf(world, one).overlay.evict(other))
    await world.run(100)
    world.heal()
    for (let round = 0; round < 60; round++) {
      await world.run(50)
      if (!leavesOf(world, one).get(other)) dropped.push(50 * round)
    }
    expect(dropped).toEqual([])
  })

  test.each([0, 1])('whoever is known is asked for a sign of life in turn, though %i of them refuse', async (refusers) => {
    const heard = new Map<string, number>()
    let from = ''
    const world = await worldOf('pastry', 60, {}, (line) => {
      const [, asker, asked = ''] = /^\d+ (\S+) > (\S+) /.exec(line) ?? []
      if (asker === from) heard.set(asked, world.nowMs)
    })
    const [me = '', ...others] = world.members().slice(7)
    for (const id of others.slice(0, refusers)) replace(nodeOf(world, id), ['leaves'], busy)
    const { table } = nodeOf(world, me).overlay as unknown as { table: { known: Peer[] } }
    from = world.host(me).url
    const silent: string[] = []
    for (const until = world.nowMs + 200_000; world.nowMs < until; ) {
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

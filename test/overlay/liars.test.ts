/** Whoever lies to all, or refuses all, does no more harm than one that is not there. */
import { describe, expect, test } from 'vitest'
import type { NodeApi } from '../../src/node/api.ts'
import { place as nearestByXor } from '../../src/overlay/kademlia/placement.ts'
import { kindOf, type OverlayName, overlayNames } from '../../src/overlay/overlays.ts'
import { type ErrorCode, errorStatus, Refusal } from '../../src/protocol/errors.ts'
import type { Held, Told } from '../../src/protocol/peer-api.ts'
import type { Handlers } from '../../src/protocol/rpc.ts'
import type { Mode, Peer } from '../../src/protocol/schemas.ts'
import { hash } from '../../src/sim/host.ts'
import { calm } from '../../src/sim/weather.ts'
import type { World } from '../../src/sim/world.ts'
import type { Id } from '../../src/space/id.ts'
import { step } from '../../src/space/ring.ts'
import { commonBits } from '../../src/space/xor.ts'
import { counting, leavesOf, nobodies, nodeOf, refuse, replace, silence, sorted, worldOf } from './worlds.ts'

const modeOf = (overlay: OverlayName): Mode => kindOf(overlay).modes[0] as Mode
const knows = (world: World, id: Id): number => nodeOf(world, id).overlay.neighbors().length
const joinsWithin = async (world: World, ms: number, newcomer: Id): Promise<boolean> => {
  for (let at = 0; at < ms && !world.members().includes(newcomer); at += 500) await world.run(500)
  return world.members().includes(newcomer)
}

/** From now on that one answers its members by whatever id it is called. */
const answerToAll = (world: World, liar: Id): void => {
  const { url } = world.peer(liar)
  for (const id of world.members()) {
    const { network } = (
      nodeOf(world, id).overlay as unknown as { ports: { network: { call: (...of: [Peer, ...unknown[]]) => unknown } } }
    ).ports
    const call = network.call.bind(network)
    network.call = (peer, ...rest) => call(peer.url === url ? world.peer(liar) : peer, ...rest)
  }
}

/** As it would be anywhere else. */
const elsewhere: Told = {
  key: hash('elsewhere'),
  index: `v:${hash('elsewhere')}`,
  value: 'elsewhere',
  contentType: 'text/plain',
  version: { hlc: '0', origin: '' },
}

describe('one that refuses', () => {
  test.each(overlayNames)('is gone round by lookups, whatever it says: %s', async (overlay) => {
    const world = await worldOf(overlay, 30)
    const [there, ...others] = world.members() as [Id, ...Id[]]
    for (const code of ['NO_ROUTE', 'ID_TAKEN', 'BAD_ID', 'INTERNAL'] as const) {
      replace(nodeOf(world, there), ['route'], refuse(code))
      for (const [at, id] of others.entries()) {
        const key = ((at * 61) % 256).toString(16).padStart(2, '0').padEnd(40, '7')
        await expect(world.call(id, 'find', { key, mode: modeOf(overlay) })).resolves.toMatchObject({ key })
      }
    }
  })

  test.each(overlayNames)('takes no content from others, whatever it says: %s', async (overlay) => {
    const world = await worldOf(overlay, 8)
    const value = 'hello'
    const { owner } = await world.call(world.anyone(), 'store', { value })
    const asker = world.members().find((id) => id !== owner.id) ?? ''
    for (const code of Object.keys(errorStatus) as ErrorCode[]) {
      const restore = replace(nodeOf(world, owner.id), ['get', 'insert', 'keep'], refuse(code))
      expect((await world.call(asker, 'lookupBy', { value })).values, code).toMatchObject([{ value }])
      expect((await world.call(asker, 'store', { value })).stored, code).toBeGreaterThanOrEqual(2)
      restore()
    }
  })

  // The refusals of writes were those of reads as well.
  test.each(overlayNames)('keeps no name from whoever reads it, whatever it says: %s', async (overlay) => {
    const world = await worldOf(overlay, 8)
    const { key } = await world.call(world.anyone(), 'store', { value: 'red', name: 'rose' })
    const holders = (await world.call(world.anyone(), 'find', { key })).window.map(({ id }) => id)
    const asker = world.members().find((id) => !holders.includes(id)) ?? ''
    for (const code of Object.keys(errorStatus) as ErrorCode[])
      for (const holder of holders) {
        const restore = replace(nodeOf(world, holder), ['get'], refuse(code))
        expect((await world.call(asker, 'lookupBy', { name: 'rose' })).values, code).toMatchObject([{ value: 'red' }])
        restore()
      }
  })

  test.each([
    ['before', -5n],
    ['after', 5n],
  ])('for ever keeps nobody out of a Chord ring whose place is right %s it', async (_where, by) => {
    const world = await worldOf('chord', 8, { allowCustomIds: true })
    const ids = sorted(world)
    const bad = ids[3] ?? ''
    replace(nodeOf(world, bad), ['predecessors'], refuse('INTERNAL'))
    const id = step(bad, by)
    world.add({ id, seeds: ids.filter((one) => one !== bad).map((one) => world.peer(one)) })
    expect(await joinsWithin(world, 60_000, id)).toBe(true)
  })

  test.each([8, 24])('for ever keeps nobody out of a Pastry network of %i', async (count) => {
    const world = await worldOf('pastry', count)
    replace(nodeOf(world, world.members()[3] as Id), ['leaves', 'state', 'arrive'], refuse('INTERNAL'))
    const out: Id[] = []
    for (let newcomer = 0; newcomer < 5; newcomer++) {
      const id = world.add({ seeds: [world.peer(world.members()[0] as Id)] })
      if (!(await joinsWithin(world, 60_000, id))) out.push(id)
    }
    expect(out).toEqual([])
  })

  test('leaves nobody beside it in Pastry in doubt', async () => {
    const world = await worldOf('pastry', 24)
    const ids = sorted(world)
    replace(nodeOf(world, ids[5] as Id), ['leaves'], refuse('OVERLOADED'))
    world.crash(ids[9] as Id)
    await world.run(60_000)
    expect(world.members().filter((id) => leavesOf(world, id).isDoubtful)).toEqual([])
  })
})

describe('one that names others under ids that are not theirs, or who are not there', () => {
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
    const urls = known.acquaintances.map(({ peer }) => peer.url)
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

  test.each(overlayNames)(
    'and says that its window is huge keeps nobody from writing and reading names in %s',
    async (overlay) => {
      const world = await worldOf(overlay, 8)
      const name = 'motd'
      const window = world.window(hash(name)).map(({ id = '' }) => id)
      const liar = nodeOf(world, window[0] ?? '')
      const { get, insert } = liar.handlers
      const huge = { window: 1_000_000 }
      replace(liar, ['get'], async (request) => ({ ...(await get(request)), ...huge }))
      replace(liar, ['insert'], async (request) => ({ ...(await insert(request)), ...huge }))
      replace(liar, ['keep'], ({ records }: { records: unknown[] }) => ({ kept: records.map(() => false) }))
      const reader = sorted(world).find((id) => !window.includes(id)) ?? ''
      for (const value of ['hello', 'hello again']) {
        expect(await world.call(reader, 'store', { name, value })).toMatchObject({ stored: 3 })
        expect(await world.call(reader, 'lookupBy', { name })).toMatchObject({ values: [{ value }] })
      }
    },
  )

  const lies: Record<string, (record: Told) => Told> = {
    'another value': (record) => ({ ...record, value: 'another' }),
    'the value of another key': () => elsewhere,
    'base64 that is none': (record) => ({ ...record, encoding: 'base64' }),
    'another name': (record) => ({ ...record, name: 'another', version: { ...record.version, origin: 'z' } }),
  }
  test.each(overlayNames.flatMap((overlay) => Object.entries(lies).map(([what, lie]) => [what, overlay, lie] as const)))(
    'and gives %s is believed by nobody in %s',
    async (_what, overlay, lie) => {
      const world = await worldOf(overlay, 8)
      const value = 'hello!'
      const window = world.window(hash(value)).map(({ id = '' }) => id)
      await world.call(window[0] ?? '', 'store', { value })
      const { owner } = await world.call(window[0] ?? '', 'store', { value, name: 'motd' })
      for (const id of new Set([window[0] ?? '', owner.id])) {
        const { get } = nodeOf(world, id).handlers
        replace(nodeOf(world, id), ['get'], async (request) => {
          const held: Held = await get(request)
          return { ...held, records: held.records.map(lie) }
        })
      }
      for (const id of sorted(world).filter((one) => !window.includes(one))) {
        const found = [await world.call(id, 'lookupBy', { value }), await world.call(id, 'lookupBy', { name: 'motd' })]
        const told = found.map(({ values }) => values.map(({ value, encoding, name }) => ({ value, encoding, name })))
        expect(told).toEqual([[{ value }], [{ value, name: 'motd' }]])
      }
    },
  )

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
    const found = await world.call(asker, 'find', { key, mode: modeOf(overlay) }).catch((error: unknown) => error)
    expect(JSON.stringify(found)).not.toContain(url)
  })

  /** Ever new names of the silent, nearer each time. */
  const naming = (world: World, liar: Id): void => {
    const any = nobodies()
    const fresh = (near: Id): Peer => {
      for (;;) {
        const one = any()
        if (commonBits(one.id, near) >= 7) return one
      }
    }
    replace(nodeOf(world, liar), ['findNode'], ({ id }: { id: Id }) => ({ peers: Array.from({ length: 8 }, () => fresh(id)) }))
    silence(world)
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

test.each(overlayNames)('one that says that it knows nobody ends no lookup of a client: %s', async (overlay) => {
  const world = await worldOf(overlay, 24)
  const [liar, ...others] = world.members() as [Id, ...Id[]]
  replace(nodeOf(world, liar), ['route'], () => ({ final: false, peers: [] }))
  const key = step(liar, 1n)
  for (const asker of others)
    await expect(world.call(asker, 'find', { key, mode: modeOf(overlay) })).resolves.toMatchObject({ key })
})

describe('one that names those who are not there', () => {
  test.each([
    ['chord', 30],
    ['kademlia', 5],
    ['pastry', 40],
  ] as const)('and ever new ones ends no lookup of a client: %s of %i', async (overlay, count) => {
    const world = await worldOf(overlay, count)
    const [liar, ...others] = world.members() as [Id, ...Id[]]
    const fresh = nobodies()
    replace(nodeOf(world, liar), ['route'], () => ({ final: false, peers: [fresh(), fresh(), fresh()] }))
    if (overlay === 'kademlia') silence(world)
    const key = step(liar, 1n)
    for (const asker of others)
      await expect(world.call(asker, 'find', { key, mode: modeOf(overlay) })).resolves.toMatchObject({ key })
  })

  test.each(['refusing', 'silent'])('leaves nobody beside it in Pastry in doubt: %s ones', async (how) => {
    const world = await worldOf('pastry', 24)
    const ids = sorted(world)
    const liar = nodeOf(world, ids[5] as Id)
    if (how === 'silent') silence(world)
    const honest = liar.handlers.leaves as Handlers<NodeApi>['leaves']
    const named = Array.from({ length: 30 }, nobodies())
    replace(liar, ['leaves'], async () => {
      const { leaves } = await honest({})
      return { leaves: [...leaves.slice(0, 8), ...named, ...leaves.slice(8)] }
    })
    world.crash(ids[9] as Id)
    await world.run(120_000)
    expect(world.members().filter((id) => id !== liar.me.id && leavesOf(world, id).isDoubtful)).toEqual([])
  })

  test.each([
    ['kademlia', 'findNode'],
    ['pastry', 'leaves'],
  ] as const)('makes nobody ask them again and again: %s', async (overlay, row) => {
    const world = await worldOf(overlay, 8)
    const liar = nodeOf(world, world.members()[2] as Id)
    const nobody = nobodies()()
    const honest = liar.handlers[row] as (request: never) => Promise<Record<string, Peer[]>>
    replace(liar, [row], async (request: never) =>
      Object.fromEntries(Object.entries(await honest(request)).map(([name, peers]) => [name, [...peers, nobody].slice(-8)])),
    )
    const asked = new Map<string, number>()
    silence(world, (from) => asked.set(from, (asked.get(from) ?? 0) + 1))
    await world.run(60_000)
    expect(asked.size).toBeGreaterThan(0)
    // Each of the others once in ten seconds.
    expect([...asked.values()].filter((times) => times > 7)).toEqual([])
  })

  test('of itself to Kademlia leaves room for those who are', async () => {
    const world = await worldOf('kademlia', 6)
    const [asked, seed] = world.members() as [Id, Id]
    const fresh = nobodies()
    silence(world)
    const claim = () => {
      for (let name = 0; name < 32; name++) void nodeOf(world, asked).handlers.ping({ from: fresh() } as never)
      world.host(asked).after(400, claim)
    }
    world.host(asked).after(0, claim)
    await world.run(1000)
    const newcomer = world.add({ seeds: [world.peer(seed)] })
    await world.run(15_000)
    expect(
      nodeOf(world, asked)
        .overlay.neighbors()
        .map(({ id }) => id),
    ).toContain(newcomer)
  })
})

test('a goodbye in the name of one who is there is looked into, and changes nothing', async () => {
  const world = await worldOf('kademlia', 8)
  const [first, ...others] = world.members() as [Id, ...Id[]]
  const before = knows(world, first)
  for (const other of others)
    for (let time = 0; time < 3; time++) await nodeOf(world, first).handlers.goodbye({ from: world.peer(other) })
  await world.run(2000)
  expect(knows(world, first)).toBe(before)
})

test.each(['kademlia', 'pastry'] as const)(
  'nobody whose id is not that of its url gets into the table by answering: %s',
  async (overlay) => {
    const world = await worldOf(overlay, 8)
    const [first] = world.members() as [Id]
    const { overlay: table } = nodeOf(world, first)
    const beside = first.slice(0, -1) + (first.endsWith('0') ? '1' : '0')
    table.admit({ id: beside, url: 'http://somewhere.example:1' }, 1)
    expect(table.neighbors().map(({ id }) => id)).not.toContain(beside)
  },
)

test.each(overlayNames)('one that names ever new silent ones near a key ends no lookup: %s', async (overlay) => {
  const world = await worldOf(overlay, 24)
  const [liar, ...others] = world.members() as [Id, ...Id[]]
  const key = step(liar, 1n)
  const any = nobodies()
  const fresh = (): Peer => {
    for (;;) {
      const one = any()
      if (commonBits(one.id, key) >= 8) return one
    }
  }
  const peers = () => ({ final: false, peers: Array.from({ length: 8 }, fresh) })
  replace(nodeOf(world, liar), ['route', 'findNode'], peers)
  silence(world)
  for (const asker of others.filter((_, at) => at % 3 === 0))
    await expect(world.call(asker, 'find', { key, mode: modeOf(overlay) })).resolves.toMatchObject({ key })
})

test('one that says it is of another ring, and names our own nodes for its successors, makes nobody give ours up', async () => {
  const by: string[] = []
  const world = await worldOf('chord', 16, {}, (line) => {
    const [, url] = /^\d+ (\S+) info ring given up/.exec(line) ?? []
    if (url) by.push(url)
  })
  const ids = sorted(world)
  const liar = nodeOf(world, ids[8] ?? '')
  const any = nobodies()
  let first = any()
  while (first.id > (ids[0] ?? '')) first = any()
  const honest = liar.handlers.approach as Handlers<NodeApi>['approach']
  replace(liar, ['approach'], (request: { id: Id; count: number; avoid: Id[] }) => {
    if (/^0+$/.test(request.id)) return { final: true, peers: [liar.me, first] }
    return ids.includes(request.id) ? { final: true, peers: [liar.me] } : honest(request)
  })
  await world.run(120_000)
  expect(by.filter((url) => url !== liar.me.url)).toEqual([])
})

test('one that speaks of itself as another gives a newcomer nobody for its predecessor', async () => {
  const world = await worldOf('chord', 8, { allowCustomIds: true })
  const liar = sorted(world)[3] ?? ''
  const forged = { id: step(liar, 1n), url: 'http://nobody.example:1' }
  const honest = nodeOf(world, liar).handlers.neighborhood as () => object
  replace(nodeOf(world, liar), ['neighborhood'], () => ({ ...honest(), self: forged }))
  const id = step(liar, 5n)
  world.add({ id, seeds: [world.peer(liar)] })
  expect(await joinsWithin(world, 10_000, id)).toBe(true)
  expect(nodeOf(world, id).overlay.attributes['predecessor']).toEqual(world.peer(liar))
})

test('a predecessor that names others under ids that are not theirs gets none of them into a cell', async () => {
  const world = await worldOf('chord', 10)
  const ids = sorted(world)
  const liar = ids[5] ?? ''
  const { url } = world.host(liar)
  const forged = [1n, 2n].map((by): Peer => ({ id: step(liar, -by), url }))
  replace(nodeOf(world, liar), ['predecessors'], () => ({ predecessors: forged }))
  await world.run(30_000)
  const windows = ids
    .filter((id) => id !== liar)
    .flatMap((id) =>
      nodeOf(world, id)
        .overlay.cells()
        .map(({ window }) => window),
    )
  expect(windows.flat().filter(({ id }) => forged.some((one) => one.id === id))).toEqual([])
})

test.each([
  ['kademlia', 'findNode'],
  ['pastry', 'leaves'],
  ['pastry', 'state'],
] as const)('one who says to everyone that ids are taken makes nobody give up its own: %s, %s', async (overlay, name) => {
  const world = await worldOf(overlay, 6)
  const liar = world.members()[2] as Id
  nodeOf(world, liar).handlers[name] = refuse('ID_TAKEN')
  await world.run(30_000)
  expect(world.members().map((id) => nodeOf(world, id).state)).toEqual(world.members().map(() => 'ready'))
})

test.each([
  ['chord', 'neighborhood'],
  ['kademlia', 'findNode'],
  ['pastry', 'leaves'],
] as const)('one who names itself under the ids of all who ask makes nobody give up its own: %s, %s', async (overlay, name) => {
  const given: string[] = []
  const world = await worldOf(overlay, 6, {}, (line) => {
    if (line.includes(' id is taken')) given.push(line)
  })
  const ids = sorted(world)
  // Of two with one id the one whose url is less has it.
  const [url = ''] = ids.map((id) => world.peer(id).url).sort()
  const liar = nodeOf(world, ids.find((id) => world.peer(id).url === url) ?? '')
  const forged = ids.filter((id) => id !== liar.me.id).map((id): Peer => ({ id, url }))
  const before = forged.at(ids.indexOf(liar.me.id) - 1)
  const honest = liar.handlers[name] as (request: never) => Promise<object>
  const said = { leaves: forged, peers: forged, predecessor: before }
  replace(liar, [name], async (request: never) => {
    const answer = await honest(request)
    return { ...answer, ...Object.fromEntries(Object.entries(said).filter(([field]) => field in answer)) }
  })
  answerToAll(world, liar.me.id)
  await world.run(30_000)
  expect(given).toEqual([])
  expect(ids.map((id) => nodeOf(world, id).state)).toEqual(ids.map(() => 'ready'))
})

test('a lookup goes round one who refuses', async () => {
  const world = await worldOf('kademlia', 30)
  const [bad, ...others] = world.members() as [Id, ...Id[]]
  nodeOf(world, bad).handlers.route = refuse('BAD_REQUEST')
  for (const [at, id] of others.entries()) {
    const key = (at * 8).toString(16).padStart(2, '0').padEnd(40, '7')
    const { window } = await world.call(id, 'find', { key, mode: 'buckets' })
    const nearest = world.window(key).filter(({ id: one }) => one !== bad)
    expect(window[0]?.id).toBe(nearest[0]?.id)
  }
})

test.each(['kademlia', 'pastry'] as const)(
  'a newcomer gets in although one of those on its way has a defect: %s',
  async (overlay) => {
    const world = await worldOf(overlay, 8)
    const bad = world.members()[3] as Id
    for (const name of ['findNode', 'leaves', 'state'] as const) nodeOf(world, bad).handlers[name] = refuse('INTERNAL')
    const id = world.add()
    await world.until(
      () => world.members().includes(id),
      30_000,
      () => 'it has not joined',
    )
  },
)

describe.each(overlayNames)('one whose reads and writes fail, in %s,', (overlay) => {
  test.each(['off', 'local'] as const)('keeps nobody from what two others hold: membership %s', async (membership) => {
    const world = await worldOf(overlay, 8, { membership })
    await world.run(5000)
    const { key } = await world.call(world.anyone(), 'store', { value: 'hello' })
    await world.call(world.anyone(), 'store', { value: 'red', name: 'rose' })
    const { owner } = await world.call(world.anyone(), 'findBy', { name: 'rose' })
    for (const broken of [world.window(key)[0]?.id as Id, owner.id]) {
      // As a disk that cannot be read: whatever is no Refusal is answered so.
      const repair = replace(nodeOf(world, broken), ['get', 'insert', 'keep'], refuse('INTERNAL'))
      for (const id of world.members().filter((one) => one !== broken)) {
        await expect(world.call(id, 'lookup', { key })).resolves.toMatchObject({ key })
        await expect(world.call(id, 'lookupBy', { value: 'hello' })).resolves.toMatchObject({ key })
        await expect(world.call(id, 'lookupBy', { name: 'rose' })).resolves.toMatchObject({ values: [{ name: 'rose' }] })
        await expect(world.call(id, 'store', { value: 'hello' })).resolves.toMatchObject({ key })
        await expect(world.call(id, 'store', { value: id, name: 'rose' })).resolves.toMatchObject({ wanted: 3 })
      }
      repair()
    }
  })
})

// Each of them had it asked once more, and until all that was over nobody did without it.
test.each([0, 40])('one that is silent is given up, however often (%i a second) somebody says that it comes', async (often) => {
  const world = await worldOf('pastry', 8)
  const [keeper = '', dead = ''] = world.members()
  const peer = world.peer(dead)
  world.weather = { ...calm, silentDeaths: true }
  world.crash(dead)
  for (let second = 0; second < 10; second++) {
    for (let time = 0; time < often; time++) world.ask(keeper, 'arrive', { ...peer, avoid: [] })
    await world.run(1000)
  }
  await world.run(60_000)
  expect(
    nodeOf(world, keeper)
      .overlay.neighbors()
      .map(({ id }) => id),
  ).not.toContain(dead)
})

test.each(['kademlia', 'pastry'] as const)(
  'no exchange of members keeps a node from finding out who is gone: %s',
  async (overlay) => {
    const world = await worldOf(overlay, 8, { membership: 'local' })
    silence(world)
    const [keeper = '', dead = '', other = ''] = world.members()
    const named = Array.from({ length: 32 }, nobodies())
    const { incarnation } = nodeOf(world, keeper).config
    for (let time = 0; time < 10; time++)
      world.ask(keeper, 'sync', {
        members: Array.from({ length: 64 }, (_, at) => incarnation + 64 * time + at).flatMap((life) =>
          named.flatMap((one) => (['alive', 'suspect'] as const).map((state) => ({ ...one, incarnation: life, state }))),
        ),
      })
    await world.run(10_000)
    world.crash(dead)
    await world.run(60_000)
    const isKnown = (id: Id) =>
      nodeOf(world, id)
        .overlay.neighbors()
        .some((one) => one.id === dead)
    expect([isKnown(other), isKnown(keeper)]).toEqual([false, false])
  },
)

// It asked all whom they named, for the same rows again and again: nine minutes, with forty of them.
test.each([1, 40])(
  'a newcomer to Pastry is in within a minute, though it met %i who name those who are not there',
  async (liars) => {
    const world = await worldOf('pastry', 8)
    silence(world)
    const fresh = nobodies()
    const url = 'http://newcomer.example:1'
    const newcomer = hash(url)
    const seed = world.peer(sorted(world)[0] ?? '')
    // One machine under many names: by turns no digit in common, and two.
    const names = Array.from({ length: 20_000 }, (_, at) => `http://liar-${at}.example:1`)
    const shared = (name: string) => commonBits(hash(name), newcomer)
    const way = [names.filter((name) => shared(name) < 4), names.filter((name) => shared(name) >= 8)]
    const liar = (at: number): Peer => {
      const name = way[at % 2]?.[Math.floor(at / 2)] ?? ''
      return { id: hash(name), url: name }
    }
    world.add({ url, seeds: [seed] })
    const { ports } = nodeOf(world, newcomer).overlay as unknown as {
      ports: { clock: { sleep(ms: number): Promise<void> }; network: { call(...asked: unknown[]): Promise<unknown> } }
    }
    const call = ports.network.call.bind(ports.network)
    let met = 0
    ports.network.call = async (peer, row, request) => {
      if (row !== 'arrive' || met > liars) return call(peer, row, request)
      await ports.clock.sleep(2)
      const crowd = () => Array.from({ length: 64 }, fresh)
      const isLast = met++ >= liars - 1
      const peers = isLast ? [seed] : [liar(met)]
      return { final: isLast, peers, leaves: [], rows: Array.from({ length: 40 }, crowd), neighborhood: crowd() }
    }
    expect(await joinsWithin(world, 60_000, newcomer)).toBe(true)
    expect(met).toBe(liars)
  },
)

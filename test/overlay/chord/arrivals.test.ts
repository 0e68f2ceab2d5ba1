/** Many who come between the same nodes at the same time: who has not been acknowledged owns nothing, and news of who is nearer travels at once. */
import { describe, expect, test } from 'vitest'
import { Table } from '../../../src/overlay/chord/table.ts'
import { World } from '../../../src/sim/world.ts'
import type { Id } from '../../../src/space/id.ts'
import { inArc } from '../../../src/space/ring.ts'
import { nodeOf, refuse, replace, sorted, worldOf } from '../worlds.ts'

const peer = (id: Id) => ({ id, url: `http://node-${id}.example:1` })
const options = { replicas: 3, ownership: 'successor', successors: 5 } as const

describe.each(['successor', 'predecessor'] as const)('a joiner, with ownership by the %s,', (ownership) => {
  const joined = () => {
    const table = new Table(peer('50'), { ...options, ownership })
    table.enter(peer('10'), [peer('90'), peer('d0'), peer('10')], 0)
    return table
  }
  const owned = { successor: '30', predecessor: '70' }[ownership]

  test('owns nothing, and sends lookups for what it would own to the one before it', () => {
    const table = joined()
    expect(table.cells()).toEqual([])
    expect(table.route(owned, 1, new Set(), 'fingers')).toMatchObject({
      peers: expect.arrayContaining([peer('10')]),
      final: false,
    })
    expect(table.predecessor).toEqual(peer('10'))
    expect(table.neighbors()).toContainEqual(peer('10'))
  })

  test('owns its arc once one who is acknowledged has it for its successor', () => {
    const table = joined()
    const { revision } = table
    expect(table.adoptPredecessors([peer('10'), peer('d0')], 0)).toBe(true)
    expect(table.revision).toBeGreaterThan(revision)
    const [{ from, to } = { from: '', to: '' }] = table.cells()
    expect(inArc(from, owned, to)).toBe(true)
    expect(table.route(owned, 1, new Set(), 'fingers')).toEqual({ peers: [peer('50')], final: true })
  })

  test('waits as long as the one before it waits itself, but not for ever', () => {
    const table = joined()
    expect(table.adoptPredecessors([peer('40')], 4999)).toBe(true)
    expect(table.cells()).toEqual([])
    expect(table.predecessor).toEqual(peer('40'))
    expect(table.adoptPredecessors([peer('40')], 5000)).toBe(true)
    expect(table.cells()).not.toEqual([])
  })
})

// Of what would be its own it once knew nobody to ask as soon as the one before it was gone, for seconds.
test.each([1, 2])(
  'a joiner without the one before it sends lookups to those who would own the key without both: %i of them',
  (count) => {
    const table = new Table(peer('50'), { ...options, ownership: 'predecessor' })
    table.enter(peer('10'), [peer('90'), peer('d0'), peer('10')], 0)
    expect(table.route('70', count, new Set(['10']), 'fingers')).toEqual({
      peers: [peer('d0'), peer('90')].slice(0, count),
      final: true,
    })
  },
)

test.each([1, 3])('who is acknowledged goes on as if a joiner before it were not there, with %i copies', (replicas) => {
  const table = new Table(peer('90'), { ...options, replicas })
  table.adoptSuccessors([peer('d0'), peer('10'), peer('90')])
  table.adoptPredecessors([peer('10'), peer('d0'), peer('90')], 0)
  const before = table.cells()
  table.adoptPredecessors([peer('50')], 0)
  expect(table.predecessor).toEqual(peer('50'))
  expect(table.cells()).toEqual(before)
  expect(table.route('30', 1, new Set(), 'fingers')).toEqual({ peers: [peer('90')], final: true })
  table.adoptPredecessors([peer('50'), peer('10'), peer('d0')], 0)
  expect(table.cells()[0]).toMatchObject({ from: '50', to: '90' })
})

test('one that joins a ring of eight is whole before anyone stabilises by itself', async () => {
  const world = new World({ seed: 1, encode: false, settings: { membership: 'off', stabilizeEveryMs: 60_000 } })
  await world.boot(8)
  await world.run(120_000)
  const newcomer = world.add()
  await world.until(
    () => nodeOf(world, newcomer).info().content.complete,
    5000,
    () => 'not complete',
  )
  const ids = sorted(world)
  const { successor } = nodeOf(world, ids.at(ids.indexOf(newcomer) - 1) as Id).info() as unknown as { successor: { id: Id } }
  expect(successor.id).toBe(newcomer)
})

describe.each(['off', 'local'] as const)('where those who were there go while others come, membership %s,', (membership) => {
  test.each([
    { first: 1, joiners: 3, how: 'crash' },
    { first: 1, joiners: 3, how: 'stop' },
    { first: 2, joiners: 4, how: 'crash' },
  ] as const)('the others own everything in the end: $first and $joiners, by $how', async ({ first, joiners, how }) => {
    for (let afterMs = 20; afterMs <= 80; afterMs += 4) {
      const world = new World({ seed: 2, encode: false, settings: { membership } })
      await world.boot(first)
      await world.run(3000)
      world.demanding = false
      const old = [...world.members()]
      for (let newcomer = 0; newcomer < joiners; newcomer++) world.add()
      await world.run(afterMs)
      for (const id of old) world[how](id)
      // Who had not met anyone else yet is a network of its own.
      await world.until(
        () => world.members().length === joiners && world.members().every((id) => nodeOf(world, id).info().content.complete),
        90_000,
        () => `${world.members().length} members`,
      )
      for (const id of world.members()) await expect(world.call(id, 'store', { value: id })).resolves.toHaveProperty('stored')
    }
  })
})

test('one that names nobody before it keeps no newcomer from owning what lies between', async () => {
  const world = await worldOf('chord', 1, { replicas: 1 })
  const [founder = ''] = sorted(world)
  replace(nodeOf(world, founder), ['predecessors'], () => ({ predecessors: [] }))
  const newcomers = Array.from({ length: 4 }, () => world.add())
  await world.run(30_000)
  for (const id of newcomers) expect(nodeOf(world, id).info().content.complete).toBe(true)
})

test('who has heard only of a leaver that another comes before it owns nothing yet', async () => {
  const [one, other] = [peer('10'), peer('40')]
  const world = new World({ seed: 1, settings: { bits: 8, allowCustomIds: true, membership: 'off', stabilizeEveryMs: 60_000 } })
  for (const id of ['10', '40', '90']) {
    world.add({ id })
    await world.settle()
  }
  world.demanding = false
  const joiner = world.add({ id: '50' })
  await world.until(
    () => nodeOf(world, joiner).overlay.isMember,
    1000,
    () => 'not joined',
  )
  expect(nodeOf(world, joiner).overlay.cells()).toEqual([])
  // It goes, and answers nobody any more.
  replace(nodeOf(world, other.id), ['predecessors'], refuse('NOT_JOINED'))
  const before = world.peer(one.id)
  void world.ask(joiner, 'offerPredecessor', { ...before, leaving: other.id })
  await world.run(50)
  expect(nodeOf(world, joiner).info()).toMatchObject({ predecessor: before })
  expect(nodeOf(world, joiner).overlay.cells()).toEqual([])
})

test.each([1, 2, 3])('news of who is acknowledged may be lost, and arrives all the same, with %i copies', async (replicas) => {
  const world = new World({ seed: 1, settings: { bits: 8, allowCustomIds: true, membership: 'off', replicas } })
  for (const id of ['10', '30', '90', 'd0']) {
    world.add({ id })
    await world.settle()
  }
  world.demanding = false
  const after = nodeOf(world, '90')
  const joiner = world.add({ id: '50' })
  await world.until(
    () => nodeOf(world, joiner).overlay.cells().length > 0,
    5000,
    () => 'not acknowledged',
  )
  // From here on it is told nothing of its own accord.
  const back = replace(after, ['offerPredecessor'], refuse('OVERLOADED'))
  await world.run(3000)
  expect(after.overlay.cells()[0]).toMatchObject({ from: '50', to: '90' })
  back()
  await world.run(2000)
  expect(nodeOf(world, joiner).info().content.complete).toBe(true)
})

test('one that names nobody before it does not stand between others for ever', async () => {
  const world = new World({ seed: 1, settings: { bits: 8, allowCustomIds: true, membership: 'off' } })
  for (const id of ['10', '30', '90', 'd0']) {
    world.add({ id })
    await world.settle()
  }
  world.demanding = false
  const joiner = world.add({ id: '50' })
  replace(nodeOf(world, joiner), ['predecessors'], () => ({ predecessors: [] }))
  await world.run(20_000)
  world.crash('30')
  await world.run(20_000)
  const named = nodeOf(world, '90')
    .overlay.cells()
    .flatMap(({ window }) => window.map(({ id }) => id))
  expect(named).not.toContain('30')
})

test.each([1, 3])(
  'who cannot be acknowledged, as it is too busy, takes nothing from the one after it, with %i copies',
  async (replicas) => {
    const world = new World({ seed: 1, settings: { bits: 8, allowCustomIds: true, membership: 'off', replicas } })
    for (const id of ['10', '90', 'd0']) {
      world.add({ id })
      await world.settle()
    }
    world.demanding = false
    const joiner = world.add({ id: '50' })
    const back = replace(nodeOf(world, joiner), ['neighborhood'], refuse('OVERLOADED'))
    await world.until(
      () => nodeOf(world, joiner).overlay.isMember,
      4000,
      () => 'not joined',
    )
    for (let seconds = 0; seconds < 20; seconds++) {
      await world.run(1000)
      expect(nodeOf(world, '90').overlay.cells()[0]).toMatchObject({ from: '10', to: '90' })
      expect(nodeOf(world, '90').info()).toMatchObject({ predecessor: world.peer(joiner) })
    }
    back()
    await world.run(5000)
    expect(nodeOf(world, joiner).overlay.cells()[0]).toMatchObject({ from: '10', to: '50' })
    expect(nodeOf(world, '90').overlay.cells()[0]).toMatchObject({ from: '50', to: '90' })
  },
)

test('a joiner through a lone founder names itself owner of nothing', async () => {
  const world = new World({ seed: 1, settings: { bits: 8, allowCustomIds: true, membership: 'off' } })
  world.add({ id: '10' })
  await world.settle()
  replace(nodeOf(world, '10'), ['offerSuccessor'], refuse('OVERLOADED'))
  world.demanding = false
  const joiner = world.add({ id: '50' })
  await world.until(
    () => nodeOf(world, joiner).overlay.isMember,
    2000,
    () => 'not joined',
  )
  expect(nodeOf(world, joiner).overlay.cells()).toEqual([])
  expect(nodeOf(world, joiner).overlay.route('30', 3, new Set(), 'fingers')).toMatchObject({ final: false })
})

describe('a predecessor that comes back at once', () => {
  test('is waited for like a new one, however long it was known', () => {
    const table = new Table(peer('90'), options)
    table.adoptSuccessors([peer('d0'), peer('f0'), peer('10')])
    table.adoptPredecessors([peer('50'), peer('10'), peer('f0')], 0)
    const before = table.cells()
    table.adoptPredecessors([peer('50')], 60_000)
    expect(table.cells()).toEqual(before)
    table.adoptPredecessors([peer('50')], 65_000)
    expect(table.cells()).not.toEqual(before)
  })

  test('takes nothing from those after it that they hold', async () => {
    const world = new World({ seed: 1, settings: { bits: 8, allowCustomIds: true, membership: 'off' } })
    for (const id of ['10', '30', '50', '70', '90', 'b0', 'd0']) {
      world.add({ id })
      await world.settle()
    }
    await world.run(12_000)
    world.crash('50')
    await world.run(100)
    world.restart('50')
    for (let ms = 0; ms < 200; ms++) {
      await world.run(1)
      expect(nodeOf(world, '70').overlay.cells()).toHaveLength(3)
      expect(nodeOf(world, '90').info().content.complete).toBe(true)
    }
  })
})

test.each([
  { successors: ['10', '50', '90', 'd0'], came: ['50'] },
  { successors: ['10', '20', '30', '50', '90', 'd0'], came: ['20', '30', '50'] },
])('of $came, who came between, nothing is held that they hold by now', ({ successors, came }) => {
  const table = new Table(peer('d0'), options)
  table.adoptPredecessors([peer('90'), peer('10')], 0)
  table.adoptSuccessors(successors.map(peer))
  const cells = table.cells()
  for (const { from, to } of cells) for (const id of came) expect(inArc(from, id, to) && to === '10').toBe(false)
})

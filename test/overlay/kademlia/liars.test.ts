/** What one peer says, or does not, is no reason to lose sight of the others. */
import { expect, test } from 'vitest'
import type { Node } from '../../../src/node/node.ts'
import { Refusal } from '../../../src/protocol/errors.ts'
import { World } from '../../../src/sim/world.ts'
import type { Id } from '../../../src/space/id.ts'

const worldOf = async (overlay: 'kademlia' | 'pastry', nodes: number): Promise<World> => {
  const world = new World({ seed: 1, settings: { overlay, membership: 'off' } })
  await world.boot(nodes)
  await world.run(5000)
  return world
}
const nodeOf = (world: World, id: Id): Node => world.host(id).node as Node
const knows = (world: World, id: Id): number => nodeOf(world, id).overlay.neighbors().length
const refuse = (code: 'ID_TAKEN' | 'BAD_REQUEST' | 'INTERNAL') => () => {
  throw new Refusal(code, 'no')
}

test('a goodbye in the name of one who is there is looked into, and changes nothing', async () => {
  const world = await worldOf('kademlia', 8)
  const [first, ...others] = world.members() as [Id, ...Id[]]
  const before = knows(world, first)
  for (const other of others)
    for (let time = 0; time < 3; time++) await nodeOf(world, first).handlers.goodbye({ from: world.peer(other) })
  await world.run(2000)
  expect(knows(world, first)).toBe(before)
})

test('a contact that refuses a sign of life lives, and is not asked for one again and again', async () => {
  const world = await worldOf('kademlia', 8)
  const [first, busy] = world.members() as [Id, Id]
  const before = knows(world, first)
  let asked = 0
  nodeOf(world, busy).handlers.ping = () => {
    asked++
    throw new Refusal('OVERLOADED', 'no')
  }
  await nodeOf(world, first).handlers.goodbye({ from: world.peer(busy) })
  await world.run(5000)
  expect(asked).toBe(1)
  expect(knows(world, first)).toBe(before)
})

test('who leaves is forgotten at once', async () => {
  const world = await worldOf('kademlia', 8)
  const [first, other] = world.members() as [Id, Id]
  world.leave(other)
  await world.until(
    () => !world.members().includes(other),
    30_000,
    () => 'it has not left',
  )
  await world.run(1000)
  expect(
    nodeOf(world, first)
      .overlay.neighbors()
      .map(({ id }) => id),
  ).not.toContain(other)
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

test.each([
  ['kademlia', 'findNode'],
  ['pastry', 'leaves'],
  ['pastry', 'state'],
] as const)('one who says to everyone that ids are taken makes nobody give up its own: %s, %s', async (overlay, name) => {
  const world = await worldOf(overlay, 6)
  world.demanding = false
  const liar = world.members()[2] as Id
  nodeOf(world, liar).handlers[name] = refuse('ID_TAKEN')
  await world.run(30_000)
  expect(world.members().map((id) => nodeOf(world, id).state)).toEqual(world.members().map(() => 'ready'))
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
    world.demanding = false
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

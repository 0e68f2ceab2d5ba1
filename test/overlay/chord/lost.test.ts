/** Those who lose whom they were told of, their place or their id find the others all the same. */
import { describe, expect, test } from 'vitest'
import { calm } from '../../../src/sim/weather.ts'
import { World } from '../../../src/sim/world.ts'
import type { Id } from '../../../src/space/id.ts'
import { addTwins, nodeOf, refuse, replace, sorted, worldOf } from '../worlds.ts'

const narrow = { bits: 8, allowCustomIds: true }

test.each([0, 1, 2, 3, 4, 5, 6, 7])(
  'a joiner whose contact dies when it has answered goes to those whom it named: %i',
  async (number) => {
    const url = `http://joiner-${number}.example:1`
    let told = false
    const world = await worldOf('chord', 2, {}, (line) => (told ||= new RegExp(`${url} < \\S+ join `).test(line)))
    const [contact = ''] = sorted(world)
    const joiner = world.add({ url, seeds: [world.peer(contact)] })
    await world.until(
      () => told,
      1000,
      () => 'no answer',
    )
    world.crash(contact)
    await world.run(120_000)
    expect(nodeOf(world, joiner).overlay.neighbors()).toHaveLength(1)
  },
)

test('two rings whose first nodes have one id are two, and one gives way', async () => {
  const world = await worldOf('chord', 0, narrow)
  await addTwins(world, '05')
  await world.call('10', 'meet', world.peer('90'))
  // One of the two has to go, for good.
  await expect(world.run(60_000)).rejects.toThrow('id lost')
})

test('one that lost its id while it was cut off alone hands over what it has to anyone it knew', async () => {
  const world = await worldOf('chord', 0, narrow)
  for (const id of ['10', '50', '90', 'd0']) {
    world.add({ id })
    await world.settle()
  }
  world.demanding = false
  const { history, net } = world as unknown as {
    net: { blocks: (from: string, to: string) => boolean }
    history: { blame: (host: unknown, error: unknown) => void }
  }
  const blame = history.blame.bind(history)
  history.blame = (host, error) => (String(error).includes('id lost') ? undefined : blame(host, error))
  const former = world.host('50')
  net.blocks = (from, to) => (from === former.url) !== (to === former.url)
  await world.run(60_000)
  await world.call('50', 'store', { value: 'hello' })
  world.add({ id: '50', url: 'http://twin.example:1', seeds: [world.peer('10')] })
  await world.run(60_000)
  world.heal()
  await world.run(600_000)
  expect(former.node?.state).toBeUndefined()
  expect((await world.call('10', 'lookupBy', { value: 'hello' })).values).toHaveLength(1)
})

test('a newcomer to whom everybody was busy founds nothing when they are silent for a moment', async () => {
  const world = await worldOf('chord', 3)
  const ids = sorted(world)
  for (const id of ids) replace(nodeOf(world, id), ['join'], refuse('OVERLOADED'))
  const newcomer = world.add({ seeds: ids.map((id) => world.peer(id)) })
  await world.run(15_000)
  const { url } = world.host(newcomer)
  const { net } = world as unknown as { net: { blocks: (from: string, to: string) => boolean } }
  net.blocks = (from, to) => from === url || to === url
  await world.run(4800)
  expect(nodeOf(world, newcomer).overlay.isMember).toBe(false)
})

test('a linear lookup finds whoever is before one that has just died, and does not go all round', async () => {
  const world = await worldOf('chord', 12, { ownership: 'predecessor' })
  const [owner, dead, ...others] = sorted(world) as [Id, Id, ...Id[]]
  world.crash(dead)
  for (const id of others)
    await expect(world.call(id, 'find', { key: dead, mode: 'linear' })).resolves.toMatchObject({ owner: { id: owner } })
})

test.each(['off', 'local'] as const)(
  'who joins through nodes that live founds no ring of its own, though some on the way have died and are silent: membership %s',
  async (membership) => {
    for (const seed of [3, 9, 15]) {
      const world = new World({ seed, encode: false, settings: { membership } })
      await world.boot(20)
      await world.run(5000)
      const ids = sorted(world)
      world.demanding = false
      world.weather = { ...calm, silentDeaths: true }
      for (const id of [...ids, ...ids].slice(seed, seed + 3)) world.crash(id)
      const seeds = world.members().slice(0, 4)
      const newcomer = world.add({ seeds: seeds.map((id) => world.peer(id)) })
      await world.until(
        () => nodeOf(world, newcomer).overlay.isMember,
        60_000,
        () => 'still joining',
      )
      expect(nodeOf(world, newcomer).overlay.neighbors()).not.toEqual([])
    }
  },
)

/** Crashes neighbours, the first of them so many places after the owner of a key. */
const crashRun = (world: World, key: Id, { after, count }: { after: number; count: number }): Id[] => {
  const ids = sorted(world)
  const owner = ids.indexOf(world.window(key)[0]?.id as Id)
  const dead = Array.from({ length: count }, (_, place) => ids[(owner + after + place) % ids.length] as Id)
  for (const id of dead) world.crash(id)
  return dead
}

describe.each(['off', 'local'] as const)('where all in a successor list die at once, membership %s,', (membership) => {
  test.each([
    { nodes: 60, count: 5 },
    { nodes: 60, count: 20 },
    { nodes: 10, count: 5 },
  ])('of $nodes nodes $count, none of the others loses its place, and the ring closes', async ({ nodes, count }) => {
    const world = await worldOf('chord', nodes, { membership })
    await world.run(15_000)
    const { key } = await world.call(world.anyone(), 'store', { value: 'far away' })
    const dead = crashRun(world, key, { after: 3, count })
    for (let ms = 0; ms < 20_000; ms += 200) {
      await world.run(200)
      expect(world.members()).toHaveLength(nodes - count)
      await expect(world.call(world.anyone(), 'lookup', { key })).resolves.toMatchObject({ key })
    }
    const ids = sorted(world)
    for (const [at, id] of ids.entries()) {
      const { successor } = nodeOf(world, id).info() as unknown as { successor: { id: Id } }
      expect(dead).not.toContain(successor.id)
      expect(successor.id).toBe(ids[(at + 1) % ids.length])
    }
  })
})

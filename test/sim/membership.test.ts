/** Whole nodes that watch each other, with the ring and its content under them. */
import { describe, expect, test } from 'vitest'
import type { NodeApi } from '../../src/node/api.ts'
import type { Reply } from '../../src/protocol/rpc.ts'
import { misjudged } from '../../src/sim/audit.ts'
import type { Host } from '../../src/sim/host.ts'
import { pick, stream } from '../../src/sim/random.ts'
import { rough, stormy } from '../../src/sim/weather.ts'
import type { WorldOptions } from '../../src/sim/ground.ts'
import { World } from '../../src/sim/world.ts'

const watching = async (size: number, options: WorldOptions): Promise<World> => {
  const world = new World({ ...options, settings: { membership: 'local', ...options.settings } })
  await world.boot(size)
  await allKnown(world, 5000)
  return world
}

const allKnown = (world: World, withinMs: number): Promise<void> =>
  world.until(
    () => misjudged(world).length === 0,
    withinMs,
    () => misjudged(world).join('\n'),
  )

const membersOf = ({ node, url }: Host) => {
  if (!node) throw new Error(`nobody runs at ${url}`)
  return (node.handlers.members({}) as Reply<NodeApi['members']>).members
}

const stateOf = (host: Host, id: string) => membersOf(host).find((member) => member.id === id)?.state

/** How long it takes until all who run have it in that state, ms. */
const until = async (world: World, id: string, state: string, withinMs: number): Promise<number> => {
  const beganMs = world.nowMs
  const others = () => world.running().filter((host) => host.id !== id)
  await world.until(
    () => others().every((host) => stateOf(host, id) === state),
    withinMs,
    () =>
      others()
        .flatMap((host) => (stateOf(host, id) === state ? [] : [`${host.url}: ${stateOf(host, id)}`]))
        .join('\n'),
  )
  return world.nowMs - beganMs
}

test('an id that is not that of its address makes no member, and moves none that is gone', async () => {
  const world = await watching(4, { seed: 12 })
  const [one, other] = world.running() as [Host, Host]
  const { id, url } = world.peer(one.id as string)
  world.crash(id)
  await until(world, id, 'dead', 60_000)
  const incarnation = (membersOf(other).find((member) => member.id === id)?.incarnation ?? 0) + 100_000
  const elsewhere = 'http://10.0.0.7:7'
  const said = (named: string) => ({ id: named, url: elsewhere, incarnation, state: 'alive' as const })
  void other.node?.handlers.sync?.({ members: [said(id), said('7'.repeat(id.length))] })
  await world.run(10)
  expect(membersOf(other).filter((member) => member.url === elsewhere)).toEqual([])
  expect(membersOf(other).find((member) => member.id === id)).toMatchObject({ url, state: 'dead' })
})

/** By gossip alone one in twenty was unknown to somebody for ten seconds, until that one exchanged all it knew. */
test.each([3, 26, 27])('everyone knows a newcomer within a second, seed %i', async (seed) => {
  const world = new World({ seed, settings: { membership: 'local' } })
  await world.boot(20)
  await allKnown(world, 1000)
})

// A call that fails is a hint: neighbours in the ring look at once, so it does not take a turn of probes.
test.each([1, 2, 3])('of 20 nodes one dies: everyone has it dead within 4 s, seed %i', async (seed) => {
  const world = await watching(20, { seed })
  const victim = world.anyone()
  world.crash(victim)
  await until(world, victim, 'dead', 4000)
})

test('a node that leaves has left for everyone within half a second of the first who hears it, and is never dead', async () => {
  const world = await watching(20, { seed: 4 })
  const leaver = world.anyone()
  const others = world.running().filter(({ id }) => id !== leaver)
  world.leave(leaver)
  await world.until(
    () => others.some((host) => stateOf(host, leaver) === 'left'),
    30_000,
    () => 'nobody has heard of it',
  )
  expect(await until(world, leaver, 'left', 500)).toBeLessThanOrEqual(500)
  await world.run(30_000)
  expect(others.map((host) => stateOf(host, leaver))).toEqual(others.map(() => 'left'))
})

test('who crashed and is back is alive to everyone in a newer incarnation', async () => {
  const world = await watching(8, { seed: 5 })
  const id = world.anyone()
  const [observer] = world.running().filter((host) => host.id !== id) as [Host]
  const incarnation = () => membersOf(observer).find((member) => member.id === id)?.incarnation ?? 0
  const before = incarnation()
  world.crash(id)
  await until(world, id, 'dead', 10_000)
  await world.settle()
  world.restart(id)
  await allKnown(world, 10_000)
  expect(incarnation()).toBeGreaterThan(before)
})

test('a split that lasts longer than the dead are gossiped to grows together', async () => {
  const world = await watching(8, { seed: 6 })
  world.demanding = false
  const ids = world.members()
  world.partition(ids.slice(0, 4), ids.slice(4))
  await world.run(60_000)
  for (const host of world.running()) expect(membersOf(host).filter(({ state }) => state === 'dead')).toHaveLength(4)
  world.heal()
  await allKnown(world, 60_000)
})

describe('whatever befalls packets, nodes that run are known, and those that do not are not', () => {
  test.each(Array.from({ length: 8 }, (_, at) => at + 1))('seed %i', async (seed) => {
    const random = stream(seed, 'test', 'membership')
    const world = await watching(3 + random.below(6), { seed, weather: rough(random, 1500) })
    world.demanding = false
    world.weather = stormy(random, 1500)
    const incarnations = new Map<string, number>()
    const look = () => {
      for (const host of world.running())
        for (const { id, incarnation = 0 } of membersOf(host)) {
          const label = `${host.url}#${host.life} of ${id}`
          expect(incarnation, label).toBeGreaterThanOrEqual(incarnations.get(label) ?? 0)
          incarnations.set(label, incarnation)
        }
    }
    const ids = [...world.members()]
    for (let event = 0; event < 12; event++) {
      const id = ids[random.below(ids.length)] as string
      const host = world.host(id)
      pick(random, [
        () => world.running().length > 1 && host.node && world.crash(id),
        () =>
          !host.node &&
          world.restart(
            id,
            world.running().map((one) => world.peer(one.id as string)),
          ),
        () => host.node && world.pause(id, random.below(15_000)),
        () =>
          world.partition(
            ids.filter((_, at) => at % 2 === 0),
            ids.filter((_, at) => at % 2 === 1),
          ),
        () => world.heal(),
      ])()
      await world.run(random.below(4000))
      look()
    }
    world.heal()
    world.weather = rough(random, 1500)
    await allKnown(world, 180_000)
    look()
  })
})

import { expect, test } from 'vitest'
import { overlayNames } from '../../src/overlay/overlays.ts'
import { World } from '../../src/sim/world.ts'

test.each([
  ['chord', 8, 30, 3],
  ['chord', 15, 30, 3],
  ['chord', 37, 30, 3],
  ['chord', 7, 10, 2],
  ['kademlia', 1, 16, 2],
  ['kademlia', 3, 16, 3],
] as const)(
  'two parts of a network that meet again are one within four seconds: %s, seed %i, %i nodes, each %i.',
  async (overlay, seed, nodes, each) => {
    const world = new World({ seed, encode: false, settings: { overlay, membership: 'local' } })
    const ids = (await world.boot(nodes)).toSorted()
    await world.run(10_000)
    world.demanding = false
    world.partition(
      ids.filter((_, at) => at % each === 0),
      ids.filter((_, at) => at % each !== 0),
    )
    await world.run(15_000 + 700 * (seed % 20))
    world.heal()
    const astray = () =>
      ids.filter((id, at) => {
        const { node } = world.host(id)
        const next = ids[(at + 1) % ids.length]
        return !node?.info().content.complete || node.overlay.neighbors().every((neighbor) => neighbor.id !== next)
      })
    await world.until(
      () => astray().length === 0,
      4000,
      () => `${astray().join()} do not know who comes next, or may lack content`,
    )
    expect(astray()).toEqual([])
  },
)

test('one that is cut off alone from many says nothing of what they may write, though nobody has asked it since', async () => {
  const world = new World({ seed: 3, settings: { membership: 'local' } })
  const [one = '', ...others] = (await world.boot(4)).toSorted()
  const names = Array.from({ length: 20 }, (_, number) => `name ${number}`)
  await world.run(10_000)
  for (const name of names) await world.call(one, 'store', { name, value: 'old' })
  world.demanding = false
  world.partition([one], others)
  await world.run(14_000)
  for (const name of names) await world.call(others[2] ?? '', 'store', { name, value: 'new' })
  const said = names.map((name) => world.ask(one, 'lookupBy', { name }))
  await world.run(6000)
  expect(said.map((found) => (found.state === 'refused' ? found.error.error : found.state))).toEqual(
    names.map(() => 'INCONCLUSIVE'),
  )
})

test.each(overlayNames.flatMap((overlay) => [1, 2].map((seed) => ({ overlay, seed }))))(
  'of two whose other has died, as its machine says, one is left that answers: $overlay, seed $seed',
  async ({ overlay, seed }) => {
    const world = new World({ seed, settings: { overlay, membership: 'local' } })
    const [one = '', ...others] = await world.boot(2)
    const names = Array.from({ length: 20 }, (_, number) => `name ${number}`)
    await world.run(20_000)
    for (const name of names) await world.call(one, 'store', { name, value: 'old' })
    world.demanding = false
    for (const other of others) world.crash(other)
    for (let round = 0; round < 10; round++) {
      const found = names.map((name) => world.ask(one, 'lookupBy', { name }))
      await world.run(500)
      expect(found.map(({ state }) => state)).toEqual(names.map(() => 'answered'))
    }
    await world.run(10_000)
    expect(await world.call(one, 'store', { name: 'name 0', value: 'new' })).toMatchObject({ stored: 1 })
  },
)

test.each(['off', 'local'] as const)(
  'one of three that has missed what the others acknowledged, and have died, does not give what was before: membership=%s',
  async (membership) => {
    const world = new World({ seed: 5, settings: { membership } })
    const [one = '', ...others] = await world.boot(3)
    const names = Array.from({ length: 20 }, (_, number) => `name ${number}`)
    await world.run(20_000)
    for (const name of names) await world.call(one, 'store', { name, value: 'old' })
    world.demanding = false
    world.deafen(others, [one])
    const stored = names.map((name) => world.ask(others[0] ?? '', 'store', { name, value: 'new' }))
    await world.run(900)
    world.heal()
    await world.until(
      () => stored.some(({ state }) => state === 'answered'),
      4000,
      () => 'nothing acknowledged',
    )
    for (const other of others) world.crash(other)
    const said: unknown[] = []
    for (let round = 0; round < 10; round++) {
      for (const [at, name] of names.entries())
        if (stored[at]?.state === 'answered')
          world.ask(one, 'lookupBy', { name }, (found) => found.state === 'answered' && said.push(found.reply.values[0]?.value))
      await world.run(1000)
    }
    expect(said).not.toContain('old')
  },
)

test.each([5, 100])('a newcomer whose only other node dies %i ms later takes itself for no founder', async (ms) => {
  const world = new World({ seed: 3, settings: { membership: 'local' } })
  const [founder = ''] = await world.boot(1)
  await world.run(20_000)
  const values = Array.from({ length: 20 }, (_, number) => `value ${number}`)
  for (const value of values) await world.call(founder, 'store', { value })
  world.demanding = false
  const newcomer = world.add()
  await world.until(
    () => world.host(newcomer).node?.overlay.isMember ?? false,
    10_000,
    () => 'no member',
  )
  await world.run(ms)
  world.crash(founder)
  const states = new Set<string>()
  for (let round = 0; round < 6; round++) {
    for (const value of values)
      world.ask(newcomer, 'lookupBy', { value }, (found) =>
        states.add(found.state === 'refused' ? found.error.error : found.state),
      )
    await world.run(500)
  }
  expect(states).not.toContain('NOT_FOUND')
})

/** Where there is one copy of each record, whoever is left to hold it has it, and knows at once that it has everything. */
import { expect, test } from 'vitest'
import { stream } from '../../src/sim/random.ts'
import { hash } from '../../src/sim/host.ts'
import { World } from '../../src/sim/world.ts'

test.each(['chord', 'kademlia', 'pastry'] as const)(
  'of one copy, after a leave, nobody is in any doubt: %s',
  async (overlay) => {
    const world = new World({ seed: 3, settings: { overlay, replicas: 1 } })
    const ids = await world.boot(6)
    const values = Array.from({ length: 60 }, (_, number) => `value ${number}`)
    for (const value of values) await world.call(world.anyone(), 'store', { value })
    await world.run(20_000)
    for (const leaver of ids.slice(1, 4)) {
      await world.call(leaver, 'leave', {})
      await world.until(
        () => !world.host(leaver).node,
        60_000,
        () => `${leaver} is here`,
      )
      const began = world.nowMs
      for (const value of values)
        expect((await world.call(world.anyone(), 'lookupBy', { value })).values).toMatchObject([{ value }])
      for (let number = 0; number < 60; number++)
        await expect(world.call(world.anyone(), 'lookupBy', { value: `missing ${number}` })).rejects.toMatchObject({
          code: 'NOT_FOUND',
        })
      expect(world.nowMs - began).toBeLessThan(20_000)
      expect(world.running().filter(({ node }) => !node?.info().content.complete)).toEqual([])
    }
  },
)

test('of one copy, who comes and soon leaves takes nothing along', async () => {
  const world = new World({ seed: 1, settings: { overlay: 'pastry', replicas: 1 } })
  await world.boot(6)
  await world.run(10_000)
  const random = stream(1, 'test', 'pauses')
  const values = Array.from({ length: 200 }, (_, number) => `value ${number}`)
  for (const value of values) await world.call(world.anyone(), 'store', { value })
  await world.run(20_000)
  world.demanding = false
  const isThere = (value: string) =>
    world.running().some(({ store }) => typeof store.get(hash(value), `v:${hash(value)}`)?.value === 'string')
  for (let round = 0; round < 12; round++) {
    const came = [world.add(), world.add(), world.add()]
    await world.run(1000 + random.below(3500))
    for (const id of came) {
      if (world.host(id).node?.overlay.isMember) world.ask(id, 'leave', {})
      await world.run(random.below(400))
    }
    await world.run(6000)
    expect(values.filter((value) => !isThere(value))).toEqual([])
  }
})

test('what was inherited tells nothing of what another was given since', async () => {
  const world = new World({ seed: 41, settings: { bits: 8, allowCustomIds: true, replicas: 1 } })
  for (const id of ['10', '40', '80', 'c0']) {
    world.add({ id })
    await world.settle()
  }
  await world.run(40_000)
  await world.call('40', 'leave', {})
  await world.until(
    () => !world.host('40').node,
    60_000,
    () => '40 is here',
  )
  world.add({ id: '30' })
  await world.settle()
  const value =
    Array.from({ length: 2000 }, (_, number) => `value ${number}`).find((text) => /^2[1-9a-f]/.test(hash(text))) ?? ''
  expect(await world.call('c0', 'store', { value })).toMatchObject({ owner: { id: '30' } })
  world.demanding = false
  await world.run(6000)
  world.crash('30')
  for (const until = world.nowMs + 20_000; world.nowMs < until; await world.run(500))
    await expect(world.call('c0', 'lookupBy', { value })).rejects.not.toMatchObject({ code: 'NOT_FOUND' })
})

test.each(['kademlia', 'pastry'] as const)(
  'who come and leave again before they have had everything leave nobody in doubt: %s',
  async (overlay) => {
    for (const seed of [1, 2, 3]) {
      const world = new World({ seed, settings: { overlay, membership: 'local' } })
      const old = await world.boot(3)
      const random = stream(seed, 'test', 'pauses')
      for (let number = 0; number < 40; number++) await world.call(world.anyone(), 'store', { value: `value ${number}` })
      await world.run(20_000)
      world.demanding = false
      const leaving = new Map(Array.from({ length: 6 }, () => [world.add(), world.nowMs + 100 + random.below(600)]))
      const left = new Set<string>()
      await world.until(
        () => {
          for (const [id, atMs] of leaving)
            if (world.nowMs >= atMs && world.host(id).node?.overlay.isMember && !left.has(id)) {
              left.add(id)
              world.leave(id)
            }
          return [...leaving.keys()].every((id) => left.has(id) && !world.host(id).node)
        },
        60_000,
        () => 'they are here',
      )
      await world.run(10_000)
      expect(old.filter((id) => !world.host(id).node?.info().content.complete)).toEqual([])
    }
  },
)

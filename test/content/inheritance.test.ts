/** Where there is one copy of each record, whoever is left to hold it knows at once that it has everything. */
import { expect, test } from 'vitest'
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

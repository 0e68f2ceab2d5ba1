/** Two that have given each other up, and are there. */
import { expect, test } from 'vitest'
import { leavesOf, sorted, worldOf } from '../worlds.ts'

// Only whoever of all that were ever known happened to live led back, one in ten seconds.
test.each([2, 3, 4])(
  'they find each other by whoever is beside them, though most that were met are dead: %i apart',
  async (far) => {
    const world = await worldOf('pastry', 8)
    const ids = sorted(world)
    const [one, other] = [ids[0] ?? '', ids[far] ?? '']
    for (let gone = 0; gone < 12; gone++) {
      const id = world.add()
      await world.settle()
      world.crash(id)
      await world.run(10_000)
    }
    world.partition([one], [other])
    const lacking = () => [leavesOf(world, one).lacks(other), leavesOf(world, other).lacks(one)]
    await world.until(
      () => lacking().every(Boolean),
      120_000,
      () => 'they still know each other',
    )
    world.heal()
    await world.run(2.5 * world.config.reuniteEveryMs)
    expect(lacking()).toEqual([false, false])
  },
)

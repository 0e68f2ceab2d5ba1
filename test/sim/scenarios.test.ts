import { describe, expect, test } from 'vitest'
import { scenarios, simulate } from '../../src/sim/scenarios.ts'
import { storms } from '../../src/sim/storms.ts'

const seedsOf = (name: string) => (name in storms ? [1, 2, 3, 4, 5, 6] : [1, 2])

describe.each(Object.keys(scenarios))('%s', (name) => {
  test.each(seedsOf(name))('seed %i', async (seed) => {
    const { checks } = await simulate(name, seed)
    expect(checks.filter(({ ok }) => !ok)).toEqual([])
  })
})

test('a scenario that does not exist is refused with the names of those that do', async () => {
  await expect(simulate('nope', 1)).rejects.toThrow(/no scenario is called nope; there are: two-joins, /)
})

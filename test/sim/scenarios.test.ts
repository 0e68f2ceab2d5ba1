import { describe, expect, test } from 'vitest'
import { scenarios, simulate } from '../../src/sim/scenarios.ts'
import { storms } from '../../src/sim/storms.ts'

const named = Object.keys(scenarios).filter((name) => !(name in storms))

/** Of an even seed a key belongs to its successor, of an odd one to its predecessor; under seed 3 the nodes watch who is there. */
describe.each(named)('%s', (name) => {
  test.each([
    [2, []],
    [3, ['watch'] as const],
  ])('seed %i', async (seed, traits) => {
    const { checks } = await simulate(name, seed, { traits })
    expect(checks.filter(({ ok }) => !ok)).toEqual([])
  })
})

test('a scenario that does not exist is refused with the names of those that do', async () => {
  await expect(simulate('nope', 1)).rejects.toThrow(/no scenario is called nope; there are: two-joins, /)
})

test.each([
  ['lone', ['jam', 'silence', 'expiry'], []],
  ['lone', ['clocks'], ['watch']],
  ['swarm', ['clocks', 'jam'], ['clocks', 'jam']],
  ['beyond', ['watch', 'expiry', 'jam'], ['watch', 'expiry']],
] as const)('%s names of the traits %j those that it makes something of', async (name, asked, used) => {
  const { traits } = await simulate(name, 4, { traits: asked })
  expect([...traits].sort()).toEqual([...used].sort())
})

test('what another client may be deleting is not held to be there, long-night 1055014', async () => {
  const { checks } = await simulate('long-night', 1055014)
  expect(checks.filter(({ ok }) => !ok)).toEqual([])
})

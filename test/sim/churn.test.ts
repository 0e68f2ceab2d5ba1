import { expect, test } from 'vitest'
import { lookUpInChurn } from './churn.ts'

test('lookups take one hop and say nothing wrong while nodes with a mean lifetime of an hour come and die', async () => {
  const { hits, oneHop, misses, wrong } = await lookUpInChurn({
    size: 100,
    lifetimeMs: 3600_000,
    seconds: 40,
    membership: 'local',
  })
  expect(wrong).toEqual([])
  expect(hits).toBeGreaterThan(850)
  expect(misses).toBeGreaterThan(100)
  expect(oneHop / hits).toBeGreaterThan(0.99)
})

// Kademlia: all lookups succeed at a mean lifetime of ten minutes; Pastry: lookups end at a live root, unless half a leaf set is gone.
test.each(['kademlia', 'pastry'] as const)(
  'nor do those of a network in which nobody watches who is there, and nodes live for less than a minute: %s',
  async (overlay) => {
    const { hits, misses, deaths, wrong } = await lookUpInChurn({
      overlay,
      size: 20,
      lifetimeMs: 50_000,
      seconds: 14,
      membership: 'off',
    })
    expect(wrong).toEqual([])
    expect(deaths).toBeGreaterThanOrEqual(5)
    expect(hits).toBeGreaterThan(260)
    expect(misses).toBeGreaterThan(35)
  },
)

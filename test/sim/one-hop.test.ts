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

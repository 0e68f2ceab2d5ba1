/**
 * What has been measured of Kademlia, shown on the tables and the lookup that serve requests.
 *
 * Maymounkov, Mazières, Kademlia: A Peer-to-peer Information System Based on the XOR Metric, IPTPS 2002; Cai, Devroye, The Analysis of
 * Kademlia for random IDs, 2015 (arXiv 1402.1191): hops grow with the logarithm of N, by a factor that depends on k only. The numbers are
 * those of an independent simulation of the same rules. A hop is a link of the chain of who named whom, from the origin to the nearest.
 */
import { describe, expect, test } from 'vitest'
import { hourMs, liWorkload, lookupsInChurn } from './churn.ts'
import { convergences } from './convergences.ts'
import { lossPerRound, survival } from './durability.ts'

const near = (value: number, published: number, by: number) =>
  expect(Math.abs(value - published), `${value.toFixed(3)} for ${published}`).toBeLessThanOrEqual(by)

// §2.3, “in ⌈log n⌉ + c” steps; Cai and Devroye, Theorem 1.
describe('“most operations take ⌈log n⌉ + c time”', () => {
  test.each([
    // nodes, k, hops, calls, contacts
    [100, 8, 1.62, 8.9, 36],
    [1000, 1, 4.81, undefined, undefined],
    [1000, 4, 2.67, undefined, undefined],
    [1000, 8, 2.23, 10.9, 63],
    [1000, 20, 1.88, 21.5, 131],
  ])('%i nodes, k = %i: %f hops', async (nodes, k, hops, calls, contacts) => {
    const seen = await convergences({ nodes, networks: 2, lookups: k === 20 ? 80 : 300, k })
    near(seen.hops.mean, hops, 0.15)
    if (calls !== undefined) near(seen.calls.mean, calls, 1.5)
    if (contacts !== undefined) near(seen.contacts.mean, contacts, 4)
    expect(seen.success).toBe(1)
  })
})

// §2.3: “α is a system-wide concurrency parameter”.
test('asking more at a time costs calls and hardly saves hops: α of 1, 3 and 10, k = 20', async () => {
  const of = (alpha: number) => convergences({ nodes: 1000, networks: 1, lookups: 80, k: 20, alpha })
  const [one, three, ten] = await Promise.all([1, 3, 10].map(of))
  for (const [seen, calls, hops] of [
    [one, 20.2, 1.94],
    [three, 21.5, 1.88],
    [ten, 27.7, 1.86],
  ] as const) {
    near(seen?.calls.mean ?? 0, calls, 1)
    near(seen?.hops.mean ?? 0, hops, 0.15)
  }
})

// §2.4, of k: “chosen such that any given k nodes are very unlikely to fail within an hour of each other”.
describe('right after many of 1 000 nodes have died, with nothing repaired, lookups find the nearest that lives', () => {
  test.each([
    // dead, k, part that succeeds at least, time-outs
    [0.1, 8, 0.999, 1.2],
    [0.3, 8, 0.997, 4.2],
    [0.5, 4, 0.9, 8],
    [0.5, 8, 0.994, 10.3],
  ])('%f dead, k = %i: %f of them', async (dead, k, success, timeouts) => {
    const seen = await convergences({ nodes: 1000, networks: 2, lookups: 300, k, dead })
    expect(seen.success).toBeGreaterThanOrEqual(success)
    near(seen.timeouts.mean, timeouts, 1.5)
  })
})

// §2.5: “Kademlia nodes republish each key-value pair once an hour”; (1 - e^(-T / L))^r are lost each time.
describe('of values on the r nearest, copied again every T by who is left, (1 - e^(-T / L))^r are lost in each T', () => {
  test.each([
    // T and L in minutes, r
    [60, 60, 3],
    [60, 60, 8],
    [15, 60, 3],
    [10, 60, 3],
  ])('T = %i, L = %i, r = %i', (interval, life, copies) => {
    const expected = (1 - Math.exp(-interval / life)) ** copies
    const lost = lossPerRound({ nodes: 300, values: 1000, copies, life, interval, rounds: 8 })
    // Windows overlap, so that values are lost together: some more than chance alone would differ.
    near(lost, expected, 0.003 + 0.15 * expected)
  })
})

// The same for an hour and 15 minutes, 1.1 % in each, sixty times as fast: copies are not made in rounds alone.
test('of values on three whole nodes that live for 4 T no more are lost, and all that are left are found; on one most are lost', async () => {
  const lives = { seed: 1, nodes: 10, values: 40, lifeMs: 60_000, intervalMs: 15_000, ms: 90_000 }
  const three = await survival({ ...lives, copies: 3 })
  expect(three.deaths).toBeGreaterThan(9)
  expect(three.found).toBeGreaterThanOrEqual((1 - 0.011) ** 6)
  expect(three.found).toBe(three.held)
  const one = await survival({ ...lives, copies: 1 })
  expect(one.held).toBeLessThan(0.5)
})

// Li et al., Comparing the performance of DHTs under churn, IPTPS 2004: the workload at rest. RTT 152 ms on average there.
test('over a plane the k nearest have agreed sooner than by three at a time, which takes 640 ms: the last of them are asked at once', async () => {
  const seen = await convergences({ nodes: 1024, networks: 1, lookups: 200, k: 8, plane: true })
  expect(seen.ms.percentile(0.5)).toBeGreaterThan(313)
  expect(seen.ms.percentile(0.5)).toBeLessThan(640)
  near(seen.calls.mean, 11.3, 1.5)
})

// The same workload: nodes are there, and gone, for an hour on average, look up a key every ten minutes, and refresh their buckets as often.
test('while nodes come and go all lookups end at the nearest that lives, by little more than ten calls of which one is in vain', async () => {
  const seen = await lookupsInChurn({
    ...liWorkload,
    nodes: 100,
    lifeMs: hourMs,
    refreshEveryMs: hourMs / 6,
    warmUpMs: hourMs / 4,
    measuredMs: hourMs / 6,
  })
  expect(seen.deaths).toBeGreaterThan(30)
  expect(seen.lookups).toBeGreaterThan(70)
  expect(seen.success).toBe(1)
  // 512 nodes there: five times as many take a call more.
  near(seen.calls.mean, 10.3, 1)
  near(seen.timeouts.mean, 1, 0.5)
})

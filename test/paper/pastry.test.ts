/**
 * What the paper on Pastry has measured, shown on the tables, the lookup and the arrival that serve requests.
 *
 * Rowstron, Druschel, Pastry: Scalable, Decentralized Object Location and Routing for Large-Scale Peer-to-Peer Systems, Middleware 2001.
 * Sentences in quotes are the paper's. b = 4 and |L| = 16 as there, nodes anywhere on a plane; every draw follows from a seed.
 */
import { describe, expect, test } from 'vitest'
import { stream } from '../../src/sim/random.ts'
import { StillPastry } from '../../src/sim/still-pastry.ts'
import { nearest } from '../../src/space/digits.ts'
import { arrivals } from './arrivals.ts'
import { journeys } from './proximity.ts'
import { drawOne, drawRing } from './rings.ts'

const thousand = { seed: 1, nodes: 1000, lookups: 3000, toNodes: true, near: true }

// §3.1, Fig. 4: about 2.5 hops, just under log16 1000 = 2.49; §3.2, Fig. 6: 1.3 to 1.4 times the direct way.
describe('“it seeks to minimize the distance messages travel”', () => {
  test('in a network of 1 000: 2.48 hops between random nodes, 1.30 to 1.40 times as far as directly', async () => {
    const { hops, stretch, wrong } = await journeys(thousand)
    expect(Math.abs(hops.mean - 2.48), String(hops.mean)).toBeLessThanOrEqual(0.05)
    expect(stretch).toBeGreaterThan(1.3)
    expect(stretch).toBeLessThan(1.4)
    expect(wrong).toBe(0)
  })

  test('with entries that are drawn at random: as many hops, more than 2.2 times as far', async () => {
    const { hops, stretch } = await journeys({ ...thousand, near: false })
    expect(Math.abs(hops.mean - 2.48), String(hops.mean)).toBeLessThanOrEqual(0.05)
    expect(stretch).toBeGreaterThan(2.2)
  })
})

// §2.3: the rare case, in which nobody has the next digit, is not rare for keys that are no ids.
test('“routes the message to the node with a nodeId that is numerically closest to the key”, whatever the key', async () => {
  for (const [nodes, mean] of [
    [64, 1.54],
    [200, 1.88],
    [1000, 2.46],
  ] as const) {
    const { hops, wrong } = await journeys({ seed: 2, nodes, lookups: 1000, toNodes: false, near: false })
    expect(wrong).toBe(0)
    expect(Math.abs(hops.mean - mean), `${nodes} nodes: ${hops.mean}`).toBeLessThanOrEqual(0.08)
    expect(hops.max).toBeLessThanOrEqual(Math.ceil(Math.log2(nodes) / 4) + 1)
  }
})

// §3.4, Fig. 10: with 10 % of 5 000 dead 2.73 hops become 2.96, and 2.74 once repaired: + 8 %, + 0.4 %.
describe('“among all currently live Pastry nodes”: a tenth of them has died', () => {
  test('nobody has noticed: every lookup arrives, a few per cent later; once they have, as soon as ever', async () => {
    const before = await journeys(thousand)
    const after = await journeys({ ...thousand, dead: { fraction: 0.1, noticed: false } })
    const repaired = await journeys({ ...thousand, dead: { fraction: 0.1, noticed: true } })
    expect([after.wrong, repaired.wrong]).toEqual([0, 0])
    const delay = after.hops.mean / before.hops.mean
    expect(delay).toBeGreaterThan(1.02)
    expect(delay).toBeLessThan(1.08)
    expect(repaired.hops.mean).toBeLessThanOrEqual(before.hops.mean)
  })
})

// §3.3, Fig. 7: of the 15 entries of a row less than one on average is not the nearest there is; 5 000 nodes there.
test('who asks all of whom it is told as well, in the second stage, has the nearest in nearly every place', async () => {
  const grown = { seed: 1, nodes: 80 }
  const first = (await arrivals({ ...grown, stages: 1 })).entries(0)
  const both = (await arrivals({ ...grown, stages: 2 })).entries(0)
  expect(both.best).toBeGreaterThan(14.5)
  expect(both.others).toBeLessThan(0.5)
  expect(first.others).toBeGreaterThan(1.5 * both.others)
})

// §2, with |L| = 16: whoever has them all on one side of its leaf set still has someone beyond.
test('“eventual delivery is guaranteed unless ⌊|L|/2⌋ nodes with adjacent nodeIds fail simultaneously”: seven of them', async () => {
  const random = stream(1, 'adjacent', 'failures')
  const peers = drawRing(random, 1000, 128)
  const network = new StillPastry(peers, { leafSet: 16, seed: 1 })
  for (let first = 0; first < 1000; first += 50) {
    const dead = peers.slice(first, first + 7)
    const living = peers.filter((peer) => !dead.includes(peer))
    network.kill(new Set(dead.map(({ id }) => id)))
    for (const { id: key } of dead)
      for (let lookup = 0; lookup < 10; lookup++)
        expect((await network.lookup(drawOne(random, living), key)).owner).toBe(nearest(key, living, 1)[0])
  }
})

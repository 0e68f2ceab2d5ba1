/** How long the way to an owner is: experiments that run the lookup of every node over rings at rest. */
import type { Hop } from '../../src/protocol/schemas.ts'
import { stream } from '../../src/sim/random.ts'
import { successorOf } from '../../src/space/ring.ts'
import { StillRing, type StillOptions } from '../../src/sim/still.ts'
import { drawEach, drawId, drawOne, drawRing } from './rings.ts'
import { Tally } from './tally.ts'

export interface Size {
  readonly nodes: number
  /** How many rings are drawn. */
  readonly rings: number
  /** Lookups in each ring. */
  readonly lookups: number
}

/** The node of Chord (ToN'03, Fig. 5): a successor, fingers, and nothing else. */
export const fingersOnly: StillOptions = { successors: 1, predecessor: false }

/** How many nodes were contacted that answered, the owner among them, the origin not. */
const contacted = (path: readonly Hop[]): number => new Set(path.filter(({ dead }) => !dead).map(({ id }) => id)).size

/** Path lengths of random lookups from random nodes; besides, the mean of each ring. */
export const pathLengths = async ({ nodes, rings, lookups }: Size, options: StillOptions) => {
  const lengths = new Tally()
  const ringMeans: number[] = []
  for (let seed = 0; seed < rings; seed++) {
    const random = stream(seed, `${nodes} nodes`, 'path length')
    const peers = drawRing(random, nodes)
    const ring = new StillRing(peers, options)
    const here = new Tally()
    for (let n = 0; n < lookups; n++) {
      const { path } = await ring.lookup(drawOne(random, peers), drawId(random))
      here.add(contacted(path))
      lengths.add(contacted(path))
    }
    ringMeans.push(here.mean)
  }
  return { lengths, ringMeans }
}

/**
 * Random lookups between nodes that live, right after each node has died with that probability and before anyone has
 * noticed: path lengths, dead nodes run into, and lookups that did not end at the first living node after the key.
 */
export const massFailure = async ({ nodes, rings, lookups }: Size, options: StillOptions, probability: number) => {
  const lengths = new Tally()
  const timeouts = new Tally()
  let failed = 0
  for (let seed = 0; seed < rings; seed++) {
    const random = stream(seed, `${nodes} nodes, ${probability} dead`, 'mass failure')
    const peers = drawRing(random, nodes)
    const ring = new StillRing(peers, options)
    const dead = drawEach(random, peers, probability)
    ring.kill(dead)
    const living = peers.filter(({ id }) => !dead.has(id))
    for (let n = 0; n < lookups; n++) {
      const key = drawId(random)
      const { owner, path } = await ring.lookup(drawOne(random, living), key)
      lengths.add(contacted(path))
      timeouts.add(path.filter(({ dead }) => dead).length)
      if (owner !== living[successorOf(living, key)]) failed++
    }
  }
  return { lengths, timeouts, failed }
}

/** How far messages travel in Pastry, and how near those are whom its nodes know: experiments over networks at rest. */
import type { Peer } from '../../src/protocol/schemas.ts'
import { type Latency, latencyOf } from '../../src/sim/latency.ts'
import { stream } from '../../src/sim/random.ts'
import { StillPastry } from '../../src/sim/still-pastry.ts'
import { nearest } from '../../src/space/digits.ts'
import { drawFraction, drawId, drawOne, drawRing } from './rings.ts'
import { Tally } from './tally.ts'

/** Bits of an id in the paper. */
const bits = 128
/** |L| in the paper's experiments; b is 4. */
const leafSet = 16

export interface Journeys {
  readonly seed: number
  readonly nodes: number
  readonly lookups: number
  /** Whether keys are the ids of nodes, as in the paper; else they are drawn at random. */
  readonly toNodes: boolean
  /** Whether entries are the nearest of those who fit; else they are drawn at random. */
  readonly near: boolean
  /** How many of the nodes are dead, and whether the others have noticed. */
  readonly dead?: { readonly fraction: number; readonly noticed: boolean }
}

/** Hops of random lookups, how far they travel in all as a multiple of the direct ways, and how many ended at the wrong node. */
export const journeys = async ({ seed, nodes, lookups, toNodes, near, dead }: Journeys) => {
  const random = stream(seed, `${nodes} nodes`, 'journeys')
  const peers = drawRing(random, nodes, bits)
  const gone = dead ? drawFraction(random, peers, dead.fraction) : new Set<string>()
  const living = peers.filter(({ id }) => !gone.has(id))
  const there = dead?.noticed ? living : peers
  const places = new Map(peers.map(({ id }, place) => [id, place]))
  const placeOf = ({ id }: Pick<Peer, 'id'>): number => places.get(id) as number
  const plane = latencyOf('plane', seed)
  const latency: Latency = (from, to) => plane(placeOf(there[from] as Peer), placeOf(there[to] as Peer))
  const network = new StillPastry(there, { leafSet, seed, ...(near ? { latency } : {}) })
  network.kill(gone)
  const hops = new Tally()
  let travelled = 0
  let direct = 0
  let wrong = 0
  for (let lookup = 0; lookup < lookups; lookup++) {
    const from = drawOne(random, living)
    const key = toNodes ? drawOne(random, living).id : drawId(random, bits)
    const { owner, path } = await network.lookup(from, key)
    if (owner !== nearest(key, living, 1)[0]) wrong++
    // Whoever is asked again, and named as the owner at last, is one hop.
    const way = [...new Map([from, ...path.filter((hop) => !hop.dead)].map((hop) => [hop.id, hop])).values()]
    hops.add(way.length - 1)
    for (const [at, hop] of way.entries()) if (at > 0) travelled += plane(placeOf(way[at - 1] as Peer), placeOf(hop))
    direct += plane(placeOf(from), placeOf(owner))
  }
  return { hops, stretch: travelled / direct, wrong }
}

/** How Kademlia's lookups travel: experiments that run the lookup of every node over networks at rest. */
import { compareDistance } from '../../src/overlay/kademlia/placement.ts'
import type { Peer } from '../../src/protocol/schemas.ts'
import { latencyOf } from '../../src/sim/latency.ts'
import { stream } from '../../src/sim/random.ts'
import { StillKademlia } from '../../src/sim/still-kademlia.ts'
import type { RoundTrip } from '../../src/sim/still-network.ts'
import { drawEach, drawId, drawOne, drawRing } from './rings.ts'
import { Tally } from './tally.ts'

export interface Convergence {
  readonly nodes: number
  readonly networks: number
  /** In each network. */
  readonly lookups: number
  readonly k: number
  readonly alpha?: number
  /** Each node is dead with that probability, and nobody has noticed. */
  readonly dead?: number
  /** Whether answers take time: nodes lie on a plane, 152 ms to and fro on average. */
  readonly plane?: boolean
}

/** Hops, calls and time-outs of random lookups, what part of them found the nearest living node, and how many contacts nodes have. */
export const convergences = async ({ nodes, networks, lookups, k, alpha, dead = 0, plane = false }: Convergence) => {
  const [hops, calls, timeouts, contacts, ms] = [new Tally(), new Tally(), new Tally(), new Tally(), new Tally()]
  let right = 0
  for (let seed = 0; seed < networks; seed++) {
    const random = stream(seed, `${nodes} nodes, ${dead} dead`, 'convergence')
    const peers = drawRing(random, nodes)
    const network = new StillKademlia(peers, { k, seed, ...(alpha === undefined ? {} : { alpha }) })
    const gone = drawEach(random, peers, dead)
    network.kill(gone)
    if (plane) network.slow(roundTripsOf(peers, seed))
    const living = peers.filter(({ id }) => !gone.has(id))
    for (let lookup = 0; lookup < lookups; lookup++) {
      const key = drawId(random)
      const from = drawOne(random, living)
      const travel = await network.lookup(from, key)
      hops.add(travel.hops)
      calls.add(travel.path.length)
      timeouts.add(travel.path.filter((hop) => hop.dead).length)
      ms.add(Math.round(travel.ms))
      contacts.add(network.table(from).peers.length)
      if (travel.owner.id === nearestOf(key, living).id) right++
    }
  }
  return { hops, calls, timeouts, contacts, ms, success: right / (networks * lookups) }
}

/** The mean distance on a square is 0.52 of its side, which is 200 ms one way. */
const toMeanOf152 = 152 / (2 * 0.5214 * 200)

const roundTripsOf = (peers: readonly Peer[], seed: number): RoundTrip => {
  const places = new Map(peers.map(({ id }, place) => [id, place]))
  const latency = latencyOf('plane', seed)
  return (from, to) => 2 * toMeanOf152 * latency(places.get(from.id) as number, places.get(to.id) as number)
}

const nearestOf = (key: string, peers: readonly Peer[]): Peer =>
  peers.reduce((best, peer) => (compareDistance(key, peer.id, best.id) < 0 ? peer : best))

/** How fast routing tables are built and lookups routed when nothing has to travel: full-width ids, lists of 5. */
import { idBits } from '../../src/space/id.ts'
import { stream } from '../../src/sim/random.ts'
import { StillRing } from '../../src/sim/still.ts'
import { drawId, drawOne, drawRing } from '../paper/rings.ts'

export interface StillSeconds {
  /** For the tables of all nodes: successor list, predecessor, fingers. */
  readonly build: number
  /** For all lookups. */
  readonly route: number
  /** Nodes contacted in a lookup, on average. */
  readonly hops: number
}

/** Builds the tables of so many nodes and routes as many lookups, each from a random node to a random key. */
export const measureStill = async (nodes = 100_000, lookups = nodes): Promise<StillSeconds> => {
  const random = stream(1, `${nodes} nodes`, 'still ring')
  const peers = drawRing(random, nodes, idBits.maximum)
  const began = performance.now()
  const ring = new StillRing(peers, { successors: 5, predecessor: true })
  const built = performance.now()
  let contacted = 0
  for (let n = 0; n < lookups; n++)
    contacted += (await ring.lookup(drawOne(random, peers), drawId(random, idBits.maximum))).path.length
  const routed = performance.now()
  return { build: (built - began) / 1000, route: (routed - built) / 1000, hops: contacted / lookups }
}

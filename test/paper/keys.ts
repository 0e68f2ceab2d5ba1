/** Where keys fall, and which of them are lost with the nodes that held them. */
import { stream } from '../../src/sim/random.ts'
import { successorOf } from '../../src/space/ring.ts'
import { StillRing } from '../../src/sim/still.ts'
import { drawEach, drawFraction, drawId, drawOne, drawRing } from './rings.ts'
import { Tally } from './tally.ts'

export interface Load {
  readonly seed: number
  /** Real nodes. */
  readonly nodes: number
  /** Ids on the ring of each real node. */
  readonly virtualIds: number
}

/** Keys per real node, once for each of the growing numbers of keys. */
export const keysPerNode = ({ seed, nodes, virtualIds }: Load, keyCounts: readonly number[]): Tally[] => {
  const random = stream(seed, `${nodes} nodes of ${virtualIds} ids`, 'load')
  const ring = drawRing(random, nodes * virtualIds)
  // Ids in order of the circle are dealt to the real nodes at random, the same number to each.
  const nodeAt = Uint32Array.from(ring, (_, at) => at % nodes)
  for (let at = nodeAt.length - 1; at > 0; at--) {
    const other = random.below(at + 1)
    const mine = nodeAt[at] as number
    nodeAt[at] = nodeAt[other] as number
    nodeAt[other] = mine
  }
  const held = new Uint32Array(nodes)
  let placed = 0
  return keyCounts.map((count) => {
    for (; placed < count; placed++) {
      const node = nodeAt[successorOf(ring, drawId(random))] as number
      held[node] = (held[node] as number) + 1
    }
    const tally = new Tally()
    for (const keys of held) tally.add(keys)
    return tally
  })
}

/**
 * A fraction of the nodes dies, the rest finds together again, and random keys are looked up. Part of the keys that are
 * not found at the node which owned them before; and how many of those are missed although that node lives.
 */
export const keysLost = async (seed: number, nodes: number, keys: number, fraction: number) => {
  const random = stream(seed, `${nodes} nodes, ${fraction} dead`, 'keys lost')
  const before = drawRing(random, nodes)
  const dead = drawFraction(random, before, fraction)
  const living = before.filter(({ id }) => !dead.has(id))
  const ring = new StillRing(living, { successors: 5, predecessor: true })
  let lost = 0
  let missed = 0
  for (let n = 0; n < keys; n++) {
    const key = drawId(random)
    const held = before[successorOf(before, key)]
    const { owner } = await ring.lookup(drawOne(random, living), key)
    if (owner === held) continue
    lost++
    if (held && !dead.has(held.id)) missed++
  }
  return { lost: lost / keys, missed }
}

/**
 * Part of the keys that are lost for 1, 2, … `copiesMax` copies on consecutive nodes, when each node dies with that
 * probability.
 */
export const copiesLost = (seed: number, nodes: number, keys: number, probability: number, copiesMax: number): number[] => {
  const random = stream(seed, `${nodes} nodes, ${probability} dead`, 'copies lost')
  const peers = drawRing(random, nodes)
  const dead = drawEach(random, peers, probability)
  const lost = Array.from({ length: copiesMax }, () => 0)
  for (let n = 0; n < keys; n++) {
    const owner = successorOf(peers, drawId(random))
    for (let copy = 0; copy < copiesMax; copy++) {
      if (!dead.has(peers[(owner + copy) % nodes]?.id ?? '')) break
      lost[copy] = (lost[copy] as number) + 1
    }
  }
  return lost.map((count) => count / keys)
}

/** Finding out that a network has two rings, and which of them is to yield. See docs/decisions/003. */
import { Refusal } from '../../protocol/errors.ts'
import type { Peer } from '../../protocol/schemas.ts'
import { distinct } from '../../space/id.ts'
import type { Ring } from './ring.ts'
import { predecessorsOf } from './stabilize.ts'

/**
 * Looks this node up through someone else. When that finds nobody of this ring there are two (a newcomer whom nobody has heard
 * of yet shares its successor with the others); the smaller ring yields, or the one whose first node is larger, each of its
 * nodes by itself.
 * @returns 'theirs' to yield, 'ours' when they should, 'same' when there is one ring, or nothing to be learnt; 'mixed' when the contact does
 * not find this ring, and those that it names do
 */
export const compareRings = async (ring: Ring, contact: Peer): Promise<'same' | 'ours' | 'theirs' | 'mixed'> => {
  const { me, table } = ring
  try {
    // By their urls: a node with an id of ours may be in another ring. And as they are now: some of ours may have gone over meanwhile.
    const isOurs = (one: Peer) => [me, table.predecessor, ...table.successors].some(({ url }) => url === one.url)
    const there = await ring.nodesAround(me.id, { through: contact })
    if (there.some(isOurs)) return 'same'
    const [theirFirst, first] = [await firstOf(ring, contact), await firstOf(ring)]
    if (theirFirst.id === first.id && theirFirst.url === first.url) return 'same'
    const theirs = await livingAround(ring, there[0] ?? contact)
    if (!theirs) return 'same'
    // What one says of its ring, those whom it has there have to bear out: they may be of ours.
    for (const one of theirs.filter(({ id }) => id !== me.id)) {
      const around = await ring.attempt(() => ring.nodesAround(me.id, { through: one }))
      if (around?.some(isOurs)) return 'mixed'
    }
    const theirSize = 1 + theirs.length
    const size = 1 + (await livingOf(ring, table.successors)).length
    const isEarlier = theirFirst.id === first.id ? theirFirst.url < first.url : theirFirst.id < first.id
    const yields = size === theirSize ? isEarlier : size < theirSize
    return yields ? 'theirs' : 'ours'
  } catch (error) {
    if (error instanceof Refusal) return 'same'
    throw error
  }
}

/** Who lives after a peer, as far as its successor list tells. Undefined when it does not say. */
const livingAround = async (ring: Ring, peer: Peer): Promise<Peer[] | undefined> => {
  const answer = await ring.call(peer, 'neighborhood', {})
  if (!answer) return undefined
  // Whoever names one twice, or more than a list holds, makes its ring no larger.
  const others = distinct(answer.successors.filter((one) => one.id !== peer.id && ring.isSound(one)))
  return livingOf(ring, others.slice(0, ring.options.successors))
}

/** Those of them who answer: one that has heard nobody for a while still names the dead. */
const livingOf = async (ring: Ring, peers: readonly Peer[]): Promise<Peer[]> => {
  const living = await Promise.all(peers.map((peer) => predecessorsOf(ring, peer)))
  return peers.filter((_, at) => living[at] !== undefined)
}

/** The first node at or after zero: every node of one ring finds the same. */
const firstOf = async (ring: Ring, through?: Peer): Promise<Peer> => {
  const [before, first = before] = await ring.nodesAround('0'.repeat(ring.me.id.length), { through })
  return first ?? ring.me
}

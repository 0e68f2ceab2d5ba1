/** What must hold of the tables of a Kademlia network, as predicates over what members show. */
import type { Snapshot, Violations } from '../overlay.ts'
import type { Peer } from '../../protocol/schemas.ts'
import { type Id, shortId } from '../../space/id.ts'
import { commonBits } from '../../space/xor.ts'
import type { KademliaOptions } from './options.ts'

interface Shown {
  readonly buckets?: readonly { readonly bits: number; readonly peers: readonly Peer[] }[]
}

/** At every moment: nobody knows itself, or someone twice; who is in a bucket belongs there; only the nearest buckets have more than k. */
export const checkTables = (snapshot: Snapshot, options: KademliaOptions): Violations =>
  [...snapshot].flatMap(([id, shown]) => {
    const { buckets = [] } = shown as Shown
    const ids = buckets.flatMap(({ peers }) => peers.map((peer) => peer.id))
    const depth = depthOf(id, ids, options)
    return [
      ...(ids.includes(id) ? [`NoSelf: ${shortId(id)} knows itself`] : []),
      ...(new Set(ids).size < ids.length ? [`NoDuplicates: ${shortId(id)} knows someone twice`] : []),
      ...buckets
        .filter(({ bits, peers }) => peers.some((peer) => commonBits(peer.id, id) !== bits))
        .map(({ bits }) => `RightBucket: bucket ${bits} of ${shortId(id)} has someone who belongs elsewhere`),
      ...buckets
        .filter(({ bits, peers }) => bits < depth && peers.length > options.k)
        .map(({ bits, peers }) => `BucketSize: bucket ${bits} of ${shortId(id)} has ${peers.length} contacts`),
    ]
  })

/**
 * Once maintenance has done its work: everyone knows all whom it may share ranges with, which are those in the smallest subtree around it
 * that has k nodes and in subtrees of no more than a window, and none that is gone; and somebody in every other subtree.
 */
export const checkIdeal = (snapshot: Snapshot, options: KademliaOptions): Violations => {
  const members = [...snapshot.keys()]
  return [...snapshot].flatMap(([id, shown]) => {
    const others = members.filter((other) => other !== id)
    const depth = depthOf(id, others, options)
    const { buckets = [] } = shown as Shown
    const known = new Set(buckets.flatMap(({ peers }) => peers.map((peer) => peer.id)))
    const reach = Math.max(-1, ...[...others, ...known].map((other) => commonBits(other, id)))
    return Array.from({ length: reach + 1 }, (_, bits) => bits).flatMap((bits) => {
      const there = others.filter((other) => commonBits(other, id) === bits)
      const lacking = there.filter((other) => !known.has(other))
      const gone = [...known].filter((other) => commonBits(other, id) === bits && !snapshot.has(other))
      if (bits < depth && there.length > options.replicas)
        return lacking.length < there.length ? [] : [`Reachable: ${shortId(id)} knows nobody in its bucket ${bits}`]
      return [
        ...lacking.map((other) => `Neighbours: ${shortId(id)} does not know ${shortId(other)}`),
        ...gone.map((other) => `Neighbours: ${shortId(id)} still knows ${shortId(other)}, which is gone`),
      ]
    })
  })
}

/** The first bits of the smallest subtree around a node that has k of these. */
const depthOf = (id: Id, others: readonly Id[], { k, replicas }: KademliaOptions): number =>
  others.map((other) => commonBits(other, id)).sort((a, b) => b - a)[Math.max(k, replicas + 1) - 2] ?? 0

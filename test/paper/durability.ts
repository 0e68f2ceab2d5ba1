/** What is left of values whose holders come and go, where copies are made again from time to time. */
import { place } from '../../src/overlay/kademlia/placement.ts'
import type { Peer } from '../../src/protocol/schemas.ts'
import { stream } from '../../src/sim/random.ts'
import { drawId, drawRing } from './rings.ts'

export interface Durability {
  readonly nodes: number
  readonly values: number
  readonly copies: number
  /** Mean life of a node, and the time between two rounds of copying, in the same unit. */
  readonly life: number
  readonly interval: number
  readonly rounds: number
}

/** The part of the values that was lost in a round, on average: whoever goes is replaced by a newcomer who has nothing. */
export const lossPerRound = ({ nodes, values, copies, life, interval, rounds }: Durability): number => {
  const random = stream(1, `${copies} copies, ${interval} of ${life}`, 'durability')
  const survival = Math.exp(-interval / life)
  let peers: readonly Peer[] = drawRing(random, nodes)
  let holders = Array.from({ length: values }, () => {
    const key = drawId(random)
    return { key, held: new Set(place(key, peers, copies).map(({ id }) => id)) }
  })
  let lost = 0
  let held = 0
  for (let round = 0; round < rounds; round++) {
    held += holders.length
    const stay = new Set(peers.filter(() => random.below(1e9) / 1e9 < survival).map(({ id }) => id))
    const left = holders.filter((value) => [...value.held].some((id) => stay.has(id)))
    lost += holders.length - left.length
    peers = peers.map((peer) => (stay.has(peer.id) ? peer : { ...peer, id: drawId(random) }))
    holders = left.map(({ key }) => ({ key, held: new Set(place(key, peers, copies).map(({ id }) => id)) }))
  }
  return lost / held
}

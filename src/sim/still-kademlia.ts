/**
 * Kademlia at rest: every node knows all in the smallest subtree around it that has k nodes, and in each bucket beyond as many of all who
 * belong there as it holds, drawn at random. A table is made when it is first asked.
 */
import { Table } from '../overlay/kademlia/table.ts'
import { place } from '../overlay/kademlia/placement.ts'
import type { Confirmation } from '../overlay/convergence.ts'
import type { Route } from '../protocol/peer-api.ts'
import type { Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { flipped, subtree } from '../space/xor.ts'
import { stream } from './random.ts'
import { StillNetwork } from './still-network.ts'

export interface StillKademliaOptions {
  readonly k: number
  /** Peers asked at the same time, 3 without it. */
  readonly alpha?: number
  readonly seed: number
}

export class StillKademlia extends StillNetwork {
  readonly #peers: readonly Peer[]
  readonly #options: StillKademliaOptions
  readonly #tables = new Map<Id, Table>()

  /** @param peers by id */
  constructor(peers: readonly Peer[], options: StillKademliaOptions) {
    super(peers)
    this.#peers = peers
    this.#options = options
  }

  /** What that node knows. */
  table(me: Peer): Table {
    let table = this.#tables.get(me.id)
    if (!table) {
      table = this.#tableOf(me)
      this.#tables.set(me.id, table)
    }
    return table
  }

  protected route(at: Peer, key: Id, avoid: ReadonlySet<Id>): Route {
    return { peers: this.table(at).nearest(key, this.#options.k, avoid), final: false }
  }

  protected override confirmation(at: Peer, key: Id): Confirmation {
    const { k, alpha } = this.#options
    return { me: at.id, nearest: (peers) => place(key, peers, k), ...(alpha === undefined ? {} : { width: alpha }) }
  }

  /** The nearest bucket first, so that the table knows how far its neighbourhood reaches. */
  #tableOf(me: Peer): Table {
    const { k, seed } = this.#options
    const table = new Table(me, { k, replicas: 1 })
    const random = stream(seed, me.id, 'buckets')
    const around = Array.from({ length: 4 * me.id.length }, (_, bits) => this.#under(subtree(flipped(me.id, bits), bits + 1)))
    for (const [low, high] of around.toReversed()) {
      const places = Array.from({ length: high - low }, (_, at) => low + at)
      for (let left = places.length; left > 0; left--) {
        const [at] = places.splice(random.below(left), 1) as [number]
        const peer = this.#peers[at] as Peer
        if (!table.wants(peer)) break
        table.admit(peer, 0)
      }
    }
    return table
  }

  /** Where those begin and end whose ids are in a subtree. */
  #under({ first, last }: { first: Id; last: Id }): [number, number] {
    return [this.#from(first), this.#from(last, true)]
  }

  /** How many ids are less than that one, or, when it is to be among them, no greater. */
  #from(id: Id, inclusive = false): number {
    let [low, high] = [0, this.#peers.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = (this.#peers[middle] as Peer).id
      if (other < id || (inclusive && other === id)) low = middle + 1
      else high = middle
    }
    return low
  }
}

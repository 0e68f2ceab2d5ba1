/**
 * Pastry at rest: every node's leaf set as the ids make it, and in each place of its routing table the nearest of all who fit, or one of
 * them drawn at random. Without the neighbourhood set, which routes nothing. A table is made when it is first asked.
 */
import type { Route } from '../protocol/peer-api.ts'
import type { Peer } from '../protocol/schemas.ts'
import { Table } from '../overlay/pastry/table.ts'
import type { Id } from '../space/id.ts'
import { successorOf } from '../space/ring.ts'
import type { Latency } from './latency.ts'
import { stream } from './random.ts'
import { StillNetwork } from './still-network.ts'

/** Candidates that one answer names, as in the content layer. */
const breadth = 8

/** Tables that are kept: a large network's do not fit into memory, and one that is made again is the same. */
const tablesMost = 20_000

export interface StillPastryOptions {
  readonly leafSet: number
  /** Between the peers, by their places in the list; without it entries are drawn at random. */
  readonly latency?: Latency
  readonly seed: number
}

export class StillPastry extends StillNetwork {
  readonly #peers: readonly Peer[]
  readonly #options: StillPastryOptions
  readonly #tables = new Map<Id, Table>()

  /** @param peers clockwise, by id */
  constructor(peers: readonly Peer[], options: StillPastryOptions) {
    super(peers)
    this.#peers = peers
    this.#options = options
  }

  /** What that node knows. */
  table(id: Id): Table {
    let table = this.#tables.get(id)
    if (!table) {
      if (this.#tables.size === tablesMost) this.#tables.clear()
      table = this.#tableAt(successorOf(this.#peers, id))
      this.#tables.set(id, table)
    }
    return table
  }

  protected route(at: Peer, key: Id, avoid: ReadonlySet<Id>): Route {
    return this.table(at.id).route(key, breadth, avoid)
  }

  #tableAt(at: number): Table {
    const peers = this.#peers
    const { leafSet, latency, seed } = this.#options
    const me = peers[at] as Peer
    const table = new Table(me, { replicas: 1, leafSetSize: leafSet, neighborhoodSize: 1 })
    const random = stream(seed, me.id, 'routing table')
    const admit = (other: number) => table.admit(peers[other] as Peer, latency ? 2 * latency(at, other) : 0)
    // Those who share so many digits with this node stand side by side.
    for (let shared = 0, from = 0, to = peers.length; to - from > 1; shared++) {
      const borders = bordersOf(peers, me.id.slice(0, shared), from, to)
      const here = borders.findIndex((border) => border > at)
      for (const [digit, high] of borders.entries()) {
        const low = borders[digit - 1] ?? from
        if (digit !== here && low < high) admit(latency ? nearestOf(at, low, high, latency) : low + random.below(high - low))
      }
      ;[from, to] = [borders[here - 1] ?? from, borders[here] ?? to]
    }
    for (let places = 1; places <= Math.min(leafSet / 2, peers.length - 1); places++)
      for (const other of [at + places, at - places + peers.length]) admit(other % peers.length)
    return table
  }
}

/** Where among the peers from..to, who all begin so, each next digit ends: sixteen borders. */
const bordersOf = (peers: readonly Peer[], prefix: string, from: number, to: number): number[] => {
  const borders: number[] = []
  for (let digit = 1, low = from; digit <= 16; digit++) {
    const end = prefix + digit.toString(16)
    if (digit === 16) low = to
    let high = to
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((peers[middle] as Peer).id < end) low = middle + 1
      else high = middle
    }
    borders.push(low)
  }
  return borders
}

const nearestOf = (at: number, low: number, high: number, latency: Latency): number => {
  let best = low
  for (let other = low + 1; other < high; other++) if (latency(at, other) < latency(at, best)) best = other
  return best
}

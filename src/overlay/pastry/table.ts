/**
 * What a Pastry node knows, and what follows from it without asking anyone: leaf set, routing table, neighbourhood. Pastry §2.2.
 *
 * Whoever is in one of them has answered. Of all who fit into a place of the routing table the nearest is kept, by the round trips
 * of calls; the neighbourhood set M is of those who are nearest of all, and routes nothing.
 */
import type { Route } from '../../protocol/peer-api.ts'
import type { Peer } from '../../protocol/schemas.ts'
import { isNearer, sharedDigits } from '../../space/digits.ts'
import { distinct, type Id } from '../../space/id.ts'
import { LeafSet } from './leaf-set.ts'
import type { PastryOptions } from './options.ts'

/** What a slower answer than before counts for: of how far away a peer is, the quick ones tell. */
const newest = 1 / 8

type TableOptions = Pick<PastryOptions, 'replicas' | 'leafSetSize' | 'neighborhoodSize'>

export class Table {
  readonly me: Peer
  readonly leaves: LeafSet
  readonly #options: TableOptions
  /** The routing table R, by place: digits that this node begins with, and another one; the nearest of those who begin so. */
  readonly #routes = new Map<string, Peer>()
  /** The neighbourhood set M, nearest first. */
  #neighborhood: readonly Peer[] = []
  /** Round trips of all who are known, ms. */
  readonly #rtts = new WeakMap<Peer, number>()
  #revision = 0

  constructor(me: Peer, options: TableOptions) {
    this.me = me
    this.#options = options
    this.leaves = new LeafSet(me, options.leafSetSize)
  }

  get revision(): number {
    return this.#revision
  }

  /** The routing table by rows, the first of those without shared digits. */
  get rows(): Peer[][] {
    const rows: Peer[][] = []
    for (const [place, peer] of this.#routes) {
      while (rows.length < place.length) rows.push([])
      rows[place.length - 1]?.push(peer)
    }
    return rows
  }

  /** Nearest first. */
  get neighborhood(): readonly Peer[] {
    return this.#neighborhood
  }

  /** Everyone in it, each once. */
  get known(): Peer[] {
    return distinct([...this.leaves.members, ...this.#routes.values(), ...this.#neighborhood])
  }

  /** The same, the nearest by round trip first. */
  get byRoundTrip(): Peer[] {
    return this.#nearestFirst(this.known)
  }

  /** Round trip to someone known, ms, smoothed. */
  rttOf(id: Id): number {
    return this.#rttOf(this.get(id))
  }

  /** Where an id belongs in the routing table: the digits shared with this node, and the one after them. */
  placeOf(id: Id): string {
    return id.slice(0, sharedDigits(this.me.id, id) + 1)
  }

  at(place: string): Peer | undefined {
    return this.#routes.get(place)
  }

  get(id: Id): Peer | undefined {
    const there = this.at(this.placeOf(id))
    return this.leaves.get(id) ?? (there?.id === id ? there : this.#neighborhood.find((peer) => peer.id === id))
  }

  /** Whether it is worth asking that one whether it is there: it would fill a gap. */
  lacks(id: Id): boolean {
    if (id === this.me.id) return false
    return this.leaves.lacks(id) || !this.at(this.placeOf(id))
  }

  /** Takes in someone who has answered, wherever it is of use. Returns whether the leaf set is another one now. */
  admit(peer: Peer, rttMs: number): boolean {
    const { id, url } = peer
    if (id === this.me.id) return false
    const former = this.get(id)
    if (former && former.url !== url) this.drop(id)
    const known = this.get(id) ?? peer
    const before = this.#rtts.get(known)
    this.#rtts.set(known, before === undefined || rttMs < before ? rttMs : before + (rttMs - before) * newest)
    const [isLeaf, isRoute, isNear] = [this.leaves.add(known), this.#prefer(known), this.#befriend(known)]
    if (isLeaf || isRoute || isNear) this.#revision++
    return isLeaf
  }

  /** Forgets someone who has not answered. Returns whether the leaf set is another one now. */
  drop(id: Id): boolean {
    const place = this.placeOf(id)
    if (this.at(place)?.id === id) this.#routes.delete(place)
    this.#neighborhood = this.#neighborhood.filter((peer) => peer.id !== id)
    this.#revision++
    return this.leaves.drop(id)
  }

  /** See LeafSet.settle. */
  settle(): void {
    this.leaves.settle()
    this.#revision++
  }

  /** Gives it its place in the routing table when it is nearer than who is there. Returns whether it is new there. */
  #prefer(peer: Peer): boolean {
    const place = this.placeOf(peer.id)
    const there = this.at(place)
    if (there && this.#rttOf(there) <= this.#rttOf(peer)) return false
    this.#routes.set(place, peer)
    return true
  }

  /** The same for the neighbourhood set. */
  #befriend(peer: Peer): boolean {
    const isKnown = this.#neighborhood.includes(peer)
    const near = this.#nearestFirst(isKnown ? this.#neighborhood : [...this.#neighborhood, peer])
    this.#neighborhood = near.slice(0, this.#options.neighborhoodSize)
    return !isKnown && this.#neighborhood.includes(peer)
  }

  #nearestFirst(peers: readonly Peer[]): Peer[] {
    return peers.toSorted((a, b) => this.#rttOf(a) - this.#rttOf(b))
  }

  #rttOf(known: Peer | undefined): number {
    return (known && this.#rtts.get(known)) ?? Infinity
  }

  /**
   * One step towards the window of a key: see Overlay.route. Pastry §2.3, Table 1: the nearest of the leaf set when that has the key
   * between its ends, else one who shares a digit more, else whoever shares as many and is nearer.
   */
  route(key: Id, count: number, avoid: ReadonlySet<Id>): Route {
    const { leaves, me } = this
    if (leaves.covers(key, avoid)) {
      const peers = leaves.nearest(key, Math.max(count, this.#options.replicas), avoid)
      const isOwner = peers[0]?.id === me.id
      const final = isOwner || leaves.isSure(key, peers.slice(0, this.#options.replicas), avoid)
      const here = peers.findIndex(({ id }) => id === me.id)
      // Who is asked next is nearer than this node.
      const nearer = final || here < 0 ? peers : peers.slice(0, here)
      return { peers: nearer.slice(0, count), final }
    }
    const shared = sharedDigits(key, me.id)
    const entry = this.at(key.slice(0, shared + 1))
    const ways = this.known.filter(({ id }) => id !== entry?.id && !avoid.has(id) && sharedDigits(key, id) >= shared)
    const longer = ways.filter(({ id }) => sharedDigits(key, id) > shared)
    const peers = entry && !avoid.has(entry.id) ? [entry, ...longer] : longer
    // The rare case.
    const rest = peers.length > 0 ? peers : ways.filter(({ id }) => isNearer(key, id, me.id)).sort(byNearness(key))
    return { peers: rest.slice(0, count), final: false }
  }
}

const byNearness = (key: Id) => (a: Peer, b: Peer) =>
  sharedDigits(key, b.id) - sharedDigits(key, a.id) || (isNearer(key, a.id, b.id) ? -1 : 1)

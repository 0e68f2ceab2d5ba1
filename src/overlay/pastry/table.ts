/**
 * What a Pastry node knows, and what follows from it without asking anyone: leaf set, routing table, neighbourhood. Pastry §2.2.
 *
 * Whoever is in one of them has answered. Of all who fit into a place of the routing table the nearest is kept, by the round trips
 * of calls; the neighbourhood set M is of those who are nearest of all, and routes nothing.
 */
import type { Route } from '../../protocol/peer-api.ts'
import type { Peer } from '../../protocol/schemas.ts'
import { isNearer, sharedDigits } from '../../space/digits.ts'
import type { Id } from '../../space/id.ts'
import { LeafSet } from './leaf-set.ts'
import type { PastryOptions } from './options.ts'

/** Where an id belongs in the routing table: digits shared with this node, and the digit after them. */
export interface Place {
  readonly row: number
  readonly digit: string
}

/** What a slower answer than before counts for: of how far away a peer is, the quick ones tell. */
const newest = 1 / 8

export class Table {
  readonly me: Peer
  readonly leaves: LeafSet
  readonly #options: Pick<PastryOptions, 'replicas' | 'leafSetSize' | 'neighborhoodSize'>
  /** By row: digit → the nearest with that digit after as many shared ones. */
  readonly #rows: Map<string, Peer>[] = []
  readonly #neighborhood = new Map<Id, Peer>()
  /** Round trips of all who are known, ms. */
  readonly #rtts = new Map<Id, number>()
  #revision = 0

  constructor(me: Peer, options: Pick<PastryOptions, 'replicas' | 'leafSetSize' | 'neighborhoodSize'>) {
    this.me = me
    this.#options = options
    this.leaves = new LeafSet(me, options.leafSetSize)
  }

  get revision(): number {
    return this.#revision
  }

  /** Populated rows, the first without shared digits: digit → peer. */
  get rows(): readonly ReadonlyMap<string, Peer>[] {
    return this.#rows
  }

  /** Nearest first. */
  get neighborhood(): readonly Peer[] {
    return [...this.#neighborhood.values()].sort((a, b) => this.rttOf(a.id) - this.rttOf(b.id))
  }

  /** Everyone in it, each once. */
  get known(): readonly Peer[] {
    const all = [...this.leaves.members, ...this.#rows.flatMap((row) => [...row.values()]), ...this.#neighborhood.values()]
    return [...new Map(all.map((peer) => [peer.id, peer])).values()]
  }

  /** Round trip to someone known, ms, smoothed. */
  rttOf(id: Id): number {
    return this.#rtts.get(id) ?? Infinity
  }

  placeOf(id: Id): Place {
    const row = sharedDigits(this.me.id, id)
    return { row, digit: id[row] ?? '' }
  }

  at({ row, digit }: Place): Peer | undefined {
    return this.#rows[row]?.get(digit)
  }

  /** Whether it is of the neighbourhood. */
  isNear(id: Id): boolean {
    return this.#neighborhood.has(id)
  }

  get(id: Id): Peer | undefined {
    const there = this.at(this.placeOf(id))
    return this.leaves.get(id) ?? (there?.id === id ? there : this.#neighborhood.get(id))
  }

  /** Whether it is worth asking that one whether it is there: it would fill a gap. */
  lacks(id: Id): boolean {
    if (id === this.me.id) return false
    return (this.leaves.spans(id) && !this.leaves.get(id)) || !this.at(this.placeOf(id))
  }

  /** Takes in someone who has answered, wherever it is of use. Returns whether the leaf set is another one now. */
  admit(peer: Peer, rttMs: number): boolean {
    const { id } = peer
    if (id === this.me.id) return false
    const former = this.get(id)
    if (former && former.url !== peer.url) this.drop(id)
    const before = this.#rtts.get(id)
    this.#rtts.set(id, before === undefined || rttMs < before ? rttMs : before + (rttMs - before) * newest)
    const changed = this.leaves.add(peer)
    const there = this.#prefer(peer)
    const far = this.#befriend(peer)
    if (changed || there?.id !== id || far?.id !== id) this.#revision++
    for (const one of [peer, there, far]) if (one && !this.get(one.id)) this.#rtts.delete(one.id)
    return changed
  }

  /** Forgets someone who has not answered. Returns whether the leaf set is another one now. */
  drop(id: Id): boolean {
    const place = this.placeOf(id)
    if (this.at(place)?.id === id) this.#rows[place.row]?.delete(place.digit)
    while (this.#rows.at(-1)?.size === 0) this.#rows.pop()
    this.#neighborhood.delete(id)
    this.#rtts.delete(id)
    this.#revision++
    return this.leaves.drop(id)
  }

  clear(): void {
    for (const { id } of this.known) this.drop(id)
    this.settle()
  }

  /** See LeafSet.settle. */
  settle(): void {
    this.leaves.settle()
    this.#revision++
  }

  /** Gives it its place in the routing table when it is the nearest for it. Returns who has that place not, or not any more. */
  #prefer(peer: Peer): Peer | undefined {
    const { row, digit } = this.placeOf(peer.id)
    const there = this.at({ row, digit })
    if (there && (there.id === peer.id || this.rttOf(there.id) <= this.rttOf(peer.id))) return peer
    while (this.#rows.length <= row) this.#rows.push(new Map())
    this.#rows[row]?.set(digit, peer)
    return there
  }

  /** The same for the neighbourhood set. */
  #befriend(peer: Peer): Peer | undefined {
    const isNew = !this.#neighborhood.has(peer.id)
    this.#neighborhood.set(peer.id, peer)
    if (this.#neighborhood.size <= this.#options.neighborhoodSize) return isNew ? undefined : peer
    const last = this.neighborhood.at(-1) as Peer
    this.#neighborhood.delete(last.id)
    return last
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
    const entry = this.#rows[shared]?.get(key[shared] ?? '')
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

/**
 * What a Chord node knows of its ring, and what follows from it without asking anyone.
 *
 * Successor list and predecessor as in Zave's corrected Chord (TSE'17): the list is replaced whole. Routing uses fingers
 * and successor list, for the way and for its end. Chord (ToN'03) §IV-D, §IV-E.3.
 */
import type { Cell, HeldBy, Place } from '../overlay.ts'
import type { Route } from '../../protocol/peer-api.ts'
import type { Mode, Peer } from '../../protocol/schemas.ts'
import { distinct, type Id } from '../../space/id.ts'
import { between, idBefore, inArc } from '../../space/ring.ts'
import type { ChordOptions } from './options.ts'
import { Placement } from './placement.ts'
import { Predecessors, samePeer } from './predecessors.ts'
import { Successors } from './successors.ts'

type TableOptions = Pick<ChordOptions, 'replicas' | 'ownership' | 'successors'>

export class Table {
  readonly me: Peer
  readonly #options: TableOptions
  readonly #placement: Placement
  readonly #after: Successors
  readonly #before: Predecessors
  #fingers: ReadonlyMap<number, Peer> = new Map()
  /** Everyone worth routing to, clockwise from this node; made when first asked for. */
  #ways: readonly Peer[] | undefined
  #revision = 0
  readonly place: Place
  readonly heldBy: HeldBy

  constructor(me: Peer, options: TableOptions) {
    this.me = me
    this.#options = options
    this.#after = new Successors(me, options.successors)
    this.#before = new Predecessors(me, options.replicas)
    this.#placement = new Placement(options.ownership)
    this.place = this.#placement.place
    this.heldBy = this.#placement.heldBy
  }

  /** Grows with every change. */
  get revision(): number {
    return this.#revision
  }

  /** Nearest first; empty on a lone node. */
  get successors(): readonly Peer[] {
    return this.#after.list
  }

  /** The head of the list; a lone node is its own neighbour. */
  get successor(): Peer {
    return this.successors[0] ?? this.me
  }

  get predecessor(): Peer {
    return this.#before.nearest ?? this.me
  }

  /** Those acknowledged, nearest first, at most `replicas`; nobody as long as this node is not. A lone node precedes itself. */
  get predecessors(): readonly Peer[] {
    return this.#before.acknowledged
  }

  /** Whether this node owns what lies before it. */
  get isAcknowledged(): boolean {
    return this.predecessors.length > 0
  }

  /** Whether its predecessor does, as far as this node has heard. */
  get isPredecessorAcknowledged(): boolean {
    return this.#before.isNearestAcknowledged
  }

  /** By index: the first node at or after fingerStart(me, index), for those beyond the successor list. */
  get fingers(): ReadonlyMap<number, Peer> {
    return this.#fingers
  }

  get isLone(): boolean {
    return this.successors.length === 0
  }

  /** Whether the list goes all the way round, and so is the ring. Of a newcomer before this node the predecessor tells first. */
  get isClosed(): boolean {
    return this.#after.isClosed && this.predecessor.id === (this.successors.at(-1) ?? this.me).id
  }

  /** See Successors.adopt. */
  adoptSuccessors(list: readonly Peer[]): boolean {
    return this.#noteSuccessors(this.#after.adopt(list))
  }

  /** See Successors.agrees. */
  agrees(list: readonly Peer[]): boolean {
    return this.#after.agrees(list)
  }

  /** Drops a head that did not answer. */
  dropSuccessor(id: Id): void {
    this.#noteSuccessors(this.#after.drop(id))
  }

  /** A joiner's: the list that it has copied, and whose that was, who does not know of it yet. */
  enter(predecessor: Peer, successors: readonly Peer[], now: number): void {
    this.clear()
    this.adoptSuccessors(successors)
    this.#before.enter(predecessor, now)
    this.#revision++
  }

  /** See Predecessors.adopt. */
  adoptPredecessors(list: readonly Peer[], now: number): boolean {
    if (!this.#before.adopt(list, now)) return false
    this.#revision++
    return true
  }

  /** See Predecessors.acknowledge. */
  acknowledgePredecessors(list: readonly Peer[], now: number): boolean {
    if (!this.#before.acknowledge(list, now)) return false
    this.#revision++
    return true
  }

  replaceFingers(fingers: ReadonlyMap<number, Peer>): void {
    if (sameFingers(fingers, this.#fingers)) return
    this.#fingers = fingers
    this.#ways = undefined
    this.#revision++
  }

  /** Fingers are hints: one that did not answer is simply forgotten. */
  dropFinger(id: Id): void {
    const kept = [...this.#fingers].filter(([, peer]) => peer.id !== id)
    if (kept.length < this.#fingers.size) this.replaceFingers(new Map(kept))
  }

  /** Forgets everyone: a ring of one. */
  clear(): void {
    this.#before.clear()
    this.replaceFingers(new Map())
    this.adoptSuccessors([this.me])
  }

  /** One step towards the window of a key. See Overlay.route. An owner knows by its predecessor that it is one. */
  route(key: Id, count: number, avoid: ReadonlySet<Id>, mode: Mode): Route {
    const before = this.predecessors.find(({ id }) => id !== this.me.id)
    const { offset } = this.#placement
    if (before && offset === 1 && inArc(before.id, key, this.me.id) && !avoid.has(this.me.id))
      return { peers: [this.me, ...this.#live(avoid)].slice(0, count), final: true }
    const { peers, final } = this.approach(this.#placement.target(key), count + offset, avoid, mode)
    if (!final) return { peers, final }
    const line = this.isClosed ? [...peers, ...peers.slice(0, offset)] : peers
    const window = line.slice(offset, offset + count)
    // Who is not acknowledged owns nothing. Who does, the one before it says; once that one is gone, it is the next of those who are known.
    if (!this.isAcknowledged && window[0]?.id === this.me.id)
      return avoid.has(this.predecessor.id)
        ? { peers: this.place(key, this.#live(avoid), count), final: true }
        : { peers: [this.predecessor], final: false }
    return { peers: avoid.has(this.me.id) ? window.filter(({ id }) => !avoid.has(id)) : window, final }
  }

  /**
   * One step towards the last node before a point. When final: that node, and those after it, clockwise; otherwise nodes
   * before the point, nearest to it first.
   *
   * When every known node at or after the point is to be avoided, the nearest one before it is asked: to answer from the
   * tail of the list would name a wrong owner.
   */
  approach(target: Id, count: number, avoid: ReadonlySet<Id>, mode: Mode): Route {
    const live = this.#live(avoid)
    const end = this.#endAt(target, live, mode)
    if (end) return { peers: end.slice(0, count), final: true }
    const isBefore = ({ id }: Peer) => between(this.me.id, id, target)
    if (mode === 'linear') return { peers: live.filter(isBefore).slice(0, count), final: false }
    const peers: Peer[] = []
    const ways = this.#everyWay()
    for (let at = ways.length - 1; at >= 0 && peers.length < count; at--) {
      const peer = ways[at] as Peer
      if (!avoid.has(peer.id) && isBefore(peer)) peers.push(peer)
    }
    return { peers, final: false }
  }

  #live(avoid: ReadonlySet<Id>): readonly Peer[] {
    return avoid.size === 0 ? this.successors : this.successors.filter(({ id }) => !avoid.has(id))
  }

  /** The last node before a point and those after it, when those of the list who may be asked tell. */
  #endAt(target: Id, live: readonly Peer[], mode: Mode): readonly Peer[] | undefined {
    const closed = this.isClosed
    const last = live.at(-1)
    if (!closed && !(last && inArc(this.me.id, target, last.id))) return undefined
    const line = [this.me, ...live]
    const at = line.findIndex(({ id }, place) => inArc(id, target, (line[place + 1] ?? this.me).id))
    if (at > 0 && mode === 'linear') return undefined
    if (closed) return [...line.slice(at), ...line.slice(0, at)]
    return at === 0 || line.length - at > this.#options.replicas ? line.slice(at) : undefined
  }

  /** See Overlay.cells: one for each place this node may have in a window. */
  cells(): Cell[] {
    const { me } = this
    if (this.isLone) return [{ from: me.id, to: me.id, window: [me] }]
    const cells: Cell[] = []
    for (let place = 0; place < this.#options.replicas; place++) {
      const owner = this.#at(-place)
      const before = this.#at(-place - 1)
      const after = this.#at(1 - place)
      if (!owner || !before || !after || (place > 0 && owner.id === me.id)) break
      const window = distinct(Array.from({ length: this.#options.replicas }, (_, at) => this.#at(at - place) ?? []).flat())
      cells.push(
        this.#placement.offset === 1
          ? { from: before.id, to: owner.id, window }
          : { from: idBefore(owner.id), to: idBefore(after.id), window },
      )
    }
    return cells
  }

  /** Successors and predecessors by nearness, each once. */
  neighbors(): Peer[] {
    const before = distinct([this.predecessor, ...this.predecessors])
    const near = this.successors.flatMap((peer, at) => [peer, ...before.slice(at, at + 1)])
    return distinct([...near, ...before]).filter(({ id }) => id !== this.me.id)
  }

  /** The node so many places clockwise from this one, counter-clockwise as far as those are acknowledged. */
  #at(places: number): Peer | undefined {
    const before = this.predecessors
    if (places > 0 && places <= this.successors.length) return this.successors[places - 1]
    if (places < 0 && places >= -before.length) return before[-places - 1]
    if (places === 0) return this.me
    const ring = [this.me, ...this.successors]
    // A list that is newer than what is known of those before has newcomers in between.
    const isRing = this.#after.isClosed && before.length > 0 && before.every(({ id }, at) => id === ring.at(-1 - at)?.id)
    return isRing ? ring.at(places % ring.length) : undefined
  }

  #everyWay(): readonly Peer[] {
    if (!this.#ways) {
      const others = distinct([...this.successors, ...this.#fingers.values()]).filter(({ id }) => id !== this.me.id)
      this.#ways = others.sort((a, b) => (between(this.me.id, a.id, b.id) ? -1 : 1))
    }
    return this.#ways
  }

  /** @param changed whether they have; returned */
  #noteSuccessors(changed: boolean): boolean {
    if (changed) {
      this.#ways = undefined
      this.#revision++
    }
    return changed
  }
}

const sameFingers = (a: ReadonlyMap<number, Peer>, b: ReadonlyMap<number, Peer>): boolean =>
  a.size === b.size && [...a].every(([index, peer]) => samePeer(peer, b.get(index)))

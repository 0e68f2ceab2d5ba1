/**
 * The leaf set L: the |L|/2 nearest on either side, with this node in the middle. Pastry §2.2.
 *
 * Fewer than |L| count as the whole network, and both sides are the same. Of a set that was full and lost
 * someone there is a doubt: others live beyond it, until those at its ends have said whom they know there.
 */
import type { Peer } from '../../protocol/schemas.ts'
import { gap, nearest } from '../../space/digits.ts'
import type { Id } from '../../space/id.ts'
import { between, clockwise, distance, inArc } from '../../space/ring.ts'
import type { Cell } from '../overlay.ts'
import { cellsOf } from './placement.ts'

export class LeafSet {
  readonly me: Peer
  readonly #half: number
  /** Clockwise from this node. */
  #members: readonly Peer[] = []
  /** The same and this node, clockwise from zero. */
  #line: readonly Peer[]
  /** How far below this node and above it everyone is a member for sure, while there is a doubt. */
  #certain: { readonly below: bigint; readonly above: bigint } | undefined

  /** @param size |L|, even */
  constructor(me: Peer, size: number) {
    this.me = me
    this.#half = size / 2
    this.#line = [me]
  }

  /** Clockwise from this node. */
  get members(): readonly Peer[] {
    return this.#members
  }

  /** Whether it counts as everyone there is. */
  get isWhole(): boolean {
    return this.#hasRoom && !this.isDoubtful
  }

  /** Whether others may live where only members should. */
  get isDoubtful(): boolean {
    return this.#certain !== undefined
  }

  /** Its members for sure below and above that are not to be avoided, the outermost first: of who comes next they know. */
  sides(avoid = nobody): readonly [below: readonly Peer[], above: readonly Peer[]] {
    const certain = this.#certain
    const isBelow = ({ id }: Peer) => !avoid.has(id) && (!certain || distance(id, this.me.id) <= certain.below)
    const isAbove = ({ id }: Peer) => !avoid.has(id) && (!certain || distance(this.me.id, id) <= certain.above)
    return [this.#members.slice(-this.#half).filter(isBelow), this.#members.slice(0, this.#half).filter(isAbove).reverse()]
  }

  /** Those who know who comes next on either side, in the order in which they are asked: where nobody is a member for sure, the nearest. */
  witnesses(): (readonly Peer[])[] {
    const sure = this.sides().filter((side) => side.length > 0)
    return sure.length > 0 || this.#members.length === 0 ? sure : [this.#members, this.#members.toReversed()]
  }

  get(id: Id): Peer | undefined {
    return this.#members.find((peer) => peer.id === id)
  }

  /** Whether that id lies where only members live: one that is none is not there, or not known yet. */
  spans(id: Id): boolean {
    const [high, low] = this.#members.slice(this.#half - 1)
    return id !== this.me.id && (this.#hasRoom || !low || !high || between(low.id, id, high.id))
  }

  /** Whether that one, if it is there, belongs into it and is not in it. */
  lacks(id: Id): boolean {
    return this.spans(id) && !this.get(id)
  }

  /** Takes in someone who has answered, if it is near enough. Returns whether anything changed. */
  add(peer: Peer): boolean {
    if (!this.lacks(peer.id)) return false
    this.#adopt([...this.#members, peer])
    return true
  }

  drop(id: Id): boolean {
    if (!this.get(id)) return false
    const [low, high] = this.#ends(new Set([id]))
    const { me } = this
    if (!this.isWhole) this.#certain = { below: distance(low.id, me.id), above: distance(me.id, high.id) }
    this.#adopt(this.#members.filter((peer) => peer.id !== id))
    return true
  }

  /** Those at the ends have answered, and whoever they know beyond themselves has been asked. */
  settle(): void {
    this.#certain = undefined
  }

  /** The nearest to a key of all here who are not to be avoided, nearest first. */
  nearest(key: Id, count: number, avoid: ReadonlySet<Id>): Peer[] {
    return nearest(key, avoid.size === 0 ? this.#line : this.#line.filter(({ id }) => !avoid.has(id)), count)
  }

  /** Whether a key lies between the ends of the set: then the nearest here is the nearest of all. Pastry §2.3, Table 1. */
  covers(key: Id, avoid: ReadonlySet<Id>): boolean {
    const [low, high] = this.#ends(avoid)
    return this.isWhole || key === low.id || (low !== high && inArc(low.id, key, high.id))
  }

  /** Whether these are surely the nearest of all to a key that is covered: nobody beyond the ends can be nearer. */
  isSure(key: Id, window: readonly Peer[], avoid: ReadonlySet<Id>): boolean {
    const [low, high] = this.#ends(avoid)
    const farthest = gap(key, (window.at(-1) ?? this.me).id)
    return this.isWhole || (farthest <= distance(low.id, key) && farthest <= distance(key, high.id))
  }

  /** See Overlay.cells. */
  cells(replicas: number): Cell[] {
    return cellsOf(this.me.id, this.#line, replicas)
  }

  get #hasRoom(): boolean {
    return this.#members.length < 2 * this.#half
  }

  /** The outermost on either side; this node where there are none. */
  #ends(avoid: ReadonlySet<Id>): [low: Peer, high: Peer] {
    const [below, above] = this.sides(avoid)
    return [below[0] ?? this.me, above[0] ?? this.me]
  }

  #adopt(peers: readonly Peer[]): void {
    const members = peers.toSorted((a, b) => (between(this.me.id, a.id, b.id) ? -1 : 1))
    const tooMany = members.length > 2 * this.#half
    this.#members = tooMany ? [...members.slice(0, this.#half), ...members.slice(-this.#half)] : members
    this.#line = clockwise([this.me, ...this.#members])
  }
}

const nobody: ReadonlySet<Id> = new Set()

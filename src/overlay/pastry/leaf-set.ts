/**
 * The leaf set L: the |L|/2 nearest on either side, with this node in the middle. Pastry §2.2.
 *
 * As long as there never were |L| they count as the whole network, and both sides are the same. Of a set that was full and lost
 * someone there is a doubt: others live beyond it, until those at its ends have said whom they know there.
 */
import type { Peer } from '../../protocol/schemas.ts'
import { gap, lastNearer, nearest } from '../../space/digits.ts'
import type { Id } from '../../space/id.ts'
import { between, distance, inArc } from '../../space/ring.ts'
import type { Cell } from '../overlay.ts'

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

  /** The outermost members on either side within which everyone is a member: of who comes next they know. */
  get ends(): readonly Peer[] {
    return this.#ends(nobody).filter((end) => end !== this.me)
  }

  get(id: Id): Peer | undefined {
    return this.#members.find((peer) => peer.id === id)
  }

  /** Whether that id lies where only members live: one that is none is not there, or not known yet. */
  spans(id: Id): boolean {
    const [high, low] = this.#members.slice(this.#half - 1)
    return id !== this.me.id && (this.#hasRoom || !low || !high || between(low.id, id, high.id))
  }

  /** Takes in someone who has answered, if it is near enough. Returns whether anything changed. */
  add(peer: Peer): boolean {
    const known = this.get(peer.id)
    if (known ? known.url === peer.url : !this.spans(peer.id)) return false
    const line = [...this.#line.filter(({ id }) => id !== peer.id), peer]
    this.#adopt(line.sort((a, b) => (a.id < b.id ? -1 : 1)))
    return true
  }

  drop(id: Id): boolean {
    if (!this.get(id)) return false
    const [low, high] = this.#ends(new Set([id]))
    const { me } = this
    if (!this.isWhole) this.#certain = { below: distance(low.id, me.id), above: distance(me.id, high.id) }
    this.#adopt(this.#line.filter((peer) => peer.id !== id))
    return true
  }

  /** Those at the ends have answered, and whoever they know beyond themselves has been asked. */
  settle(): void {
    this.#certain = undefined
  }

  /** The node so many places clockwise, or counter-clockwise; undefined beyond the set. */
  at(places: number): Peer | undefined {
    const { length } = this.#members
    if (places === 0) return this.me
    if (this.#hasRoom) return [this.me, ...this.#members].at(places % (length + 1))
    return Math.abs(places) > this.#half ? undefined : this.#members.at(places > 0 ? places - 1 : places)
  }

  /** The nearest to a key of all here who are not to be avoided, nearest first. */
  nearest(key: Id, count: number, avoid: ReadonlySet<Id>): Peer[] {
    return nearest(key, avoid.size === 0 ? this.#line : this.#line.filter(({ id }) => !avoid.has(id)), count)
  }

  /** Whether a key lies between the ends of the set: then the nearest here is the nearest of all. Pastry §2.3, Table 1. */
  covers(key: Id, avoid: ReadonlySet<Id>): boolean {
    const [low, high] = this.#ends(avoid)
    return this.isWhole || (low.id === high.id ? key === low.id : key === low.id || inArc(low.id, key, high.id))
  }

  /** Whether these are surely the nearest of all to a key that is covered: nobody beyond the ends can be nearer. */
  isSure(key: Id, window: readonly Peer[], avoid: ReadonlySet<Id>): boolean {
    const [low, high] = this.#ends(avoid)
    const farthest = gap(key, (window.at(-1) ?? this.me).id)
    return this.isWhole || (farthest <= distance(low.id, key) && farthest <= distance(key, high.id))
  }

  /**
   * The arcs of keys that have this node among their so many nearest, each with one owner and one window. A border is where the
   * owner changes, halfway between neighbours, or where the window does, halfway between who goes and who comes.
   */
  cells(replicas: number): Cell[] {
    const { length } = this.#members
    const all = length < replicas
    const reach = all ? length : replicas
    const window = (to: Id) => this.nearest(to, replicas, new Set())
    const borders = new Set<Id>()
    const border = (from: number, to: number) => {
      const [low, high] = [this.at(from), this.at(to)]
      if (low && high && low.id !== high.id) borders.add(lastNearer(low.id, high.id))
    }
    for (let place = -reach; place <= reach; place++) border(place, place + 1)
    if (!all) for (let place = -reach; place <= 0; place++) border(place, place + replicas)
    if (borders.size === 0) return [{ from: this.me.id, to: this.me.id, window: window(this.me.id) }]
    const sorted = [...borders].sort()
    return sorted
      .map((to, at) => ({ from: sorted.at(at - 1) as Id, to, window: window(to) }))
      .filter((cell) => cell.window.some(({ id }) => id === this.me.id))
  }

  get #hasRoom(): boolean {
    return this.#members.length < 2 * this.#half
  }

  /** Its outermost members for sure on either side that are not to be avoided; this node where there are none. */
  #ends(avoid: ReadonlySet<Id>): [low: Peer, high: Peer] {
    const certain = this.#certain
    const isBelow = ({ id }: Peer) => !avoid.has(id) && (!certain || distance(id, this.me.id) <= certain.below)
    const isAbove = ({ id }: Peer) => !avoid.has(id) && (!certain || distance(this.me.id, id) <= certain.above)
    const low = this.#members.slice(-this.#half).find(isBelow)
    const high = this.#members.slice(0, this.#half).findLast(isAbove)
    return [low ?? this.me, high ?? this.me]
  }

  #adopt(line: readonly Peer[]): void {
    const here = line.findIndex(({ id }) => id === this.me.id)
    const members = [...line.slice(here + 1), ...line.slice(0, here)]
    const tooMany = members.length > 2 * this.#half
    this.#members = tooMany ? [...members.slice(0, this.#half), ...members.slice(-this.#half)] : members
    this.#line = tooMany ? line.filter((peer) => peer.id === this.me.id || this.#members.includes(peer)) : line
  }
}

const nobody: ReadonlySet<Id> = new Set()

/**
 * What this node is to hold, by its overlay, and where it has had everything that was written. Nothing here asks anyone, and nothing
 * here knows of a record.
 *
 * A node believes that it holds a key when one of its overlay's cells has it. Its word counts only where it is complete: because it
 * founded the network, or has compared with all who share the cell.
 */
import type { Cell, Overlay } from '../overlay/overlay.ts'
import type { Clock } from '../ports.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Digest, Inherited, Standing } from '../protocol/peer-api.ts'
import type { Peer } from '../protocol/schemas.ts'
import { Arcs } from '../space/arcs.ts'
import type { Id } from '../space/id.ts'
import { type Arc, inArc } from '../space/ring.ts'
import { Completeness } from './completeness.ts'

/** How many others are named to whoever should ask elsewhere. */
const askable = 2

/** What is taken in: everything; not what a leaver bequeaths; nothing. */
type Acceptance = 'all' | 'own' | 'nothing'

export class Cells {
  /** Where it has had everything. */
  readonly completeness = new Completeness()
  readonly #me: Peer
  readonly #overlay: Overlay
  readonly #clock: Pick<Clock, 'now'>
  readonly #replicas: number
  #cells: readonly Cell[] = []
  /** The overlay's revision when they were asked for. */
  #revision = -1
  #held = Arcs.none
  /** What it has held and lost since `watch`, whether or not it holds it again. */
  #lost = Arcs.none
  /** By peer, the part of these cells in whose windows it is; worked out for each peer when it is first needed. */
  readonly #shared = new Map<Id, Arcs>()
  /** By a list of peers, what each of them would hold if the list had everyone; worked out when it is first needed. */
  readonly #heldAmong = new WeakMap<readonly Peer[], Map<Id, Arcs>>()
  #accepts: Acceptance = 'all'
  #wasAccompanied = false

  constructor(me: Peer, overlay: Overlay, clock: Pick<Clock, 'now'>, replicas: number) {
    this.#me = me
    this.#overlay = overlay
    this.#clock = clock
    this.#replicas = replicas
  }

  /** The overlay's cells, as long as they stay the same. */
  all(): readonly Cell[] {
    if (this.#revision !== this.#overlay.revision) {
      this.#revision = this.#overlay.revision
      this.#cells = this.#overlay.cells()
      this.#wasAccompanied ||= this.#cells.some(({ window }) => window.length > 1)
      const held = Arcs.of(this.#cells)
      this.#lost = this.#lost.plus(this.#held.without(held))
      this.#held = held
      this.#shared.clear()
      this.completeness.cut(this.#held, this.#clock.now(), this.#overlay.neighbors())
    }
    return this.#cells
  }

  /** Whether it has founded its network, and was alone there since: then it has had everything. */
  get isFounder(): boolean {
    return this.#overlay.hasFounded && !this.#wasAccompanied
  }

  /** From now on it is noted what this node loses, if only for a moment. */
  watch(): void {
    this.#lost = Arcs.none
  }

  /** Whether it has held all of an arc that it holds now since `watch`. */
  hasKept(arc: Arc): boolean {
    return this.#lost.within(Arcs.of([arc])).isEmpty
  }

  /** The one that a key is in. */
  of(key: Id): Cell | undefined {
    return this.all().find(({ from, to }) => inArc(from, key, to))
  }

  /** The arcs outside all cells: what lies there belongs elsewhere. None while this node has no place in the network. */
  strangeArcs(): Arc[] {
    return this.all().length === 0 ? [] : this.#held.gaps(this.#me.id.length)
  }

  isOwn({ window }: Cell): boolean {
    return window[0]?.id === this.#me.id
  }

  /** A node that is leaving is nobody's heir, and in the end takes no writes: whoever has something has to go elsewhere. */
  accept(what: Acceptance): void {
    this.#accepts = what
  }

  /** @throws Refusal NOT_JOINED when this node cannot be an heir */
  assertHeir(): void {
    if (this.#accepts !== 'all') throw new Refusal('NOT_JOINED', 'this node is leaving itself; take the next')
  }

  /** @throws Refusal NOT_JOINED when this node takes nothing any more */
  assertWritable(): void {
    if (!this.takesWrites) throw new Refusal('NOT_JOINED', 'this node is leaving; write through another')
  }

  /** Whether this node still takes what is written. */
  get takesWrites(): boolean {
    return this.#accepts !== 'nothing'
  }

  /** Whether this node counts as one of those that hold the key. One that is leaving does not. */
  believes(key: Id): boolean {
    return this.#accepts === 'all' && this.of(key) !== undefined
  }

  /** Whether this node's word on the key counts: it holds it, and has had everything. */
  vouchesFor(key: Id): boolean {
    return this.believes(key) && this.completeness.has(key)
  }

  /** See `Completeness.inherit`. */
  inherit({ complete, witnessed }: Inherited): void {
    this.completeness.inherit(Arcs.of(complete), Arcs.of(witnessed), this.#clock.now())
  }

  /** What was inherited of late. */
  get inherited(): { readonly known: Arcs; readonly witnessed: Arcs } {
    return this.completeness.inherited(this.#clock.now())
  }

  /** Whether all of them are complete. */
  get areWhole(): boolean {
    const cells = this.all()
    return cells.length > 0 && cells.every((cell) => this.completeness.covers(cell))
  }

  /**
   * What this node may say of a key.
   * @param told who else is given a record that comes with the question: others of the window are named
   */
  standing(key: Id, told?: readonly Id[]): Standing {
    const cell = this.#accepts === 'all' ? this.of(key) : undefined
    if (!cell) return { held: false, complete: false, window: 0, ask: this.heirs(key, askable) }
    const complete = this.completeness.has(key)
    const others = told ? cell.window.filter(({ id }) => id !== this.#me.id && !told.includes(id)) : []
    const ask = told ? others : complete ? [] : this.heirs(key, askable)
    return { held: true, complete, window: cell.window.length, ask }
  }

  /** Who would hold a key if it were not for this node, nearest first. */
  heirs(key: Id, count: number): Peer[] {
    const near = this.#near(key, count)
    // Whoever has lost its place may have lost these as well: anyone it has known will pass on what it is given.
    return this.#overlay.isMember || near.length >= count
      ? near
      : this.#withFar(near, key, this.#acquaintances()).slice(0, count)
  }

  /** Who may have held a key before this node, nearest first: many may have come between since. */
  donors(key: Id): Peer[] {
    return this.#withFar(this.#near(key, Infinity), key, this.#acquaintances(true))
  }

  #near(key: Id, count: number): Peer[] {
    const neighbors = this.#overlay.neighbors().filter(({ id }) => id !== this.#me.id)
    return this.#overlay.place(key, neighbors, count)
  }

  #withFar(near: readonly Peer[], key: Id, known: readonly Peer[]): Peer[] {
    const far = known.filter(({ id }) => near.every((peer) => peer.id !== id))
    return [...near, ...this.#overlay.place(key, far, Infinity)]
  }

  #acquaintances(mustLive = false): Peer[] {
    const known = this.#overlay.acquaintances.filter(({ peer, alive }) => peer.id !== this.#me.id && (alive || !mustLive))
    return known.map(({ peer }) => peer)
  }

  /** What this node may say of an arc to another: see the row `digest`. */
  claims(arc: Arc, by: Id): Pick<Digest, 'held' | 'shared' | 'complete' | 'witnessed'> {
    const shared = this.#sharedWith(by)
    const isHolder = this.#accepts === 'all'
    return {
      held: isHolder && this.#held.covers(arc),
      shared: isHolder && shared.covers(arc),
      ...this.completeness.claims(arc, this.#clock.now(), by, (arcs, all) => arcs.within(this.#heldBy(by, all))),
    }
  }

  #heldBy(peer: Id, all: readonly Peer[]): Arcs {
    const among = this.#heldAmong.get(all) ?? new Map<Id, Arcs>()
    const held = among.get(peer) ?? Arcs.of(this.#overlay.heldBy(peer, all, this.#replicas))
    this.#heldAmong.set(all, among.set(peer, held))
    return held
  }

  #sharedWith(peer: Id): Arcs {
    const cells = this.all()
    let shared = this.#shared.get(peer)
    if (!shared) {
      shared = Arcs.of(cells.filter(({ window }) => window.some(({ id }) => id === peer)))
      if (!shared.isEmpty) this.#shared.set(peer, shared)
    }
    return shared
  }
}

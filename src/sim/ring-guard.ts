/** The guard of a Chord ring: Zave's invariant after every change, and her assumptions, lists on their way considered. */
import { checkIdeal, checkRing, ringOf, type Snapshot as Ring, sufficientPrincipals } from '../overlay/chord/invariants.ts'
import type { Attributes, Snapshot, Violations } from '../overlay/overlay.ts'
import type { Id } from '../space/id.ts'
import { mayFail, principalsOf } from './assumptions.ts'
import type { Guard } from './guard.ts'
import type { Carried } from './network.ts'
import { RingWatch } from './ring-watch.ts'

export class RingGuard implements Guard {
  readonly #listLength: number
  readonly #carried: () => readonly Carried[]
  readonly #watch = new RingWatch()
  readonly #shown = new Map<Id, Attributes>()
  /** Whether the ring has once had principals enough: from then on Zave's whole invariant must hold. */
  #grown = false

  /** @param listLength of every successor list */
  constructor(listLength: number, carried: () => readonly Carried[]) {
    this.#listLength = listLength
    this.#carried = carried
  }

  get snapshot(): Snapshot {
    return this.#shown
  }

  get ids(): readonly Id[] {
    return this.#watch.ids
  }

  set(id: Id, shown: Attributes): void {
    this.#shown.set(id, shown)
    for (const [, entry] of ringOf(new Map([[id, shown]]))) this.#watch.set(id, entry)
  }

  delete(id: Id): void {
    this.#shown.delete(id)
    this.#watch.delete(id)
  }

  violations(): Violations {
    const principals = this.#kept
    if (this.#watch.holds(principals)) return []
    const small = principals > 0 ? sufficientPrincipals(this.#ring, this.#listLength) : []
    return [...checkRing(this.#ring), ...small]
  }

  get isIdeal(): boolean {
    return this.#watch.isIdeal(this.#listLength)
  }

  imperfections(): Violations {
    return checkIdeal(this.#ring, this.#listLength)
  }

  noteSettled(): void {
    this.#principals()
  }

  mayFail(id: Id, going: ReadonlySet<Id>): boolean {
    return mayFail(id, { snapshot: this.#ring, carried: this.#carried(), going, principals: this.#principals() })
  }

  /** Meanwhile lists are copied that still name it: the ring must be large, and few may be going. */
  mayGo(id: Id, going: ReadonlySet<Id>): boolean {
    return this.#principals() > 0 && going.size < this.#listLength - 1 && this.mayFail(id, going)
  }

  /** Whoever still lists it might hear of its absence when it is a member again. */
  mayReturn(id: Id): boolean {
    return [...this.#ring.values()].every(({ successors }) => !successors.includes(id))
  }

  get #ring(): Ring {
    return this.#watch.snapshot
  }

  /** Members that no list may skip; 0 in a ring that never had as many, or has shrunk below. */
  get #kept(): number {
    this.#grown &&= this.#ring.size > this.#listLength
    return this.#grown ? this.#listLength + 1 : 0
  }

  /** The same, when now may be the time that there are enough. */
  #principals(): number {
    if (this.#kept === 0) this.#grown ||= principalsOf(this.#ring, this.#carried()) > this.#listLength
    return this.#kept
  }
}

/** What may befall the nodes of a world without going beyond what the protocol assumes of it, and what it promises. */
import type { Snapshot } from '../overlay/chord/invariants.ts'
import type { Id } from '../space/id.ts'
import { mayFail, principalsOf } from './assumptions.ts'
import type { Host } from './host.ts'
import type { Ledger } from './ledger.ts'
import type { Carried } from './network.ts'
import type { Rings } from './rings.ts'

/** What the law looks at. */
export interface State {
  readonly rings: Rings
  readonly ledger: Ledger
  /** Length of every successor list. */
  readonly listLength: number
  host(id: Id): Host
  snapshot(network: string): Snapshot
  carried(network: string): readonly Carried[]
  /** Who has been asked to go, and is still here. */
  going(): ReadonlySet<Id>
}

export class Law {
  readonly #state: State

  constructor(state: State) {
    this.#state = state
  }

  /** Whether this member may fail now and leave everyone something to repair the ring with. */
  mayFail(id: Id): boolean {
    return this.#allows(id, this.#state.going())
  }

  /**
   * Whether this member may go now. That takes a while, in which lists are copied that still name it: the ring must be
   * large, and few may be going.
   */
  mayGo(id: Id): boolean {
    const going = new Set(this.#state.going()).add(id)
    return this.principals(this.#networkOf(id)) > 0 && going.size < this.#state.listLength - 1 && this.#allows(id, going)
  }

  /** Whether that node, gone, may come back: whoever still lists it might hear of its absence when it is a member again. */
  mayReturn(id: Id): boolean {
    return [...this.#state.snapshot(this.#networkOf(id)).values()].every(({ successors }) => !successors.includes(id))
  }

  /** Whether the disk of that node may go down or be lost: of all that it keeps there are copies to lose. */
  maySpare(id: Id): boolean {
    return this.#state.ledger.maySpare(this.#state.host(id))
  }

  /** Principals that a ring must keep. */
  principals(network: string): number {
    const { rings, snapshot, carried } = this.#state
    if (rings.principals(network) === 0) rings.grow(network, principalsOf(snapshot(network), carried(network)))
    return rings.principals(network)
  }

  #allows(id: Id, going: ReadonlySet<Id>): boolean {
    const network = this.#networkOf(id)
    const { snapshot, carried } = this.#state
    return mayFail(id, { snapshot: snapshot(network), carried: carried(network), going, principals: this.principals(network) })
  }

  #networkOf(id: Id): string {
    return this.#state.host(id).last?.network ?? ''
  }
}

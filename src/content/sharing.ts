/** What comparing a cell with others has come to, in one pass. */
import type { Cell } from '../overlay/overlay.ts'
import type { Peer } from '../protocol/schemas.ts'
import { Arcs } from '../space/arcs.ts'
import type { Outcome } from './reconcile.ts'

interface Start {
  /** Those of the window with whom it is to be compared. */
  readonly others: readonly Peer[]
  /** Those outside it who may have held it before; nobody, where this node has had everything. */
  readonly donors: readonly Peer[]
  /** Where this node has had everything; and where of that nothing was ever given up. */
  readonly complete: { readonly known: Arcs; readonly witnessed: Arcs }
  /** Until when this node had everything in an earlier life, ms since 1970; 0: it had not. */
  readonly knew: number
}

export class Sharing {
  readonly cell: Cell
  readonly others: readonly Peer[]
  readonly donors: readonly Peer[]
  /** Whether all who were asked have what this node has, hold it in one window with this node, and nothing is in doubt. */
  shared = true
  received = 0
  /** Until when this node and each of the window had everything in an earlier life. */
  readonly knew: number[]
  #known: Arcs
  #witnessed: Arcs

  constructor(cell: Cell, { others, donors, complete, knew }: Start) {
    this.cell = cell
    this.others = others
    this.donors = donors
    this.knew = [knew]
    this.#known = complete.known
    this.#witnessed = complete.witnessed
  }

  /** Whether of each part someone is there who has had everything. */
  get isKnown(): boolean {
    return this.#known.covers(this.cell)
  }

  /** Whether of each part one of those has never given anything up. */
  get isWitnessed(): boolean {
    return this.#witnessed.covers(this.cell)
  }

  /** @param outcome of a comparison with anyone; undefined: there was no answer */
  hear(outcome: Outcome | undefined): void {
    if (!outcome) return
    this.received += outcome.pulled
    this.#known = this.#known.plus(Arcs.of(outcome.complete))
    this.#witnessed = this.#witnessed.plus(Arcs.of(outcome.witnessed))
  }
}

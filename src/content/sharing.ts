/** What comparing a cell with others has come to, in one pass. */
import type { Cell } from '../overlay/overlay.ts'
import type { Peer } from '../protocol/schemas.ts'
import type { Outcome } from './reconcile.ts'

export class Sharing {
  readonly cell: Cell
  /** Those of its window with whom it is to be compared. */
  readonly others: readonly Peer[]
  /** Those outside it who may have held it before; nobody, where this node has had everything. */
  readonly donors: readonly Peer[]
  /** Whether all who were asked have what this node has, hold it in one window with this node, and nothing is in doubt. */
  shared = true
  /** Whether someone is there who has had everything; */
  known: boolean
  /** and whether one of those has never given up any of it. */
  witnessed = false
  received = 0
  /** Until when this node and each of the window had everything in an earlier life, ms since 1970; 0: it had not. */
  readonly knew: number[]

  constructor(cell: Cell, complete: boolean, others: readonly Peer[], donors: readonly Peer[], knew: number) {
    this.cell = cell
    this.others = others
    this.donors = donors
    this.known = complete
    this.knew = [knew]
  }

  /** @param outcome of a comparison with anyone; undefined: there was no answer */
  hear(outcome: Outcome | undefined): void {
    this.received += outcome?.pulled ?? 0
    this.known ||= outcome?.complete ?? false
    this.witnessed ||= outcome?.witnessed ?? false
  }
}

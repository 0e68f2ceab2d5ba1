/** What comparing a cell with others has come to, in one pass. */
import type { Cell } from '../overlay/overlay.ts'
import type { Peer } from '../protocol/schemas.ts'
import { Arcs } from '../space/arcs.ts'
import { areDecided, type Outcome } from './reconcile.ts'

export class Sharing {
  readonly cell: Cell
  /** Those of its window with whom it is to be compared. */
  readonly others: readonly Peer[]
  /** Where someone who was asked, or who left it to this node, has had everything. */
  known: Arcs
  /** Where, of that, nothing was ever given up. */
  witnessed: Arcs
  /** Whether this node has all that those of the window have, and they hold the cell in one window with it. */
  shared = true
  /** Whether they also have all that this node has, and nothing is in doubt. */
  agreed = true
  /** Whether every donor that was asked has answered: one that is there and cannot say may have lived on and have more. */
  heard = true
  received = 0
  readonly #outcomes: (Outcome | undefined)[] = []
  /** Whether one of those who were asked has not answered. */
  #silent = false
  /** Where those who were asked have had everything: they know what this node may have missed. */
  #vouched = Arcs.none
  /** Until when this node and each of the window had everything in an earlier life. */
  readonly knew: number[]

  /** @param knew until when this node had everything in an earlier life, ms since 1970; 0: it had not */
  constructor(cell: Cell, others: readonly Peer[], knew: number, inherited: { known: Arcs; witnessed: Arcs }) {
    this.cell = cell
    this.others = others
    this.knew = [knew]
    this.known = inherited.known
    this.witnessed = inherited.witnessed
  }

  /** Whether of each part someone who has had everything has answered. */
  get isVouched(): boolean {
    return this.#vouched.covers(this.cell)
  }

  /** Whether those who were asked know what this node may have missed: one who has had everything, or all, who may have slept too. */
  get isTold(): boolean {
    return this.isVouched || !this.#silent
  }

  /** Whether nothing of it is in doubt any more. */
  get isDecided(): boolean {
    return this.shared && (this.others.length === 0 || areDecided(this.#outcomes))
  }

  /** @param outcome of comparing with one of the window; undefined: there was no answer. @returns whether the two agree */
  hear(outcome: Outcome | undefined): boolean {
    this.#note(outcome)
    this.#outcomes.push(outcome)
    this.#silent ||= outcome === undefined
    this.#vouch(outcome)
    this.knew.push(outcome?.knew ?? 0)
    const shares = outcome?.shared ?? false
    const agrees = shares && (outcome?.held ?? false) && (outcome?.settled ?? false)
    this.shared &&= shares && (outcome?.caughtUp ?? false)
    this.agreed &&= agrees
    return agrees
  }

  /** @param outcome of comparing with a donor */
  hearDonor(outcome: Outcome | undefined): void {
    this.#note(outcome)
    this.heard &&= outcome !== undefined
    // Where there is one copy, donors are those who were in its place; else it is for those of the window to answer.
    if (this.cell.window.length === 1) this.#silent ||= outcome === undefined
    this.#vouch(outcome)
    // Alone in the window, nobody would tell us of what a donor still takes itself.
    if (this.others.length === 0) this.shared &&= outcome !== undefined && !outcome.held
  }

  #vouch(outcome: Outcome | undefined): void {
    this.#vouched = this.#vouched.plus(Arcs.of(outcome?.complete ?? []))
  }

  #note(outcome: Outcome | undefined): void {
    if (!outcome) return
    this.received += outcome.pulled
    this.known = this.known.plus(Arcs.of(outcome.complete))
    this.witnessed = this.witnessed.plus(Arcs.of(outcome.witnessed))
  }
}

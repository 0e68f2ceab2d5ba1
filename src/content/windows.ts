/**
 * Agreeing on this node's cells with those it shares them with, until it has everything: join transfer, and repair after a failure.
 */
import type { Cell } from '../overlay/overlay.ts'
import { lapse } from '../ports.ts'
import type { Peer } from '../protocol/schemas.ts'
import { Arcs } from '../space/arcs.ts'
import type { Id } from '../space/id.ts'
import type { Arc } from '../space/ring.ts'
import { majorityOf } from './quorum.ts'
import { type Intent, type Outcome, reconcile } from './reconcile.ts'
import { Sharing } from './sharing.ts'
import { Survey } from './survey.ts'
import type { Party } from './transfer.ts'

/** Memories that differ by more are not of the same end. */
const staleMs = 3 * 60_000
/** How long those are waited for who may have what nobody has who is there. */
const patienceMs = 30_000
/** Of those who are far from a cell, so many are asked in one pass. */
const farAtOnce = 4

/** What a pass has come to. */
interface Progress {
  /** Whether nothing is left to do. */
  readonly isDone: boolean
  /** Whether nothing of any cell is in doubt any more, and nobody is waited for. */
  readonly isDecided: boolean
  /** Whether those who share a cell told what this node may have missed, for each cell. */
  readonly isTold: boolean
  /** Whether this node has more than before. */
  readonly isFurther: boolean
}

export class Windows {
  readonly #party: Party
  readonly #replicas: number
  /** Cells and the peers with whom they agreed, since the last change of either. */
  readonly #agreed = new Set<string>()
  #rounds = 0
  /** Passes so far. */
  #turn = 0
  /** Arcs of which nobody is left who has had everything, and whether whoever had it has been waited for long enough. */
  #bereft: readonly { readonly arcs: Arcs; readonly isOver: () => boolean }[] = []
  /** Who has said that it had everything of an arc, while this node lacks something: asked first, as such words do not count for long. */
  readonly #knowing = new Set<Id>()

  constructor(party: Party, replicas: number) {
    this.#party = party
    this.#replicas = replicas
  }

  /** Whether all of its window had what this node had of a cell, since either changed. */
  haveAgreed(cell: Cell): boolean {
    return this.#othersOf(cell).every((other) => this.#agreed.has(agreement(cell, other)))
  }

  /** Each cell is to be compared anew with all who share it. */
  forget(): void {
    this.#agreed.clear()
  }

  /** The cell of a key is to be compared anew with these, if they share it. Returns whether any of them does. */
  recompare(key: Id, peers: ReadonlySet<Id>): boolean {
    const cell = this.#party.holdings.cells.of(key)
    const others = cell ? this.#othersOf(cell).filter(({ id }) => peers.has(id)) : []
    for (const other of others) this.#agreed.delete(agreement(cell as Cell, other))
    return others.length > 0
  }

  /** Each cell is to be compared anew with one of those who share it, in turn. */
  review(): void {
    this.#rounds++
    for (const cell of this.#party.holdings.cells.all()) {
      const others = this.#othersOf(cell)
      const next = others[this.#rounds % others.length]
      if (next) this.#agreed.delete(agreement(cell, next))
    }
  }

  /**
   * Compares this node's cells with the others of their windows; and, as long as they are not complete, with those who held them
   * before.
   */
  async share(): Promise<Progress> {
    const { cells, testimony } = this.#party.holdings
    if (testimony.doubtUntil !== undefined) this.#agreed.clear()
    const all = cells.all()
    const current = new Set(all.flatMap((cell) => this.#othersOf(cell).map((other) => agreement(cell, other))))
    for (const old of this.#agreed) if (!current.has(old)) this.#agreed.delete(old)
    this.#turn++
    cells.watch()
    const sharings = all.map((cell) => this.#begin(cell))
    const windows = new Survey(
      this.#party,
      sharings.map(({ cell, others }) => [cell, others]),
    )
    let isDone = true
    for (const sharing of sharings) {
      await this.#askWindow(sharing, windows)
      if (!this.#isWanting(sharing)) isDone = this.#conclude(sharing) && isDone
    }
    // Donors are asked last: what they are given from now on those of the window hear of, and say.
    const unknown = sharings
      .filter((sharing) => this.#isWanting(sharing))
      .map((sharing) => ({ sharing, donors: this.#donorsOf(sharing.cell) }))
    const beyond = new Survey(
      this.#party,
      unknown.map(({ sharing: { cell }, donors }) => [cell, donors]),
    )
    for (const { sharing, donors } of unknown) {
      await this.#askDonors(sharing, donors, beyond)
      isDone = this.#conclude(sharing) && isDone
    }
    if (unknown.length === 0) this.#knowing.clear()
    const isTold = sharings.length > 0 && sharings.every(({ isTold }) => isTold)
    if (this.#bereft.length > 0) this.#forgetFound(sharings)
    const waits = this.#bereft.some(({ isOver }) => !isOver())
    const isDecided = !waits && sharings.every(({ cell, isDecided, heard }) => isDecided && heard && this.#isStill(cell))
    return { isDone, isDecided, isTold, isFurther: sharings.some(({ received }) => received > 0) }
  }

  #begin(cell: Cell): Sharing {
    const { cells, testimony, now } = this.#party.holdings
    const complete = cells.completeness.covers(cell)
    const others = this.#othersOf(cell).filter((other) => !complete || !this.#agreed.has(agreement(cell, other)))
    return new Sharing(cell, others, testimony.presence.knew(cell, now), cells.inherited)
  }

  async #askWindow(sharing: Sharing, survey: Survey): Promise<void> {
    const { cell, others } = sharing
    for (const other of others) {
      const outcome = await this.#compare(other, cell, survey, { pull: true, push: 'held' })
      if (sharing.hear(outcome)) this.#agreed.add(agreement(cell, other))
    }
  }

  async #askDonors(sharing: Sharing, donors: readonly Peer[], survey: Survey): Promise<void> {
    for (const donor of donors) {
      if (!this.#isWanting(sharing)) return
      sharing.hearDonor(await this.#compare(donor, sharing.cell, survey, { pull: true }))
    }
  }

  /** Whether those who may have held it before are to be asked: they were in the place of those who have slept, this node and all who share it. */
  #isWanting(sharing: Sharing): boolean {
    const { isBehind } = this.#party.holdings.testimony.wakefulness
    return !this.#isKnown(sharing) || (isBehind && !sharing.isVouched)
  }

  /** Whether of each part someone is there who has had everything, this node or another. */
  #isKnown({ cell, known }: Sharing): boolean {
    return known.plus(this.#party.holdings.cells.completeness.known).covers(cell)
  }

  /** Undefined when the peer does not answer, or this node goes. */
  async #compare(peer: Peer, cell: Cell, survey: Survey, intent: Intent): Promise<Outcome | undefined> {
    const said = this.#party.goes() ? undefined : await survey.of(peer, cell)
    const outcome = said && (await reconcile(this.#party, peer, cell, intent, said))
    if (!outcome) return undefined
    const { forgotten, knowsFrom, complete } = outcome
    if (complete.length > 0) this.#knowing.add(peer.id)
    // Whoever has not had everything may not have heard of a deletion, however much of them it remembers.
    this.#party.holdings.testimony.presence.hear({ forgotten, knowsFrom: complete.length > 0 ? knowsFrom : undefined })
    return outcome
  }

  /** Declares a cell complete if it is. Returns whether nothing is left to do there. */
  #conclude(sharing: Sharing): boolean {
    const { cell, shared, agreed, knew, received, others, heard } = sharing
    const { cells } = this.#party.holdings
    if (received > 0) this.#party.log.info({ records: received, from: others[0] }, 'content received')
    if (!shared || !this.#isStill(cell)) return false
    if (cells.completeness.covers(cell)) return agreed
    const isWitnessed = sharing.witnessed.plus(cells.completeness.witnessed).covers(cell)
    const witnessed = isWitnessed || (heard && this.#isRemembered(knew, cell.window.length))
    if (!this.#isKnown(sharing) && !witnessed && !this.#isGivenUp(sharing)) return false
    cells.completeness.declare(cell, witnessed)
    return agreed
  }

  /** Whether this node holds a cell as it did when the pass began, and has held it all the while. */
  #isStill(cell: Cell): boolean {
    const { cells } = this.#party.holdings
    return cells.all().some((now) => sameCell(now, cell)) && cells.hasKept(cell)
  }

  /**
   * Whether most of those who had everything before all were gone are back, and have compared: what one of them lacks another
   * has. A node that founded the network had everything from the start.
   * @param knew until when each of the window had everything in an earlier life
   */
  #isRemembered(knew: readonly number[], window: number): boolean {
    const { isBack, formerWindow } = this.#party.holdings.testimony.presence
    if (!isBack && this.#party.holdings.cells.isFounder) return true
    const last = Math.max(...knew)
    return knew.filter((until) => until > 0 && last - until < staleMs).length >= majorityOf(Math.max(window, formerWindow))
  }

  /** Whether those who may have more have been waited for long enough. */
  #isGivenUp({ cell, known }: Sharing): boolean {
    const lacking = Arcs.of([cell]).without(known).without(this.#party.holdings.cells.completeness.known)
    const fresh = this.#bereft.reduce((rest, { arcs }) => rest.without(arcs), lacking)
    if (!fresh.isEmpty) this.#bereft = [...this.#bereft, { arcs: fresh, isOver: lapse(this.#party.clock, patienceMs) }]
    const waits = this.#bereft.some(({ arcs, isOver }) => !isOver() && !arcs.within(lacking).isEmpty)
    if (!waits) this.#party.log.warn({}, 'content given up: those who had it have not come back')
    return !waits
  }

  /** What is known by now, or is not held any more, is waited for no more. */
  #forgetFound(sharings: readonly Sharing[]): void {
    const { cells } = this.#party.holdings
    const found = sharings.reduce((all, { known }) => all.plus(known), cells.completeness.known)
    const held = Arcs.of(cells.all())
    this.#bereft = this.#bereft
      .map(({ arcs, isOver }) => ({ arcs: arcs.within(held).without(found), isOver }))
      .filter(({ arcs }) => !arcs.isEmpty)
  }

  /** Who may have held it before: the nearest, and each time some others of the rest. */
  #donorsOf({ to, window }: Cell): Peer[] {
    const windowed = new Set(window.map(({ id }) => id))
    const donors = this.#party.holdings.cells.donors(to).filter(({ id }) => !windowed.has(id))
    const knowing = donors.filter(({ id }) => this.#knowing.has(id))
    const near = donors.filter(({ id }) => !this.#knowing.has(id))
    const rest = near.splice(2 * this.#replicas)
    const first = (this.#turn * farAtOnce) % Math.max(1, rest.length)
    return [...knowing, ...near, ...rest.slice(first, first + farAtOnce)]
  }

  #othersOf({ window }: Cell): Peer[] {
    return window.filter(({ id }) => id !== this.#party.me.id)
  }
}

const agreement = ({ from, to }: Arc, { id, url }: Peer): string => `${from} ${to} ${id} ${url}`

const sameCell = (a: Cell, b: Cell): boolean =>
  a.from === b.from && a.to === b.to && a.window.map(({ id }) => id).join() === b.window.map(({ id }) => id).join()

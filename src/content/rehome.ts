/**
 * Moving records to where they belong. One pass does whatever is due: what this node holds is compared with those who share its
 * cells, what it does not hold any more is passed on and then dropped. That is join transfer, repair after a failure, hand-off
 * of stand-ins and clean-up. Every change of the ring starts a pass, and a slow clock.
 */
import type { Cell, Overlay } from '../overlay/overlay.ts'
import type { Clock, Log } from '../ports.ts'
import type { PeerApi } from '../protocol/peer-api.ts'
import type { Network } from '../protocol/rpc.ts'
import type { Peer, StoredRecord } from '../protocol/schemas.ts'
import { Arcs } from '../space/arcs.ts'
import type { Id } from '../space/id.ts'
import type { Arc } from '../space/ring.ts'
import type { Entrusted } from './entrusted.ts'
import { Handover, type HandoverOptions, more, type Rest } from './handover.ts'
import { everywhere, type Holdings } from './holdings.ts'
import { type Intent, type Outcome, type Party, reconcile } from './reconcile.ts'
import { cursorOf, isLive, isOver, majorityOf } from './record.ts'

/** Records that are looked at before others have their turn. */
const pageLength = 200
/** Memories that differ by more are not of the same end. */
const staleMs = 3 * 60_000
/** How long those are waited for who may have what nobody has who is there. */
const patienceMs = 30_000
/** Before a pass that could not finish is made again: this at first, twice as much each time, up to the most. */
const retryMs = 200
const retryMostMs = 1000

interface Setting {
  readonly me: Peer
  readonly overlay: Overlay
  readonly ports: { network: Network<PeerApi>; clock: Clock; log: Log }
  /** Who owns a key. @throws Refusal as Operations.find */
  readonly ownerOf: (key: Id) => Promise<Peer>
  readonly options: HandoverOptions
}

export class Rehoming {
  readonly #me: Peer
  readonly #clock: Clock
  readonly #log: Log
  readonly #holdings: Holdings
  readonly #options: HandoverOptions
  readonly #handover: Handover
  readonly #party: Party
  /** Cells and the peers with whom they agreed, since the last change of either; the slow clock asks one of them again. */
  readonly #agreed = new Set<string>()
  #rounds = 0
  /** Passes so far. */
  #turn = 0
  #moving = 0
  /** Deletions before that are not remembered by any of those compared with so far. */
  #forgotten: number | undefined
  /** Whether there was ever anyone else. */
  #accompanied = false
  /** Since when nobody is there who has had everything. */
  #bereftSince: number | undefined
  /** Whether the present pass has met a cell of which that is so. */
  #bereft = false
  /** How far the sweep has come. */
  #swept: string | undefined
  #running: Promise<void> | undefined
  #again = false
  #closed = false

  constructor(holdings: Holdings, { me, overlay, ports, ownerOf, options }: Setting) {
    this.#me = me
    this.#holdings = holdings
    this.#clock = ports.clock
    this.#log = ports.log
    this.#options = options
    this.#party = {
      me,
      holdings,
      ...ports,
      evict: (id) => overlay.evict(id),
      moving: (records) => {
        this.#moving += records
      },
    }
    this.#handover = new Handover(this.#party, ownerOf, options)
  }

  /** What others have by now of what this node holds. */
  get entrusted(): Entrusted {
    return this.#handover.entrusted
  }

  /** Records known to be on their way, in or out; of a leaver, those that not enough others have. */
  get moving(): number {
    return this.#closed ? this.#handover.leftOn(everywhere(this.#me.id)) : this.#moving
  }

  /** Starts a pass, or has the running one followed by another. Returns when nothing is due any more. */
  run(): Promise<void> {
    const cells = this.#holdings.cells.all()
    if (!this.#closed) this.entrusted.takeBack(Arcs.of(cells))
    this.#again = true
    this.#running ??= this.#passes().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** The same on the slow clock: each cell is compared anew with one of those who share it, in turn. */
  review(): Promise<void> {
    this.#rounds++
    for (const cell of this.#holdings.cells.all()) {
      const others = this.#othersOf(cell)
      const next = others[this.#rounds % others.length]
      if (next) this.#agreed.delete(agreement(cell, next))
    }
    return this.run()
  }

  /**
   * Hands everything over to the heirs, as if this node were not there, and makes no passes any more. Called again it hands
   * over what has come since.
   * @returns how many records moved, and how many not enough others took this time
   */
  async handOver(): Promise<{ moved: number; left: number }> {
    this.#closed = true
    this.#handover.isDropping = false
    // Whoever began that pass hears what became of it.
    await this.#running?.catch(() => undefined)
    let moved = 0
    for (const cell of this.#holdings.cells.all()) moved += await this.#handover.bequeath(cell)
    const strange = this.#holdings.cells.strangeArcs()
    for (const arc of strange) await this.#handover.passOn(arc)
    // What those who should have it did not take goes to the nearest, who will pass it on.
    for (const arc of this.#holdings.cells.all().length > 0 ? strange : [everywhere(this.#me.id)])
      if (this.#handover.leftOn(arc) > 0) moved += await this.#handover.bequeath(arc)
    return { moved, left: this.#handover.leftOn(everywhere(this.#me.id)) }
  }

  /** Passes are made again. */
  resume(): void {
    this.entrusted.clear()
    this.#closed = false
    this.#handover.isDropping = true
  }

  async #passes(): Promise<void> {
    let retryAfterMs = retryMs
    while (this.#again && !this.#closed) {
      this.#again = false
      const left = await this.#pass()
      if (left === 'nothing' || this.#closed) continue
      // What is with others already waits for the grace to pass, and for nothing else.
      const waitMs = left === 'grace' ? this.#options.graceMs : retryAfterMs
      retryAfterMs = Math.min(2 * retryAfterMs, retryMostMs)
      for (let waited = 0; waited < waitMs && !this.#again && !this.#closed; waited += retryMs) await this.#clock.sleep(retryMs)
      this.#again = true
    }
  }

  async #pass(): Promise<Rest> {
    const doubting = this.#holdings.doubtUntil !== undefined
    if (doubting) this.#agreed.clear()
    const cells = this.#holdings.cells.all()
    this.#accompanied ||= cells.some(({ window }) => window.length > 1)
    const current = new Set(cells.flatMap((cell) => this.#othersOf(cell).map((other) => agreement(cell, other))))
    for (const old of this.#agreed) if (!current.has(old)) this.#agreed.delete(old)
    this.#bereft = false
    this.#turn++
    let left: Rest = 'nothing'
    for (const cell of cells) if (!(await this.#share(cell))) left = 'work'
    for (const strange of this.#holdings.cells.strangeArcs()) left = more(left, await this.#handover.passOn(strange))
    if (!this.#bereft) this.#bereftSince = undefined
    this.#sweep()
    // What is in doubt must not be forgotten to be so before all of it was looked at.
    if (this.#holdings.cells.areWhole && !(doubting && left === 'work')) await this.#holdings.notePresence(this.#forgotten ?? 0)
    return left
  }

  /** Compares a cell with the others of its window; and, as long as it is not complete, with those who held it before. */
  async #share(cell: Cell): Promise<boolean> {
    const others = this.#othersOf(cell)
    const complete = this.#holdings.cells.isComplete(cell)
    let shared = true
    /** Whether someone is there who has had everything, and whether none of it was ever given up. */
    let known = complete
    let witnessed = false
    let received = 0
    const intent: Intent = { pull: true, push: 'held' }
    const knew = [this.#holdings.memory.knew(cell)]
    for (const other of others) {
      if (complete && this.#agreed.has(agreement(cell, other))) continue
      const outcome = await this.#reconcile(other, cell, intent)
      received += outcome?.pulled ?? 0
      known ||= outcome?.complete ?? false
      witnessed ||= outcome?.witnessed ?? false
      knew.push(outcome?.knew ?? 0)
      if (outcome) this.#forgotten = Math.min(this.#forgotten ?? outcome.forgotten, outcome.forgotten)
      const agreed = outcome !== undefined && outcome.shared && outcome.settled
      if (agreed) this.#agreed.add(agreement(cell, other))
      shared &&= agreed
    }
    for (const donor of this.#donorsOf(cell)) {
      if (known) break
      const outcome = await this.#reconcile(donor, cell, { pull: true })
      received += outcome?.pulled ?? 0
      known ||= outcome?.complete ?? false
      witnessed ||= outcome?.witnessed ?? false
      // Alone in the window, nobody would tell us of what a donor still takes itself.
      if (others.length === 0) shared &&= outcome !== undefined && !outcome.held
    }
    if (received > 0) this.#log.info({ records: received, from: others[0] }, 'content received')
    const still = this.#holdings.cells.all().some((now) => sameCell(now, cell))
    if (!shared || !still) return false
    witnessed ||= this.#isRemembered(knew, cell.window.length)
    if (!known && !witnessed && !this.#isGivenUp()) return false
    if (!complete) this.#holdings.cells.declareComplete(cell, witnessed)
    return true
  }

  /**
   * Whether most of those who had everything before all were gone are back, and have compared: what one of them lacks another
   * has. A node that founded the network had everything from the start.
   * @param knew until when each of the window had everything in an earlier life
   */
  #isRemembered(knew: readonly number[], window: number): boolean {
    const { isBack, formerWindow } = this.#holdings.memory
    if (!isBack && !this.#accompanied) return true
    const last = Math.max(...knew)
    return knew.filter((until) => until > 0 && last - until < staleMs).length >= majorityOf(Math.max(window, formerWindow))
  }

  /** Whether those who may have more have been waited for long enough. */
  #isGivenUp(): boolean {
    const now = this.#clock.now()
    this.#bereft = true
    this.#bereftSince ??= now
    if (now - this.#bereftSince < patienceMs) return false
    this.#log.warn({}, 'content given up: those who had it have not come back')
    return true
  }

  /** Forgets tombstones that all of their window have and nobody needs any more, and what has expired; a page a pass. */
  #sweep(): void {
    const { records, more } = this.#holdings.page(this.#swept, pageLength)
    this.#swept = more ? cursorOf(records.at(-1) as StoredRecord) : undefined
    const now = this.#clock.now()
    for (const record of records) {
      const cell = this.#holdings.cells.of(record.key)
      const agreed = cell !== undefined && this.#othersOf(cell).every((other) => this.#agreed.has(agreement(cell, other)))
      if (isOver(record, this.#holdings.forgetsBefore) && agreed) this.#holdings.drop(record)
      else if (record.value !== null && !isLive(record, now)) this.#holdings.bury(record)
    }
  }

  #reconcile(peer: Peer, arc: Arc, intent: Intent): Promise<Outcome | undefined> {
    return this.#closed && intent.pull ? Promise.resolve(undefined) : reconcile(this.#party, peer, arc, intent)
  }

  /** Who may have held it before: the nearest, and each time another one of the rest. */
  #donorsOf({ to, window }: Cell): Peer[] {
    const windowed = new Set(window.map(({ id }) => id))
    const donors = this.#holdings.cells.heirs(to, Infinity).filter(({ id }) => !windowed.has(id))
    const rest = donors.splice(2 * this.#options.replicas)
    const next = rest[this.#turn % rest.length]
    return next ? [...donors, next] : donors
  }

  #othersOf({ window }: Cell): Peer[] {
    return window.filter(({ id }) => id !== this.#me.id)
  }
}

const agreement = ({ from, to }: Arc, { id, url }: Peer): string => `${from} ${to} ${id} ${url}`

const sameCell = (a: Cell, b: Cell): boolean =>
  a.from === b.from && a.to === b.to && a.window.map(({ id }) => id).join() === b.window.map(({ id }) => id).join()

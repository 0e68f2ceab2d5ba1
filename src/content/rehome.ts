/**
 * Moving records to where they belong. One pass does whatever is due: what this node holds is compared with those who share its
 * cells, what it does not hold any more is passed on and then dropped. That is join transfer, repair after a failure, hand-off
 * of stand-ins and clean-up. Every change of the ring starts a pass, and a slow clock.
 */
import type { Overlay } from '../overlay/overlay.ts'
import type { Clock, Log } from '../ports.ts'
import type { PeerApi } from '../protocol/peer-api.ts'
import type { Network } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import { Arcs } from '../space/arcs.ts'
import type { Id } from '../space/id.ts'
import type { Entrusted } from './entrusted.ts'
import { Handover, type HandoverOptions, more, type Rest } from './handover.ts'
import type { Holdings } from './holdings.ts'
import { stampAheadMs } from './hybrid-clock.ts'
import { isOver } from './record.ts'
import { everywhere } from './records.ts'
import { paceMs, type Party } from './transfer.ts'
import { Windows } from './windows.ts'

/** Records that are looked at before others have their turn. */
const pageLength = 200
/** Before a pass that could not finish is made again: this at first, twice as much each time, up to the most. */
const retryMs = 200
const retryMostMs = 1000
/** The most where room is lacking, here or elsewhere, unless a pass is due anyway: what is refused would be sent again and again. */
const roomMostMs = 60_000
/** Within which a node that begins with a wrong clock hears what time it is. */
const heardMs = 60_000

interface Setting {
  readonly me: Peer
  readonly overlay: Overlay
  readonly ports: { network: Network<PeerApi>; clock: Clock; log: Log }
  /** Who owns a key. @throws Refusal as Finder.ownerOf */
  readonly ownerOf: (key: Id) => Promise<Peer>
  readonly options: HandoverOptions
}

export class Rehoming {
  readonly #me: Peer
  readonly #clock: Clock
  readonly #holdings: Holdings
  readonly #options: HandoverOptions
  readonly #handover: Handover
  readonly #windows: Windows
  #moving = 0
  /** A time that is certainly over: read more than a minute ago, and not found wrong since. */
  #certainAt = -Infinity
  /** Whether the next such time is waited for. */
  #isWaiting = false
  /** How far the sweep has come. */
  #swept: string | undefined
  #running: Promise<void> | undefined
  #again = false
  #closed = false

  constructor(holdings: Holdings, { me, overlay, ports, ownerOf, options }: Setting) {
    this.#me = me
    this.#holdings = holdings
    this.#clock = ports.clock
    this.#options = options
    const party: Party = {
      me,
      holdings,
      ...ports,
      evict: (id) => overlay.evict(id),
      moving: (records) => {
        this.#moving += records
      },
      goes: () => this.#closed,
    }
    this.#handover = new Handover(party, ownerOf, options)
    this.#windows = new Windows(party, options.replicas)
  }

  /** What others have by now of what this node holds. */
  get entrusted(): Entrusted {
    return this.#handover.entrusted
  }

  /** Records known to be on their way, in or out; of a leaver, those that not enough others have. */
  get moving(): number {
    return this.#closed ? this.#handover.leftOn(everywhere(this.#me.id.length)) : this.#moving
  }

  /**
   * Starts a pass, or has the running one followed by another. Whoever has started one hears when nothing is due any more, or that it
   * failed; the others hear nothing: they would be ever more where somebody has no room, and passes do not end.
   */
  async run(): Promise<void> {
    const cells = this.#holdings.cells.all()
    if (!this.#closed) this.entrusted.takeBack(Arcs.of(cells))
    this.#again = true
    if (this.#running) return
    this.#running = this.#passes().finally(() => {
      this.#running = undefined
    })
    await this.#running
  }

  /** See Wakefulness.beat. Returns whether it has slept: then it is to compare all that it holds. */
  beat(everyMs: number): boolean {
    const { wakefulness } = this.#holdings.testimony
    wakefulness.beat(everyMs)
    return wakefulness.isBehind
  }

  /** In the next pass the cell of a key is compared anew with these, if they share it. Returns whether any of them does. */
  recompare(key: Id, peers: ReadonlySet<Id>): boolean {
    return this.#windows.recompare(key, peers)
  }

  /** In the next pass each cell is compared anew with one of those who share it, in turn. */
  review(): void {
    this.#windows.review()
  }

  /**
   * Hands everything over to the heirs, as if this node were not there, and makes no passes any more. Called again it hands
   * over what has come since.
   * @returns how many records moved, and how many not enough others took this time
   */
  async handOver(): Promise<{ moved: number; left: number }> {
    this.#closed = true
    // Whoever began that pass hears what became of it.
    await this.#running?.catch(() => undefined)
    let moved = 0
    for (const cell of this.#holdings.cells.all()) moved += await this.#handover.bequeath(cell)
    const strange = this.#holdings.cells.strangeArcs()
    for (const arc of strange) await this.#handover.passOn(arc)
    // What those who should have it did not take goes to the nearest, who will pass it on.
    for (const arc of this.#holdings.cells.all().length > 0 ? strange : [everywhere(this.#me.id.length)])
      if (this.#handover.leftOn(arc) > 0) moved += await this.#handover.bequeath(arc)
    return { moved, left: this.#handover.leftOn(everywhere(this.#me.id.length)) }
  }

  /** Passes are made again. */
  resume(): void {
    this.entrusted.clear()
    this.#closed = false
  }

  async #passes(): Promise<void> {
    let retryAfterMs = retryMs
    let atOnce = 0
    while (this.#again && !this.#closed) {
      this.#again = false
      const left = await this.#pass()
      // Whoever answers some calls and not others comes and goes with each pass, and whoever gives what it has taken back gives more
      // with each: they would have it made again without a rest.
      if (this.#again) await this.#clock.sleep(Math.min(2 ** atOnce++, retryMs))
      else atOnce = 0
      if (left === 'nothing' || this.#closed) continue
      // What is with others already waits for the grace to pass, and for nothing else.
      const lacksRoom = left === 'room' || this.#holdings.records.isFull
      retryAfterMs = Math.min(retryAfterMs, lacksRoom ? roomMostMs : retryMostMs)
      const waitMs = left === 'grace' ? this.#options.graceMs : retryAfterMs
      for (let waited = 0; waited < waitMs && !this.#again && !this.#closed; waited += retryMs) await this.#clock.sleep(retryMs)
      if (!this.#again) retryAfterMs *= 2
      this.#again = true
    }
  }

  async #pass(): Promise<Rest> {
    const { testimony } = this.#holdings
    const { wakefulness } = testimony
    const doubting = testimony.doubtUntil !== undefined
    const { sleeps, isBehind } = wakefulness
    if (isBehind) this.#windows.forget()
    const { isDone, isDecided, isTold, isFurther } = await this.#windows.share()
    // By the time that it has come others have heard of this node who had not.
    if (isFurther && !isDone) this.#again = true
    let left: Rest = isDone ? 'nothing' : isDecided ? 'room' : 'work'
    if (isBehind && isTold) wakefulness.makeUp(sleeps)
    else if (isBehind) left = more(left, 'work')
    for (const strange of this.#holdings.cells.strangeArcs()) left = more(left, await this.#handover.passOn(strange))
    await this.#sweep()
    await this.#bury()
    // What is in doubt must not be forgotten to be so before all of it was looked at.
    if (this.#holdings.cells.areWhole && !(doubting && left === 'work')) await testimony.notePresence()
    return left
  }

  /** Forgets tombstones that all of their window have and nobody needs any more: a page a pass, and on as long as there are some. */
  async #sweep(): Promise<void> {
    while (!this.#closed && !this.#again && this.#sweepPage() > 0) await this.#clock.sleep(paceMs)
  }

  /** Returns how many of a page were forgotten. */
  #sweepPage(): number {
    const { records, next } = this.#holdings.records.page(this.#swept, pageLength)
    this.#swept = next
    const over = records.filter((record) => {
      const cell = this.#holdings.cells.of(record.key)
      return isOver(record, this.#holdings.testimony.forgetsBefore) && cell && this.#windows.haveAgreed(cell)
    })
    for (const record of over) this.#holdings.records.drop(record)
    return over.length
  }

  /** Buries what has expired, once that is certain: a node may be wrong about the time for a while. */
  async #bury(): Promise<void> {
    if (!this.#isWaiting) void this.#hearTime()
    while (!this.#closed && this.#holdings.records.bury(this.#certainAt - stampAheadMs)) await this.#clock.sleep(paceMs)
  }

  async #hearTime(): Promise<void> {
    this.#isWaiting = true
    const { now } = this.#holdings
    await this.#clock.sleep(heardMs)
    this.#certainAt = Math.min(now, this.#holdings.now)
    this.#isWaiting = false
  }
}

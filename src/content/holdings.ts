/**
 * What this node holds, and what it may say of it. Nothing here asks anyone.
 *
 * A node believes that it holds a key when one of its overlay's cells has it. Its misses count only where it is complete:
 * where it has had everything that was written, because it founded the network or fetched it from a donor.
 */
import type { Clock, Hash, Store } from '../ports.ts'
import type { Cell, Overlay } from '../overlay/overlay.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Held, Standing } from '../protocol/peer-api.ts'
import type { Peer, StoredRecord, Version } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { type Arc, covers, inArc } from '../space/ring.ts'
import { type HybridClock, stampMs } from './hybrid-clock.ts'
import { type Address, assertSound, cursorOf, isLive, mergeRecords, stampAheadMs } from './record.ts'

/** How many others are named to whoever should ask elsewhere. */
const askable = 2

/** One version of a record, on its way to another holder; acknowledged by it since `takenAt`. */
interface Offer {
  readonly hlc: string
  takenAt?: number
}

/** What is taken in: everything; not what a leaver bequeaths; nothing. */
type Acceptance = 'all' | 'own' | 'nothing'

export class Holdings {
  readonly #me: Peer
  readonly #overlay: Overlay
  readonly #store: Store
  readonly #clock: Clock
  readonly #hash: Hash
  readonly #stamps: HybridClock
  #cells: readonly Cell[] = []
  #cellsOf = -1
  /** What of this node's cells has had everything that was written there. */
  #complete: Arc | undefined
  /** What was complete before others came into it; until anything of it is dropped. */
  #former: Arc | undefined
  /** Records that are no tombstones. */
  #values = 0
  #accepts: Acceptance = 'all'
  /** Records offered to someone who should hold them, by cursor: until they come back, or are dropped. */
  readonly #offered = new Map<string, Offer>()

  constructor(me: Peer, overlay: Overlay, store: Store, clock: Clock, hash: Hash, stamps: HybridClock) {
    this.#stamps = stamps
    this.#me = me
    this.#overlay = overlay
    this.#store = store
    this.#clock = clock
    this.#hash = hash
  }

  get size(): number {
    return this.#store.size
  }

  /** The overlay's cells, as long as they stay the same. */
  cells(): readonly Cell[] {
    if (this.#cellsOf !== this.#overlay.revision) {
      this.#cellsOf = this.#overlay.revision
      this.#cells = this.#overlay.cells()
      this.#cut()
    }
    return this.#cells
  }

  believes(key: Id): boolean {
    return this.cells().some((cell) => inArc(cell.from, key, cell.to))
  }

  /** Everything on the arc is here, as far as anyone knows. */
  declareComplete(arc: Arc): void {
    this.#complete = { from: arc.from, to: arc.to }
  }

  isComplete(arc: Arc): boolean {
    return this.#complete !== undefined && covers(this.#complete, arc)
  }

  /** Whether everything that was written on the arc while it was this node's is here. */
  hasAllOf(arc: Arc): boolean {
    return this.isComplete(arc) || (this.#former !== undefined && covers(this.#former, arc))
  }

  /** A node that is leaving is nobody's heir, and in the end takes no writes: whoever has something has to go elsewhere. */
  accept(what: Acceptance): void {
    this.#accepts = what
  }

  /** @throws Refusal NOT_JOINED when this node cannot be an heir */
  assertHeir(): void {
    if (this.#accepts !== 'all') throw new Refusal('NOT_JOINED', 'this node is leaving itself; take the next')
  }

  /**
   * Merges one record. Resolves with the version that won, once it is written.
   * @throws Refusal BAD_RECORD, STAMP_AHEAD; NOT_JOINED when this node is leaving
   */
  async merge(record: StoredRecord): Promise<Version> {
    if (this.#accepts === 'nothing') throw new Refusal('NOT_JOINED', 'this node is leaving; write through another')
    assertSound(this.#hash, record, this.#me.id.length * 4)
    if (stampMs(record.version.hlc) > this.#clock.now() + stampAheadMs)
      throw new Refusal('STAMP_AHEAD', 'the stamp is more than 5 minutes ahead of this node; set the clocks right')
    this.#stamps.observe(record.version.hlc)
    this.#offered.delete(cursorOf(record))
    const ours = this.#store.read(record.key).find(({ index }) => index === record.index)
    const winner = mergeRecords(this.#hash, ours, record)
    if (winner !== ours) {
      this.#count(ours, winner)
      await this.#store.write(winner)
    }
    return winner.version
  }

  /** What this node may say of a key. */
  standing(key: Id): Standing {
    const held = this.believes(key)
    const complete = this.#complete !== undefined && inArc(this.#complete.from, key, this.#complete.to)
    return { held, complete, ask: held && complete ? [] : this.heirs(key, askable) }
  }

  /**
   * The records at an address, tombstones among them.
   * @throws Refusal NOT_HELD when none of them lives
   */
  get({ key, index }: Address): Held {
    const now = this.#clock.now()
    const records = this.#store.read(key).filter((record) => index === undefined || record.index === index)
    const standing = this.standing(key)
    if (records.some((record) => isLive(record, now))) return { key, records, ...standing }
    throw new Refusal('NOT_HELD', `not held here; try GET /lookup/${key}`, { records, ...standing })
  }

  /** Who would hold a key if it were not for this node: its heirs when it goes, its donors when it has come. */
  heirs(key: Id, count: number): Peer[] {
    const others = this.#overlay.neighbors().filter(({ id }) => id !== this.#me.id)
    return this.#overlay.place(key, others, count)
  }

  /** Records on an arc after a cursor, in the arc's order; at most `limit`. */
  scanArc({ from, to }: Arc, after: string | undefined, limit: number): StoredRecord[] {
    const wraps = from >= to
    const key = after?.split('/')[0]
    const beyondZero = wraps && key !== undefined && key <= to
    const first = beyondZero ? [] : this.#scan(after ?? `${from}/~`, limit, wraps ? undefined : to)
    return wraps && first.length < limit
      ? [...first, ...this.#scan(beyondZero ? after : undefined, limit - first.length, to)]
      : first
  }

  /** Everything from a cursor on, in order of the keys. */
  scan(after: string | undefined, limit: number): StoredRecord[] {
    return this.#store.scan(after, limit)
  }

  /** The arc outside all cells: what lies there belongs elsewhere. Undefined when there is none. */
  strangeArc(): Arc | undefined {
    const cells = this.cells()
    const [first, last] = [cells[0], cells.at(-1)]
    return first && last && first.to !== last.from ? { from: first.to, to: last.from } : undefined
  }

  counts(): { owned: number; replicas: number; misplaced: number } {
    const strange = this.strangeArc()
    let misplaced = 0
    if (strange) {
      for (let page = this.scanArc(strange, undefined, 500); page.length > 0; ) {
        misplaced += page.filter(({ value }) => value !== null).length
        page = page.length < 500 ? [] : this.scanArc(strange, cursorOf(page[499] as StoredRecord), 500)
      }
    }
    return { owned: this.#values - misplaced, replicas: 0, misplaced }
  }

  role(key: Id): 'owned' | 'replica' | 'misplaced' {
    const place = this.cells().findIndex((cell) => inArc(cell.from, key, cell.to))
    return place === 0 ? 'owned' : place > 0 ? 'replica' : 'misplaced'
  }

  /**
   * Notes that a record is being offered to another holder. Call what it returns when that one has taken it: it then counts,
   * unless the record has come back meanwhile.
   */
  offer(record: StoredRecord): () => void {
    const offer: Offer = { hlc: record.version.hlc }
    const cursor = cursorOf(record)
    this.#offered.set(cursor, offer)
    return () => {
      if (this.#offered.get(cursor) === offer) offer.takenAt = this.#clock.now()
    }
  }

  /** Since when this version of the record has been with another holder; undefined when it is not. */
  takenAt(record: StoredRecord): number | undefined {
    const offer = this.#offered.get(cursorOf(record))
    return offer?.hlc === record.version.hlc ? offer.takenAt : undefined
  }

  /** What was offered, or taken, counts no more: this node stays. */
  forgetOffers(): void {
    this.#offered.clear()
  }

  async drop(record: StoredRecord): Promise<void> {
    this.#offered.delete(cursorOf(record))
    if (this.#former && inArc(this.#former.from, record.key, this.#former.to)) this.#former = undefined
    this.#count(record, undefined)
    await this.#store.drop(record.key, record.index)
  }

  /** What others hold by now is no more complete than the day they took it; without a place in the network nothing is. */
  #cut(): void {
    const [first, last] = [this.#cells[0], this.#cells.at(-1)]
    const held = first && last ? { from: last.from, to: first.to } : undefined
    if (!held) this.#former = undefined
    else if (this.#complete && !covers(held, this.#complete)) this.#former = this.#complete
    this.#complete = held && this.#complete && covers(this.#complete, held) ? held : undefined
  }

  #scan(after: string | undefined, limit: number, to: Id | undefined): StoredRecord[] {
    const page = this.#store.scan(after, limit)
    return to === undefined ? page : page.filter(({ key }) => key <= to)
  }

  #count(was: StoredRecord | undefined, is: StoredRecord | undefined): void {
    if (was && was.value !== null) this.#values--
    if (is && is.value !== null) this.#values++
  }
}

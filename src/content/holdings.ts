/** The records that this node has, and what it may say of them. Nothing here asks anyone. */
import type { Overlay } from '../overlay/overlay.ts'
import type { Clock, Hash, Store } from '../ports.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Digest, Held, Standing } from '../protocol/peer-api.ts'
import { limits, type Peer, type StoredRecord, type Version } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import type { Arc } from '../space/ring.ts'
import { Cells } from './cells.ts'
import { type HybridClock, isAhead, stampMs } from './hybrid-clock.ts'
import { Outdated } from './outdated.ts'
import { Presence } from './presence.ts'
import { type Address, assertSound, buried, compareVersions, isLive, isOver, mergeRecords, sizeOf } from './record.ts'
import { Records } from './records.ts'
import { Wakefulness } from './wakefulness.ts'

/** More than any clock is wrong, and less than any absence that matters: stamps before that were given before the absence. */
const settledMs = 3600_000

export class Holdings {
  /** What this node is to hold. */
  readonly cells: Cells
  /** What it has. */
  readonly records: Records
  readonly wakefulness: Wakefulness
  readonly #me: Peer
  readonly #store: Store
  readonly #clock: Pick<Clock, 'now'>
  readonly #hash: Hash
  readonly #stamps: HybridClock
  readonly #presence: Presence
  #doubtUntil: number | undefined
  readonly #outdated: Outdated
  /** Told of each record that came and belongs elsewhere, and of each that came back from there. */
  readonly #taken: (record: StoredRecord, strays: boolean) => void

  constructor(
    me: Peer,
    overlay: Overlay,
    ports: { store: Store; clock: Pick<Clock, 'now'>; hash: Hash },
    stamps: HybridClock,
    quotaBytes: number,
    taken: (record: StoredRecord, strays: boolean) => void,
  ) {
    this.cells = new Cells(me, overlay, ports.clock)
    this.wakefulness = new Wakefulness(ports.clock)
    this.#me = me
    this.#store = ports.store
    this.#outdated = new Outdated(ports.store)
    this.#clock = ports.clock
    this.#hash = ports.hash
    this.#stamps = stamps
    this.#taken = taken
    let newestMs: number | undefined
    this.records = new Records(ports.store, me.id.length, quotaBytes, ({ version }) => {
      stamps.observe(version.hlc)
      newestMs = Math.max(newestMs ?? 0, stampMs(version.hlc))
    })
    this.#presence = new Presence(ports.store.memo, newestMs)
  }

  /** The time of the network, ms since 1970. */
  get now(): number {
    return this.#clock.now()
  }

  /**
   * This node was away for longer than deletions are remembered: what it has with stamps up to then (ms since 1970) may have been
   * deleted and forgotten meanwhile. It shows none of it before those who were there have been asked.
   */
  get doubtUntil(): number | undefined {
    const { now } = this
    if (this.#doubtUntil === undefined && this.#presence.awaySince(now) !== undefined) {
      this.#doubtUntil = now - settledMs
      this.cells.doubtAll()
    }
    return this.#doubtUntil
  }

  doubts({ version }: StoredRecord): boolean {
    const { doubtUntil } = this
    return doubtUntil !== undefined && stampMs(version.hlc) <= doubtUntil
  }

  /**
   * Merges one record that another has kept, and says which version won. It counts as kept once `flushed` has resolved.
   * @throws Refusal BAD_RECORD; NOT_JOINED when this node is leaving; STORE_FULL
   */
  take(record: StoredRecord): Version {
    // Others have forgotten it by now, and whoever has it will.
    const isForgotten = isOver(buried(record, this.now), this.#presence.forgetsBefore)
    return isForgotten && !this.#store.get(record.key, record.index) ? record.version : this.#put(record)
  }

  /**
   * Takes all there is room for, and first of all what is deleted, which makes some. Resolves once it is kept.
   * @param refused told of a record that is not sound
   * @throws Refusal NOT_JOINED; STORE_FULL when there was none for some
   */
  async takeAll(records: readonly StoredRecord[], refused: (record: StoredRecord, why: Refusal) => void): Promise<void> {
    const isDeleted = ({ value }: StoredRecord) => value === null
    let full: Refusal | undefined
    for (const record of [...records.filter(isDeleted), ...records.filter((one) => !isDeleted(one))])
      try {
        this.take(record)
      } catch (error) {
        if (!(error instanceof Refusal) || error.code === 'NOT_JOINED') throw error
        if (error.code === 'STORE_FULL') full ??= error
        else refused(record, error)
      }
    await this.flushed()
    if (full) throw full
  }

  /** As `take`, whatever time it is here. */
  #put(record: StoredRecord): Version {
    this.cells.assertWritable()
    assertSound(this.#hash, record, this.#me.id.length * 4)
    this.#stamps.observe(record.version.hlc, this.now)
    const ours = this.#store.get(record.key, record.index)
    // What has expired is kept as it is: before it has heard others a node may be wrong about the time, and what is buried is gone.
    const winner = mergeRecords(this.#hash, ours, record)
    if (winner !== ours) this.#replace(ours, winner)
    this.#taken(winner, !this.cells.believes(record.key))
    return winner.version
  }

  /**
   * Takes a record from someone who writes it, and answers once it is kept.
   * @param told who else is given it
   * @throws Refusal STAMP_AHEAD; as take
   */
  async insert(record: StoredRecord, told: readonly Id[]): Promise<Standing & { version: Version }> {
    this.#assertTimely(record)
    const version = this.#put(record)
    await this.flushed()
    return { version, ...this.#standing(record.key, told) }
  }

  /**
   * Takes records from someone who writes them, and answers once they are kept: of each, whether it has won, and those who are told
   * of it, this node among them, are all who should have it as far as this node can say.
   */
  async keep(records: readonly StoredRecord[], told: readonly Id[]): Promise<boolean[]> {
    const kept = records.map((record) => this.#keeps(record, told))
    await this.flushed()
    return kept
  }

  /** @throws Refusal STORE_FULL */
  flushed(): Promise<void> {
    return this.#store.flushed()
  }

  /** Resolves, once what there is room for is on the disk, with whether that is everything. */
  async isKept(): Promise<boolean> {
    try {
      await this.flushed()
      return true
    } catch (error) {
      if (error instanceof Refusal && error.code === 'STORE_FULL') return false
      throw error
    }
  }

  /**
   * The records at an address, tombstones among them.
   * @throws Refusal NOT_HELD when none of them lives; TOO_LARGE as read
   */
  get(address: Address): Held {
    const { key } = address
    const { now } = this
    const records = this.read(address)
    const standing = this.#standing(key)
    if (records.some((record) => isLive(record, now))) return { key, records, ...standing }
    throw new Refusal('NOT_HELD', `not held here; try GET /lookup/${key}`, { records, ...standing })
  }

  /** The same without a word on who might have more. @throws Refusal TOO_LARGE when all at a key are more than travels in one call */
  read({ key, index }: Address): StoredRecord[] {
    const records = index === undefined ? this.#allAt(key) : [this.#store.get(key, index) ?? []].flat()
    return records.filter((record) => !this.doubts(record))
  }

  /** What this node may say of an arc to another: see the row `digest`. */
  claims(arc: Arc, by: Id): Omit<Digest, 'parts'> {
    // Whoever has slept has not had everything.
    const nothing = this.wakefulness.isBehind ? { complete: [], witnessed: [] } : {}
    return {
      ...this.cells.claims(arc, by),
      ...nothing,
      doubting: this.doubtUntil !== undefined,
      forgotten: this.forgetsBefore,
      knowsFrom: this.knowsFrom,
      knew: Math.floor(this.#presence.knew(arc, this.now)),
    }
  }

  /** Notes that this node is there, and has everything; nothing is in doubt any more. */
  async notePresence(): Promise<void> {
    this.#doubtUntil = undefined
    const complete = this.cells.all().map(({ from, to }) => ({ from, to }))
    const window = Math.max(0, ...this.cells.all().map((cell) => cell.window.length))
    const memo = this.#presence.note(Math.floor(this.now), complete, window)
    if (memo === undefined) return
    this.#store.remember(memo)
    await this.flushed()
  }

  /** What this node remembers of an earlier life. */
  get memory(): Pick<Presence, 'isBack' | 'knew' | 'formerWindow' | 'hear'> {
    return this.#presence
  }

  /** All deletions since then are known here, ms since 1970. */
  get knowsFrom(): number {
    return Math.floor(Math.min(this.#presence.knowsFrom, this.now))
  }

  /** Deletions before that need not be remembered any more, ms since 1970. */
  get forgetsBefore(): number {
    return this.#presence.forgetsBefore
  }

  counts(): { owned: number; replicas: number; misplaced: number } {
    const valuesOn = (arcs: readonly Arc[]) => arcs.reduce((sum, arc) => sum + this.records.summary(arc).values, 0)
    const cells = this.cells.all()
    return {
      owned: valuesOn(cells.filter((cell) => this.cells.isOwn(cell))),
      replicas: valuesOn(cells.filter((cell) => !this.cells.isOwn(cell))),
      misplaced: valuesOn(this.cells.strangeArcs()),
    }
  }

  role(key: Id): 'owned' | 'replica' | 'misplaced' {
    const cell = this.cells.of(key)
    return cell === undefined ? 'misplaced' : this.cells.isOwn(cell) ? 'owned' : 'replica'
  }

  #allAt(key: Id): StoredRecord[] {
    const all: StoredRecord[] = []
    let bytes = 0
    for (const record of this.records.at(key)) {
      bytes += sizeOf(record)
      if (bytes > limits.bodyBytes)
        throw new Refusal('TOO_LARGE', `the values under ${key} are too much for one call; ask for one by ?value= or ?name=`)
      all.push(record)
    }
    return all
  }

  /** Whether this node's word on a key counts. */
  vouchesFor(key: Id): boolean {
    return this.cells.vouchesFor(key) && !this.#outdated.has(key) && !this.wakefulness.isBehind
  }

  /** Whoever does not show all that it has, has what is not true any more, or has slept, vouches for nothing. */
  #standing(key: Id, told?: readonly Id[]): Standing {
    const standing = this.cells.standing(key, told)
    const isSure = this.doubtUntil === undefined && !this.#outdated.has(key) && !this.wakefulness.isBehind
    return isSure ? standing : { ...standing, complete: false }
  }

  /** @throws Refusal STORE_FULL */
  #replace(ours: StoredRecord | undefined, winner: StoredRecord): void {
    try {
      this.records.replace(ours, winner)
    } catch (error) {
      if (ours) this.#outdated.note(ours)
      throw error
    }
  }

  /** No clock that is right gives such a stamp, unless for what has one already. */
  #assertTimely({ key, index, version: { hlc } }: StoredRecord): void {
    if (!isAhead(hlc, this.now)) return
    const ours = this.#store.get(key, index)
    if (!ours || isAhead(hlc, stampMs(ours.version.hlc)))
      throw new Refusal('STAMP_AHEAD', 'the stamp is more than 5 minutes ahead of this node; set the clocks right')
  }

  #keeps(record: StoredRecord, told: readonly Id[]): boolean {
    try {
      this.#assertTimely(record)
      if (compareVersions(this.#put(record), record.version) > 0) return false
    } catch (error) {
      // Whoever writes it with care is told what is wrong.
      if (error instanceof Refusal) return false
      throw error
    }
    const { held, complete, window, ask } = this.#standing(record.key, told)
    return held && complete && window === told.length && ask.length === 0 && told.includes(this.#me.id)
  }
}

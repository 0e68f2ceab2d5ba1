/** The records that this node has: what is here, how more comes in, and what it may say of them. Nothing here asks anyone. */
import type { Overlay } from '../overlay/overlay.ts'
import type { Clock, Hash, Log, Store } from '../ports.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Held } from '../protocol/peer-api.ts'
import { limits, type Peer, type StoredRecord } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import type { Arc } from '../space/ring.ts'
import { Cells } from './cells.ts'
import { type HybridClock, stampMs } from './hybrid-clock.ts'
import { Intake } from './intake.ts'
import { type Address, assertKeepable, cursorOf, isLive, outlined, sizeOf } from './record.ts'
import { Records } from './records.ts'
import { Testimony } from './testimony.ts'

export interface HoldingsOptions {
  /** How many are to hold each record. */
  readonly replicas: number
  readonly quotaBytes: number
}

export class Holdings {
  /** What this node is to hold. */
  readonly cells: Cells
  /** What it has. */
  readonly records: Records
  /** What it may say of that. */
  readonly testimony: Testimony
  /** How more comes in. */
  readonly intake: Intake
  readonly #store: Store
  readonly #time: Pick<Clock, 'now'>

  /**
   * @param ports with the time of the network
   * @param taken told under which key something has come
   */
  constructor(
    me: Peer,
    overlay: Overlay,
    ports: { store: Store; clock: Pick<Clock, 'now' | 'wall'>; time: Pick<Clock, 'now'>; hash: Hash; log: Pick<Log, 'warn'> },
    stamps: HybridClock,
    { quotaBytes, replicas }: HoldingsOptions,
    taken: (key: Id) => void,
  ) {
    const { store, clock, time, hash, log } = ports
    this.#store = store
    this.#time = time
    this.cells = new Cells(me, overlay, clock, replicas)
    let newestMs: number | undefined
    this.records = new Records(store, me.id.length, quotaBytes, (record) => {
      const fault = faultIn(record, { hash, bits: me.id.length * 4, now: time.now() })
      if (fault !== undefined) {
        log.warn({ record: cursorOf(record), why: fault }, 'record spoilt on the disk, and dropped')
        return false
      }
      stamps.observe(record.version.hlc)
      newestMs = Math.max(newestMs ?? 0, stampMs(record.version.hlc))
      return true
    })
    this.testimony = new Testimony(this.cells, store, { clock, time }, newestMs)
    this.intake = new Intake(me, this, ports, stamps, taken)
  }

  /** The time of the network, ms since 1970. */
  get now(): number {
    return this.#time.now()
  }

  /**
   * What is at an address, tombstones among it, and this node's word on it.
   * @param isBrief whether values that are large are left out
   * @throws Refusal NOT_HELD when none of them lives; TOO_LARGE as read
   */
  get(address: Address, isBrief = false): Held {
    const { key } = address
    const { now } = this
    const records = isBrief ? outlined(this.at(address)) : this.read(address)
    const standing = this.testimony.standing(key)
    if (records.some((record) => isLive(record, now))) return { key, records, ...standing }
    const why = standing.held ? 'nothing lives here under that key, which this node is to hold' : 'not held here'
    throw new Refusal('NOT_HELD', `${why}; try GET /lookup/${key}`, { records, ...standing })
  }

  /** The records at an address, but for those in doubt: read as they are asked for, however many bytes they are. */
  *at({ key, index }: Address): Generator<StoredRecord, void> {
    const records = index === undefined ? this.records.at(key) : this.#oneAt(key, index)
    for (const record of records) if (!this.testimony.doubts(record)) yield record
  }

  /** All of them. @throws Refusal TOO_LARGE when they are more than travels in one call */
  read(address: Address): StoredRecord[] {
    const all: StoredRecord[] = []
    let bytes = 0
    for (const record of this.at(address)) {
      bytes += sizeOf(record)
      if (bytes > limits.bodyBytes) throw tooMuchAt(address.key)
      all.push(record)
    }
    return all
  }

  #oneAt(key: Id, index: string): StoredRecord[] {
    const record = this.#store.get(key, index)
    return record ? [record] : []
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
}

/** What a disk has made of a record that was sound; undefined: nothing. */
const faultIn = (record: StoredRecord, { hash, bits, now }: { hash: Hash; bits: number; now: number }): string | undefined => {
  if (stampMs(record.version.hlc) === 0) return 'it is no record any more'
  try {
    assertKeepable(hash, record, bits, now)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error.message
    throw error
  }
}

export const tooMuchAt = (key: Id): Refusal =>
  new Refusal('TOO_LARGE', `the values under ${key} are too much for one call; ask for one by ?value= or ?name=`)

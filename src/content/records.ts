/** The records of this node on arcs: their fingerprints, pages and sizes are kept with the store, whatever is written or dropped. */
import type { Store } from '../ports.ts'
import { Refusal } from '../protocol/errors.ts'
import { digestParts, type Part } from '../protocol/peer-api.ts'
import type { StoredRecord } from '../protocol/schemas.ts'
import { type Span, spansOf } from '../space/arcs.ts'
import { type Id, idBits } from '../space/id.ts'
import { type Arc, distance, step } from '../space/ring.ts'
import { Expiries } from './expiries.ts'
import { Fingerprints, isListable, type Summary } from './fingerprints.ts'
import { batchBytes, buried, compareVersions, cursorOf, sizeOf } from './record.ts'

/** Records that are read from the store at once, unless they have many bytes: few at first, of which no more may be wanted. */
const pageLeast = 8
const pageLength = 200
/** Of the hash in an index. */
const indexDigits = idBits.maximum / 4

export class Records {
  readonly #store: Store
  readonly #digits: number
  readonly #quotaBytes: number
  readonly #prints: Fingerprints
  readonly #expiries = new Expiries()
  #bytes = 0
  /** What the record that was refused last, as the quota left no room for it, would have added. */
  #refusedBytes = 0

  /** @param digits of an id @param isSound told of each record that is there already: those that are not what they were are dropped */
  constructor(store: Store, digits: number, quotaBytes: number, isSound: (record: StoredRecord) => boolean) {
    this.#store = store
    this.#digits = digits
    this.#quotaBytes = quotaBytes
    this.#prints = new Fingerprints((span) => this.#scanSpan(span), digits)
    for (const record of this.#scanSpan({ first: '0', last: 'g' }))
      if (isSound(record)) this.#note(record, 1)
      else store.drop(record.key, record.index)
  }

  get size(): number {
    return this.#store.size
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Whether the disk takes nothing, or the last for which the quota left no room would find none now. */
  get isFull(): boolean {
    return this.#store.isFull || this.#bytes + this.#refusedBytes > this.#quotaBytes
  }

  /**
   * What lies on the parts of an arc for comparison, which are cut where that takes no look at records; on the whole, where the other has
   * the same or all of it is listed.
   */
  digest({ from, ...theirs }: Arc & Part): Part[] {
    const { to } = theirs
    const { count, print } = this.#prints.of({ from, to })
    if (print === theirs.print || isListable(count, theirs.count)) return [{ to, count, print }]
    const size = distance(from, to) || 1n << BigInt(from.length * 4)
    const parts = size < BigInt(digestParts) ? Number(size) : digestParts
    const ends = Array.from({ length: parts - 1 }, (_, at) => step(from, (size * BigInt(at + 1)) / BigInt(parts)))
    const isCoarse = size >= 2n * BigInt(parts) * this.#prints.bucketSize
    let last = from
    return [...(isCoarse ? ends.map((end) => this.#prints.bucketEnd(end)) : ends), to].map((end) => {
      const { count, print } = this.#prints.of({ from: last, to: end })
      last = end
      return { to: end, count, print }
    })
  }

  summary(arc: Arc): Summary {
    return this.#prints.of(arc)
  }

  /**
   * Every record on an arc after a cursor, in the arc's order. What is written meanwhile may be among them or not.
   * @param wanted about how many will be taken
   */
  *on(arc: Arc, after?: string, wanted = pageLeast): Generator<StoredRecord, void> {
    const key = after?.split('/')[0]
    const spans = spansOf(arc)
    const reached =
      key === undefined
        ? 0
        : Math.max(
            0,
            spans.findIndex(({ first, last }) => first <= key && key <= last),
          )
    for (const [at, span] of spans.entries())
      if (at >= reached)
        yield* this.#scanSpan(span, at === reached && after !== undefined && after > span.first ? after : span.first, wanted)
  }

  /** All at a key, however many bytes: read as they are asked for. A key as wide as an index has one value at most, and one name. */
  *at(key: Id): Generator<StoredRecord, void> {
    if (key.length < indexDigits) return yield* this.#scanSpan({ first: key, last: key })
    for (const index of [`n:${key}`, `v:${key}`]) {
      const record = this.#store.get(key, index)
      if (record) yield record
    }
  }

  /**
   * Records after a cursor, on an arc or everywhere: so many at most, and none after those that have more than so many bytes together.
   * There may be more after `next`.
   */
  page(
    after: string | undefined,
    limit: number,
    arc = everywhere(this.#digits),
    bytesMost = batchBytes,
  ): { records: StoredRecord[]; next?: string } {
    const records: StoredRecord[] = []
    let bytes = 0
    for (const record of this.on(arc, after, limit + 1)) {
      if (records.length === limit) return { records, next: cursorOf(records.at(-1) as StoredRecord) }
      records.push(record)
      bytes += sizeOf(record)
      if (bytes > bytesMost) return { records, next: cursorOf(record) }
    }
    return { records }
  }

  /** By their cursors, those of the first so many that are here: as many as travel in one call. */
  pick(cursors: readonly string[]): { records: StoredRecord[]; done: number } {
    const records: StoredRecord[] = []
    let bytes = 0
    for (const [at, cursor] of cursors.entries()) {
      const [key = '', index = ''] = cursor.split('/')
      const record = this.#store.get(key, index)
      if (!record) continue
      bytes += sizeOf(record)
      if (records.length > 0 && bytes > batchBytes) return { records, done: at }
      records.push(record)
    }
    return { records, done: cursors.length }
  }

  /** Puts a record in the place of another. @throws Refusal STORE_FULL */
  replace(ours: StoredRecord | undefined, winner: StoredRecord): void {
    const growth = sizeOf(winner) - (ours ? sizeOf(ours) : 0)
    if (growth > 0 && winner.value !== null && this.#bytes + growth > this.#quotaBytes) {
      this.#refusedBytes = growth
      throw new Refusal('STORE_FULL', `this node keeps ${this.#quotaBytes} bytes at most; delete something, or add nodes`)
    }
    this.#store.write(winner)
    if (ours) this.#note(ours, -1)
    this.#note(winner, 1)
  }

  /** Unless another version has come in its place since it was read. */
  drop(record: StoredRecord): void {
    const now = this.#store.get(record.key, record.index)
    if (!now || compareVersions(now.version, record.version) !== 0) return
    this.#note(now, -1)
    this.#store.drop(record.key, record.index)
  }

  /** Keeps of the values that have expired by then only that they were there: of as many as are read at once. Returns whether there may be more. */
  bury(time: number): boolean {
    const due = this.#expiries.before(time, pageLength)
    const { records, done } = this.pick(due)
    for (const record of records) this.replace(record, buried(record, time))
    // A disk that has spoilt one of them since tells of no expiry any more.
    this.#expiries.forget(due.slice(0, done), time)
    return due.length > 0
  }

  *#scanSpan({ first, last }: Span, after = first, wanted = pageLeast): Generator<StoredRecord, void> {
    for (let left = wanted, from = after; ; ) {
      const limit = left > 0 ? Math.min(left, pageLength) : pageLength
      const page = this.#store.scan(from, limit, last, batchBytes)
      yield* page
      if (page.length < limit && sizeOfAll(page) <= batchBytes) return
      left -= page.length
      from = cursorOf(page.at(-1) as StoredRecord)
    }
  }

  #note(record: StoredRecord, by: 1 | -1): void {
    this.#prints.note(record, by)
    this.#expiries.note(record, by)
    this.#bytes += by * sizeOf(record)
  }
}

/** @param digits of an id */
export const everywhere = (digits: number): Arc => ({ from: '0'.repeat(digits), to: '0'.repeat(digits) })

const sizeOfAll = (records: readonly StoredRecord[]): number => records.reduce((sum, record) => sum + sizeOf(record), 0)

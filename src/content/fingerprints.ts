/**
 * Fingerprints of what a store holds on an arc: two stores that hold the same records there in the same versions have the same,
 * and two that do not almost never.
 *
 * A fingerprint is the exclusive or of one number per record, so it is kept up to date by one operation a write: no tree to
 * maintain, and arcs divide wherever a join divides them. The ids' first digits make buckets; only where an arc ends within
 * one are its records looked at.
 */
import type { StoredRecord } from '../protocol/schemas.ts'
import { type Span, spansOf } from '../space/arcs.ts'
import type { Id } from '../space/id.ts'
import type { Arc } from '../space/ring.ts'

/** Of some records: how many, how many of them are values, and their fingerprint. */
export interface Summary {
  readonly count: number
  /** Those that are no tombstones. */
  readonly values: number
  /** 16 hex digits. */
  readonly print: string
}

/** Where two differ and neither has more records than this, they are listed, and not divided. */
const listable = 64
/** The same where one has none: whatever is listed there travels anyway. */
export const listableAlone = 1024

/** Whether what two have on an arc, so many records each, is listed where it differs. */
export const isListable = (ours: number, theirs: number): boolean =>
  Math.max(ours, theirs) <= (Math.min(ours, theirs) === 0 ? listableAlone : listable)

/** Digits of an id that name its bucket. */
const bucketDigits = 3

export class Fingerprints {
  /** By number; empty ones are left out. */
  readonly #buckets = new Map<number, Sum>()
  readonly #scan: (span: Span) => Iterable<StoredRecord>
  readonly #digits: number
  readonly #width: number

  /** @param scan the records of a span @param width digits of an id */
  constructor(scan: (span: Span) => Iterable<StoredRecord>, width: number) {
    this.#scan = scan
    this.#width = width
    this.#digits = Math.min(bucketDigits, width)
  }

  /** To be called for a record that has come, and for one that has gone with `by` = -1. */
  note(record: StoredRecord, by: 1 | -1): void {
    const at = this.#bucketOf(record.key)
    let sum = this.#buckets.get(at)
    if (!sum) {
      sum = new Sum()
      this.#buckets.set(at, sum)
    }
    sum.note(record, by)
    if (sum.count === 0) this.#buckets.delete(at)
  }

  of(arc: Arc): Summary {
    const total = new Sum()
    for (const { first, last } of spansOf(arc)) {
      const [start, end] = [this.#bucketOf(first), this.#bucketOf(last)]
      for (const at of this.#bucketsWithin(start, end)) {
        const cut = at === start || at === end ? this.#cut(at, first, last) : undefined
        if (cut) for (const record of this.#scan(cut)) total.note(record, 1)
        else total.add(this.#buckets.get(at) as Sum)
      }
    }
    return { count: total.count, values: total.values, print: total.print }
  }

  /** Ids in a bucket. */
  get bucketSize(): bigint {
    return 1n << BigInt(4 * (this.#width - this.#digits))
  }

  /** The last id of the bucket that an id is in: an arc that ends there is summed without a look at records. */
  bucketEnd(id: Id): Id {
    return id.slice(0, this.#digits).padEnd(this.#width, 'f')
  }

  /** Those that hold anything, in any order. */
  #bucketsWithin(low: number, high: number): number[] {
    const within: number[] = []
    if (high - low < this.#buckets.size) {
      for (let at = low; at <= high; at++) if (this.#buckets.has(at)) within.push(at)
    } else for (const at of this.#buckets.keys()) if (low <= at && at <= high) within.push(at)
    return within
  }

  /** What of a bucket is within a span; undefined when all of it is. */
  #cut(at: number, first: Id, last: Id): Span | undefined {
    const name = at.toString(16).padStart(this.#digits, '0')
    const low = name.padEnd(this.#width, '0')
    const high = name.padEnd(this.#width, 'f')
    if (first <= low && high <= last) return undefined
    return { first: first > low ? first : low, last: last < high ? last : high }
  }

  #bucketOf(id: Id): number {
    return Number.parseInt(id.slice(0, this.#digits), 16)
  }
}

class Sum {
  count = 0
  values = 0
  #even = 0
  #odd = 0

  get print(): string {
    return hexOf(this.#even) + hexOf(this.#odd)
  }

  note({ index, value, version }: StoredRecord, by: 1 | -1): void {
    this.count += by
    if (value !== null) this.values += by
    // An index is a hash already; the version is folded in.
    const kind = index.startsWith('v') ? 1 : 2
    const seal = fold(fold(kind, version.hlc), version.origin)
    this.#even ^= mix(Number.parseInt(index.slice(2, 10), 16) ^ seal)
    this.#odd ^= mix(Number.parseInt(index.slice(10, 18), 16) + Math.imul(seal, 0x9e3779b9))
  }

  add(other: Sum): void {
    this.count += other.count
    this.values += other.values
    this.#even ^= other.#even
    this.#odd ^= other.#odd
  }
}

const hexOf = (half: number): string => (half >>> 0).toString(16).padStart(8, '0')

/** FNV-1a. */
const fold = (seed: number, text: string): number => {
  let hash = Math.imul(seed, 0x811c9dc5)
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash
}

/** Every bit of the answer depends on every bit of the number: the end of MurmurHash3. */
const mix = (number: number): number => {
  let hash = number | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

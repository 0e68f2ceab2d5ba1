/** A store in memory: the simulator's, and a node's that keeps nothing on disk. */
import type { Store } from '../ports.ts'
import type { StoredRecord } from '../protocol/schemas.ts'
import { firstAtOrAfter, type Id } from '../space/id.ts'
import { cursorOf, sizeOf } from './record.ts'

export class MemoryStore implements Store {
  readonly isFull = false
  readonly #byKey = new Map<Id, Map<string, StoredRecord>>()
  /** The keys in order; undefined after a change of the set of keys, made again by the next scan. */
  #order: Id[] | undefined
  #size = 0
  #memo: string | undefined

  get memo(): string | undefined {
    return this.#memo
  }

  remember(memo: string): void {
    this.#memo = memo
  }

  /** There is no disk to wait for. */
  flushed(): Promise<void> {
    return Promise.resolve()
  }

  get size(): number {
    return this.#size
  }

  get(key: Id, index: string): StoredRecord | undefined {
    return this.#byKey.get(key)?.get(index)
  }

  /** Every record under a key, in order of index. */
  read(key: Id): StoredRecord[] {
    const records = [...(this.#byKey.get(key)?.values() ?? [])]
    return records.length < 2 ? records : records.sort(byIndex)
  }

  write(record: StoredRecord): void {
    let records = this.#byKey.get(record.key)
    if (!records) {
      records = new Map()
      this.#byKey.set(record.key, records)
      this.#order = undefined
    }
    if (!records.has(record.index)) this.#size++
    records.set(record.index, record)
  }

  drop(key: Id, index: string): void {
    const records = this.#byKey.get(key)
    if (records?.delete(index)) {
      this.#size--
      if (records.size === 0) {
        this.#byKey.delete(key)
        this.#order = undefined
      }
    }
  }

  scan(after: string, limit: number, last?: Id, bytesMost = Infinity): StoredRecord[] {
    this.#order ??= [...this.#byKey.keys()].sort()
    const keys = this.#order
    const page: StoredRecord[] = []
    let bytes = 0
    // Whoever asks may name what is no cursor.
    const [from = ''] = /^[0-9a-f]*/.exec(after) ?? []
    for (let at = firstAtOrAfter(keys, from); at < keys.length; at++) {
      if (last !== undefined && (keys[at] ?? '') > last) break
      for (const record of this.read(keys[at] ?? '')) {
        if (cursorOf(record) <= after) continue
        if (page.length === limit || bytes > bytesMost) return page
        page.push(record)
        bytes += sizeOf(record)
      }
    }
    return page
  }
}

const byIndex = (a: StoredRecord, b: StoredRecord): number => (a.index < b.index ? -1 : 1)

/** What has changed in a store and is not in its tree yet: the last change of each place. */
import { cursorOf } from '../content/record.ts'
import type { StoredRecord } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'

/** Digits of a key that name its bucket: few changes are in each, so that looking for those in order need not sort them all. */
const bucketDigits = 3

export interface Change {
  readonly key: Id
  readonly index: string
  /** What is there now; undefined: it was dropped. */
  readonly record: StoredRecord | undefined
}

interface Placed {
  readonly cursor: string
  readonly change: Change
}

type ByKey = Map<Id, Map<string, Change>>

export class Changes {
  readonly #buckets = new Map<string, ByKey>()
  /** The names of the buckets, in order; undefined when there is a new one. */
  #names: string[] | undefined

  get(key: Id, index: string): Change | undefined {
    return this.under(key)?.get(index)
  }

  /** Those under a key, by index. */
  under(key: Id): ReadonlyMap<string, Change> | undefined {
    return this.#buckets.get(bucketOf(key))?.get(key)
  }

  /** All of them, in order of place. */
  all(): Change[] {
    return [...this.after(undefined)].map(({ change }) => change)
  }

  /** Those of places after a cursor, from the start without one, in order of place. */
  *after(cursor: string | undefined): Generator<Placed, void> {
    const first = bucketOf(cursor?.split('/')[0] ?? '')
    for (const name of this.#inOrder())
      if (name >= first || first.startsWith(name))
        for (const placed of inPlace(this.#buckets.get(name) as ByKey))
          if (cursor === undefined || placed.cursor > cursor) yield placed
  }

  add(change: Change): void {
    const { key, index } = change
    const name = bucketOf(key)
    let bucket = this.#buckets.get(name)
    if (!bucket) {
      this.#buckets.set(name, (bucket = new Map()))
      this.#names = undefined
    }
    let changes = bucket.get(key)
    if (!changes) bucket.set(key, (changes = new Map()))
    changes.set(index, change)
  }

  /** A change is in the tree. If another has come in its place meanwhile, that one is not. */
  forget(change: Change): void {
    const { key, index } = change
    const bucket = this.#buckets.get(bucketOf(key))
    const changes = bucket?.get(key)
    if (!bucket || changes?.get(index) !== change) return
    changes.delete(index)
    if (changes.size === 0) bucket.delete(key)
  }

  #inOrder(): readonly string[] {
    this.#names ??= [...this.#buckets.keys()].sort()
    return this.#names
  }
}

const bucketOf = (key: Id): string => key.slice(0, bucketDigits)

const inPlace = (bucket: ByKey): Placed[] => {
  const placed: Placed[] = []
  for (const changes of bucket.values())
    for (const change of changes.values()) placed.push({ cursor: cursorOf(change), change })
  return placed.sort((a, b) => (a.cursor < b.cursor ? -1 : 1))
}

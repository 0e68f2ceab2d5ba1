/** What has changed in a store and is not in its tree yet: the last change of each place. */

/** Digits of a key that name its bucket: few changes are in each, so that looking for those in order need not sort them all. */
const bucketDigits = 3

export interface Change {
  /** The place: `key/index`. */
  readonly cursor: string
  /** What is there now; undefined: nothing any more. */
  readonly text: string | undefined
}

/** By cursor. */
type Bucket = Map<string, Change>

export class Changes {
  readonly #buckets = new Map<string, Bucket>()
  /** The names of the buckets, in order; undefined when there is a new one. */
  #names: readonly string[] | undefined

  get(cursor: string): Change | undefined {
    return this.#buckets.get(bucketOf(cursor))?.get(cursor)
  }

  /** All of them, in order of place. */
  all(): Change[] {
    return [...this.after('')]
  }

  /** Those of places after a cursor, in order of place. */
  *after(cursor: string): Generator<Change, void> {
    const first = bucketOf(cursor)
    this.#names ??= [...this.#buckets.keys()].sort()
    for (const name of this.#names)
      if (name >= first || first.startsWith(name))
        for (const change of inOrder(this.#buckets.get(name) as Bucket)) if (change.cursor > cursor) yield change
  }

  add(change: Change): void {
    const name = bucketOf(change.cursor)
    let bucket = this.#buckets.get(name)
    if (!bucket) {
      this.#buckets.set(name, (bucket = new Map()))
      this.#names = undefined
    }
    bucket.set(change.cursor, change)
  }

  /** A change is in the tree. If another has come in its place meanwhile, that one is not. */
  forget(change: Change): void {
    const bucket = this.#buckets.get(bucketOf(change.cursor))
    if (bucket?.get(change.cursor) === change) bucket.delete(change.cursor)
  }
}

/** The first digits of the key; of a shorter key all of it, which all that is under it begins with. */
const bucketOf = (cursor: string): string => {
  const slash = cursor.indexOf('/')
  return cursor.slice(0, slash < 0 || slash > bucketDigits ? bucketDigits : slash)
}

const inOrder = (bucket: Bucket): Change[] => [...bucket.values()].sort((a, b) => (a.cursor < b.cursor ? -1 : 1))

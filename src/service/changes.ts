/** What has changed in a store and is not in its tree yet: the last change of each place; and how a change is written. */
import type { StoredRecord } from '../protocol/schemas.ts'
import { firstAtOrAfter } from '../space/id.ts'

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
    return [...this.between('', beyond)]
  }

  /** Those of places after one and before another, in order of place; no other bucket is looked at. */
  *between(after: string, before: string): Generator<Change, void> {
    const first = bucketOf(after)
    const names = (this.#names ??= [...this.#buckets.keys()].sort())
    // The buckets of shorter keys that it begins with are before its own.
    for (let length = 1; length < first.length; length++) yield* this.#within(first.slice(0, length), after, before)
    for (let at = firstAtOrAfter(names, first); at < names.length; at++) {
      const name = names[at] as string
      if (name > before) return
      yield* this.#within(name, after, before)
    }
  }

  #within(name: string, after: string, before: string): Change[] {
    const bucket = this.#buckets.get(name)
    if (!bucket || bucket.size === 0) return []
    const changes = [...bucket.values()].filter(({ cursor }) => cursor > after && cursor < before)
    return changes.length < 2 ? changes : changes.sort((a, b) => (a.cursor < b.cursor ? -1 : 1))
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

/** After every place. */
const beyond = '~'

/** The first digits of the key; of a shorter key all of it, which all that is under it begins with. */
const bucketOf = (cursor: string): string => {
  const slash = cursor.indexOf('/')
  return cursor.slice(0, slash < 0 || slash > bucketDigits ? bucketDigits : slash)
}

/** A change as a line of the journal: JSON has no line feeds, cursors have no blanks. */
export const lineOf = ({ cursor, text }: Change): string => (text === undefined ? cursor : `${cursor} ${text}`)

/** The change of such a line. */
export const changeIn = (line: string): Change => {
  const blank = line.indexOf(' ')
  return blank < 0 ? { cursor: line, text: undefined } : { cursor: line.slice(0, blank), text: line.slice(blank + 1) }
}

/** What is written of a record: all that its place does not say. */
export const textOf = ({ key: _key, index: _index, ...rest }: StoredRecord): string => JSON.stringify(rest)

export const recordOf = (cursor: string, text: string): StoredRecord => {
  const slash = cursor.indexOf('/')
  const rest = JSON.parse(text) as Omit<StoredRecord, 'key' | 'index'>
  return { key: cursor.slice(0, slash), index: cursor.slice(slash + 1), ...rest }
}

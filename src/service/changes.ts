/** What has changed in a store and is not in its tree yet: the last change of each place; and how a change is written. */
import { patterns, type StoredRecord, type Version } from '../protocol/schemas.ts'
import { jsonIn } from '../protocol/utf8.ts'

/** Digits of a key that number its bucket: few changes are in each, so that looking for those in order need not sort them all. */
const bucketDigits = 3
/** What a digit may be there, in the order of texts: none where the key has ended, then 0 to f. */
const base = 17

export interface Change {
  /** The place: `key/index`. */
  readonly cursor: string
  /** What is there now; undefined: nothing any more. */
  readonly text: string | undefined
}

/** By cursor. */
type Bucket = Map<string, Change>

export class Changes {
  /** In the order of their places. */
  readonly #buckets: (Bucket | undefined)[] = Array.from({ length: base ** bucketDigits })

  get(cursor: string): Change | undefined {
    return this.#buckets[bucketOf(cursor)]?.get(cursor)
  }

  /** All of them, in order of place. */
  all(): Change[] {
    return [...this.between('', beyond)]
  }

  /** Those of places after one and before another, in order of place; no other bucket is looked at. */
  *between(after: string, before: string): Generator<Change, void> {
    const last = Math.min(bucketOf(before), this.#buckets.length - 1)
    for (let at = bucketOf(after); at <= last; at++) yield* this.#within(at, after, before)
  }

  #within(at: number, after: string, before: string): Change[] {
    const bucket = this.#buckets[at]
    if (!bucket || bucket.size === 0) return []
    const changes = [...bucket.values()].filter(({ cursor }) => cursor > after && cursor < before)
    return changes.length < 2 ? changes : changes.sort((a, b) => (a.cursor < b.cursor ? -1 : 1))
  }

  add(change: Change): void {
    const bucket = (this.#buckets[bucketOf(change.cursor)] ??= new Map())
    bucket.set(change.cursor, change)
  }

  /** A change is in the tree. If another has come in its place meanwhile, that one is not. */
  forget(change: Change): void {
    const bucket = this.#buckets[bucketOf(change.cursor)]
    if (bucket?.get(change.cursor) === change) bucket.delete(change.cursor)
  }
}

/** After every place. */
const beyond = '~'

/** The number of a cursor's bucket: of two cursors the lesser one's is no greater. */
const bucketOf = (cursor: string): number => {
  let bucket = 0
  let digit = 1
  for (let at = 0; at < bucketDigits; at++) {
    digit = digit > 0 ? digitOf(cursor.charCodeAt(at)) : 0
    bucket = bucket * base + digit
  }
  return bucket
}

/** A hex digit's rank; 0 for the slash after a key, and where there is nothing; what comes after all digits is beyond their ranks. */
const digitOf = (code: number): number => {
  if (code >= 0x30 && code <= 0x39) return code - 0x2f
  if (code >= 0x61 && code <= 0x66) return code - 0x56
  return code > 0x66 ? base : 0
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

type Rest = Omit<StoredRecord, 'key' | 'index'>

/** What a disk has spoilt is there as a deletion older than any other, with a stamp that none has: whoever has the record gives it anew. */
const spoilt: Rest = { value: null, contentType: 'text/plain', version: { hlc: '0'.repeat(16), origin: '00' } }

export const recordOf = (cursor: string, text: string): StoredRecord => {
  const slash = cursor.indexOf('/')
  return { key: cursor.slice(0, slash), index: cursor.slice(slash + 1), ...restIn(text) }
}

const restIn = (text: string): Rest => {
  const rest = jsonIn(text)
  return isRest(rest) ? rest : spoilt
}

const fits = (pattern: string): ((text: unknown) => boolean) => {
  const expression = new RegExp(pattern)
  return (text) => typeof text === 'string' && expression.test(text)
}
const isStamp = fits(patterns.hlc)
const isOrigin = fits(patterns.origin)
const isType = fits(patterns.contentType)

/** By hand, as every read of a record comes by here: what its schema says. */
const isRest = (rest: unknown): rest is Rest => {
  const { value, contentType, version, encoding, name, expiresAt } = (rest ?? {}) as Partial<Record<keyof Rest, unknown>>
  const { hlc, origin } = (version ?? {}) as Partial<Record<keyof Version, unknown>>
  return (
    (typeof value === 'string' || value === null) &&
    isType(contentType) &&
    isStamp(hlc) &&
    isOrigin(origin) &&
    (encoding === undefined || encoding === 'base64') &&
    (name === undefined || (typeof name === 'string' && name !== '')) &&
    (expiresAt === undefined || (Number.isSafeInteger(expiresAt) && Number(expiresAt) >= 0))
  )
}

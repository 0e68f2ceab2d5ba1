/**
 * Records: what is kept under (key, index), and which of two versions wins.
 *
 * The index is the full hash of the value (`v:`) or of the name (`n:`); the key is its first bits. In a small id space
 * several values share a key and none is lost.
 */
import { Refusal, tooLarge } from '../protocol/errors.ts'
import type { Told } from '../protocol/peer-api.ts'
import { limits, type StoredRecord, type Version } from '../protocol/schemas.ts'
import { utf8Bytes } from '../protocol/utf8.ts'
import type { Hash } from '../ports.ts'
import { type Id, idOf } from '../space/id.ts'
import { stampMostMs, stampMs } from './hybrid-clock.ts'

/** What a person names when asking for content: a key alone, a value, or a name. */
export interface Address {
  readonly key: Id
  /** Without it, every index under the key. */
  readonly index?: string
}

/** Whether what lives there is only ever itself. */
export const isByContent = ({ index }: Pick<Address, 'index'>): boolean => index?.startsWith('v:') ?? false

/** `v:2cf24dba…`: where a value is kept by its content. */
export const valueIndex = (hash: Hash, value: string, encoding?: 'base64'): string => `v:${hash(value, encoding)}`

/** `n:…`: where the last value written under a name is kept. */
export const nameIndex = (hash: Hash, name: string): string => `n:${hash(name)}`

/** The key that an index belongs under. */
export const keyOf = (index: string, bits: number): Id => idOf(index.slice(2), bits)

/** Digits of an id in which many values can come to share a key. */
const narrowDigits = 8

/** Whether a key may be that of several values. */
export const isNarrow = (key: Id): boolean => key.length <= narrowDigits

/** Where a scan goes on after a record: `key/index`. */
export const cursorOf = ({ key, index }: { key: Id; index: string }): string => `${key}/${index}`

/** Negative when a is the older. Stamps order first, then their givers. */
export const compareVersions = (a: Version, b: Version): number =>
  compareTexts(a.hlc, b.hlc) || compareTexts(a.origin, b.origin)

/**
 * The winner of two records of one index: the later version; of equal versions, the one whose value has the larger
 * hash. Idempotent, commutative and associative, so that copies agree whatever the order and number of their meetings.
 */
export const mergeRecords = (hash: Hash, ours: StoredRecord | undefined, theirs: StoredRecord): StoredRecord => {
  if (ours === undefined) return theirs
  // Only what differs need be hashed to be told apart.
  const hashOf: Hash = ours.value === theirs.value && ours.encoding === theirs.encoding ? () => '' : hash
  const order =
    compareVersions(ours.version, theirs.version) || compareTexts(fingerprint(hashOf, ours), fingerprint(hashOf, theirs))
  return order < 0 ? theirs : ours
}

/**
 * What no merge may let in, and no reading give: an index that is not that of the value or the name, a key that is not the index's,
 * base64 that is none, too much.
 * @throws Refusal BAD_RECORD, TOO_LARGE
 */
export const assertSound = (hash: Hash, record: Told, bits: number): void => {
  const { key, index, encoding, name } = record
  const value = record.value ?? undefined
  if (value !== undefined && encoding && !isBase64(value))
    throw new Refusal('BAD_RECORD', `the value of ${index} is not base64, as its encoding says`)
  // A character has three bytes at most: counting is for what is long.
  if (value !== undefined && value.length * 3 > limits.valueBytes && bytesOf(value, encoding) > limits.valueBytes)
    throw tooLarge()
  if (keyOf(index, bits) !== key) throw new Refusal('BAD_RECORD', `index ${index} does not belong under key ${key}`)
  if (isByContent(record) ? value !== undefined && valueIndex(hash, value, encoding) !== index : name === undefined)
    throw new Refusal('BAD_RECORD', `index ${index} is not that of the record's value or name`)
  if (name !== undefined && nameIndex(hash, name) !== index)
    throw new Refusal('BAD_RECORD', `index ${index} is not that of the name ${JSON.stringify(name)}`)
}

/** What no node may keep: what is not sound, and a stamp that none could follow. @throws Refusal BAD_RECORD, TOO_LARGE */
export const assertKeepable = (hash: Hash, record: StoredRecord, bits: number, now: number): void => {
  assertSound(hash, record, bits)
  if (stampMs(record.version.hlc) > now + stampMostMs)
    throw new Refusal('BAD_RECORD', `the stamp of ${record.index} is more than a century ahead`)
}

/** How long a tombstone is kept: the longest absence after which older copies may come back. */
export const tombstoneHorizonMs = 7 * 24 * 3600_000

/** Whether it is a tombstone of before that time, ms since 1970. */
export const isOver = ({ value, version }: StoredRecord, before: number): boolean =>
  value === null && stampMs(version.hlc) < before

/** A value that has expired as the tombstone that it is from then on; anything else as it is. */
export const buried = (record: StoredRecord, now: number): StoredRecord => {
  if (record.value === null || isLive(record, now)) return record
  const { encoding: _, expiresAt: __, ...rest } = record
  return { ...rest, value: null }
}

/** A value that was left out lives as long as any other. */
export const isLive = (record: Told, now: number): boolean =>
  record.value !== null && (record.expiresAt === undefined || record.expiresAt > now)

/** Records whose values have more characters than this together are large: they travel apart from all else, a few at a time. */
const largeChars = 64 * 1024

export const areLarge = (records: readonly StoredRecord[]): boolean =>
  records.reduce((chars, { value }) => chars + (value?.length ?? 0), 0) > largeChars

/** Records without those values that would be large together. */
export const outlined = (records: Iterable<StoredRecord>): Told[] => {
  const outlines: Told[] = []
  let room = largeChars
  for (const record of records) {
    const chars = record.value?.length ?? 0
    if (chars <= room) {
      room -= chars
      outlines.push(record)
    } else {
      const { value: _, ...outline } = record
      outlines.push(outline)
    }
  }
  return outlines
}

/** Whether its value is there, which may be that there is none any more. */
export const isWhole = (record: Told): record is StoredRecord => record.value !== undefined

/** What a record costs beside its value, about. */
const overheadBytes = 300

/** Bytes that a record takes, about. */
export const sizeOf = ({ value }: StoredRecord): number => (value?.length ?? 0) + overheadBytes

/** Bytes of records that are read or sent at once, about; a single record always is. */
export const batchBytes = 1024 * 1024

/** How many bytes a value's text stands for. */
export const bytesOf = (value: string, encoding: 'base64' | undefined): number => {
  if (!encoding) return utf8Bytes(value)
  const padding = value.endsWith('==') ? 2 : value.endsWith('=') ? 1 : 0
  return Math.floor(((value.length - padding) * 3) / 4)
}

const isBase64 = (text: string): boolean => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)

const fingerprint = (hash: Hash, { value, encoding, expiresAt = 0, contentType, name }: StoredRecord): string =>
  `${value === null ? '' : hash(value, encoding)}/${expiresAt}/${contentType}/${name}`

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

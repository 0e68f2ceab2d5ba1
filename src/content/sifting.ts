/** Two sides' records of an arc, held against each other one by one: what is to be fetched, what given, and what remains in doubt. */
import type { Digest } from '../protocol/peer-api.ts'
import type { StoredRecord, Version } from '../protocol/schemas.ts'
import type { Holdings } from './holdings.ts'
import { stampMs } from './hybrid-clock.ts'
import { compareVersions, cursorOf } from './record.ts'

/** What a peer says of an arc: what it claims, and whether it has had everything there, of which nothing was ever given up. */
interface Word extends Pick<Digest, 'held' | 'doubting' | 'knowsFrom'> {
  readonly isComplete: boolean
  readonly isWitnessed: boolean
}

export class Sifting {
  readonly #holdings: Holdings
  readonly #word: Word
  /** What the peer has, by cursor; of what was held against it only what is newer there. */
  readonly #theirs: Map<string, Version>
  /** Of these, what is here in an older version. */
  readonly #outdated = new Set<string>()
  /** What is newer here, and what is only here. */
  readonly #newer: string[] = []
  readonly #lacking: string[] = []
  #undecided = 0

  /** @param theirs the peer's versions by cursor; not to be used any more */
  constructor(holdings: Holdings, word: Word, theirs: Map<string, Version>) {
    this.#holdings = holdings
    this.#word = word
    this.#theirs = theirs
  }

  /** Holds one of ours against what the peer has; drops it where the peer knows that it was deleted. */
  add(ours: StoredRecord): void {
    const cursor = cursorOf(ours)
    const version = this.#theirs.get(cursor)
    const order = version ? compareVersions(ours.version, version) : 1
    if (order >= 0) this.#theirs.delete(cursor)
    else this.#outdated.add(cursor)
    if (order <= 0) return
    const { held, doubting, knowsFrom, isComplete, isWitnessed } = this.#word
    const { testimony, records } = this.#holdings
    const inDoubt = !version && testimony.doubts(ours) && stampMs(ours.version.hlc) < knowsFrom
    // One who has given something up cannot say that a record was deleted.
    if (doubting || !inDoubt || (isComplete && !isWitnessed)) (version ? this.#newer : this.#lacking).push(cursor)
    else if (held && isWitnessed) records.drop(ours)
    else this.#undecided++
  }

  /** Whether none of ours is in doubt. */
  get isDecided(): boolean {
    return this.#undecided === 0
  }

  /**
   * What to fetch, and whether that is all that is newer there. What is old here goes first: where there is no room for all, what was deleted
   * makes some.
   * @param trusts whether what has such a stamp is worth having
   */
  wanted(trusts: (hlc: string) => boolean): { wanted: string[]; isAll: boolean } {
    const wanted = [...this.#theirs].filter(([, { hlc }]) => trusts(hlc)).map(([cursor]) => cursor)
    const isOld = (cursor: string) => this.#outdated.has(cursor)
    const inOrder = [...wanted.filter(isOld), ...wanted.filter((cursor) => !isOld(cursor))]
    return { wanted: inOrder, isAll: wanted.length === this.#theirs.size }
  }

  /** What to give: what is old there first, for the same reason. */
  get given(): readonly string[] {
    return [...this.#newer, ...this.#lacking]
  }
}

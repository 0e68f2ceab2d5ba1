/**
 * What answers about a key add up to: whether what lives there is known for sure, or that there is nothing.
 *
 * Each of a window may lack a write, but no majority of it does: what most of those say who have had everything is true, and what
 * is stored by its content is true as soon as one of these has it. No majority says so where two rings have met a moment ago: each may
 * have been given what the other has not.
 */
import type { Lookup } from '../overlay/lookup.ts'
import type { Held, Told } from '../protocol/peer-api.ts'
import type { Peer, StoredRecord } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { majorityOf } from './quorum.ts'
import { compareVersions, isLive, isWhole } from './record.ts'

export interface Answer extends Omit<Held, 'key'> {
  readonly peer: Peer
}

/** What judging answers takes. */
export interface Judge {
  now(): number
  /** Whether rings are becoming one: what most of a window say counts for nothing yet. */
  isReuniting(): boolean
  /** Whether it is taken for dead. */
  isDead(id: Id): boolean
  /** How many must say so of a window, however small that has become: whoever is left alone of several may be cut off from them. */
  readonly leastWords: number
  /** The newer of two records of one index. */
  newer(ours: StoredRecord | undefined, theirs: StoredRecord): StoredRecord
}

export class Tally {
  /** How many are to hold the key, as far as the lookup goes. */
  size = 0
  readonly #judge: Judge
  readonly #lookup: Pick<Lookup, 'isGuess'>
  readonly #oneIsEnough: boolean
  readonly #answers: Answer[] = []
  readonly #newest = new Map<string, Told>()
  /** Whether values were left out, of some of them perhaps. */
  #hasOutlines = false

  /** @param oneIsEnough whether the word of one who holds it is */
  constructor(judge: Judge, lookup: Pick<Lookup, 'isGuess'>, oneIsEnough: boolean) {
    this.#judge = judge
    this.#lookup = lookup
    this.#oneIsEnough = oneIsEnough
  }

  note(answer: Answer): void {
    this.#answers.push(answer)
    for (const record of answer.records) this.#hear(record)
  }

  /** What one who has told of records without their values has for them by now. */
  complete({ id }: Peer, whole: readonly StoredRecord[]): void {
    const at = this.#answers.findIndex(({ peer }) => peer.id === id)
    const { records, ...answer } = this.#answers[at] as Answer
    const byIndex = new Map(whole.map((record) => [record.index, record]))
    this.#answers[at] = { ...answer, records: records.map((told) => byIndex.get(told.index) ?? told) }
    for (const record of whole) this.#hear(record)
  }

  get isEmpty(): boolean {
    return this.#answers.length === 0
  }

  /** Whether something lives there, and those who say so are enough: others, who have not answered, could not say otherwise. */
  get isSure(): boolean {
    if (this.#newest.size === 0) return false
    const living = this.living()
    if (!this.#oneIsEnough) return living.length > 0 && this.isMajority
    const told = new Set(this.#sure.flatMap(({ records }) => records.map(({ index }) => index)))
    return living.some(({ index }) => told.has(index))
  }

  /** Whether what nobody vouches for is to be given all the same: where one is enough, once everyone has been asked. */
  get isAllThereIs(): boolean {
    return this.#oneIsEnough && (this.#sure.length > 0 || !this.#lookup.isGuess)
  }

  /** Whether those asked are enough to say that there is nothing. */
  get isMiss(): boolean {
    if (!this.isMajority || this.living().length > 0) return false
    return !this.#lookup.isGuess || this.#holders.length >= this.#window
  }

  get isMajority(): boolean {
    const { leastWords } = this.#judge
    return !this.#judge.isReuniting() && this.#sure.length >= Math.max(leastWords, majorityOf(this.#window))
  }

  living(): Told[] {
    const now = this.#judge.now()
    return [...this.#newest.values()].filter((record) => isLive(record, now))
  }

  /** Whether the values are there of all that lives. */
  get isWhole(): boolean {
    return !this.#hasOutlines || this.living().every(isWhole)
  }

  /** Of what lives those whose values were left out, and who has told of them. */
  get leftOut(): { peer: Peer; records: readonly Told[] }[] {
    if (!this.#hasOutlines) return []
    const outlines = new Map(
      this.living()
        .filter((record) => !isWhole(record))
        .map((record) => [record.index, record]),
    )
    const among = (told: Told) => {
      const outline = outlines.get(told.index)
      return outline && compareVersions(told.version, outline.version) === 0 ? [outline] : []
    }
    return this.#answers
      .map(({ peer, records }) => ({ peer, records: records.flatMap(among) }))
      .filter(({ records }) => records.length > 0)
  }

  /** Someone who has the first of these, in this version, if there is one. */
  answererOf([first]: readonly Told[]): Peer {
    const told = first && this.#answers.find((answer) => hasTold(answer, first))
    return (told ?? (this.#answers[0] as Answer)).peer
  }

  /** Who of the window has answered without the newest, and what each of them lacks. */
  get lacking(): { peer: Peer; record: StoredRecord }[] {
    return this.#answers.flatMap(({ peer, held, records }) => {
      const theirs = new Map(records.map((record) => [record.index, record]))
      const lacks = ({ index, version }: StoredRecord) => {
        const told = theirs.get(index)
        return held && (!told || compareVersions(told.version, version) < 0)
      }
      return [...this.#newest.values()]
        .filter(isWhole)
        .filter(lacks)
        .map((record) => ({ peer, record }))
    })
  }

  /** Those who hold the key; one whose window is smaller than guessed lives in another ring. */
  get #holders(): readonly Answer[] {
    const least = this.#lookup.isGuess ? this.size : 0
    return this.#answers.filter(({ held, window }) => held && window >= least)
  }

  /** Those of them who have had everything; whoever is taken for dead may have had it in another ring. */
  get #sure(): readonly Answer[] {
    return this.#holders.filter(({ complete, peer }) => complete && !this.#judge.isDead(peer.id))
  }

  /** As large as any of them says. */
  get #window(): number {
    return Math.max(1, ...this.#answers.map(({ window }) => window))
  }

  #hear(record: Told): void {
    const { index } = record
    this.#hasOutlines ||= !isWhole(record)
    this.#newest.set(index, this.#newer(this.#newest.get(index), record))
  }

  /** Of one version a value before one that was left out, and that before one that has been buried. */
  #newer(ours: Told | undefined, theirs: Told): Told {
    if (isWhole(theirs) && (!ours || isWhole(ours))) return this.#judge.newer(ours, theirs)
    if (!ours) return theirs
    const order = compareVersions(ours.version, theirs.version) || wordOf(ours) - wordOf(theirs)
    return order < 0 ? theirs : ours
  }
}

/** How much it says. */
const wordOf = ({ value }: Told): number => (value === null ? 0 : value === undefined ? 1 : 2)

/** Whether an answer has a record, in its version. */
const hasTold = ({ records }: Answer, { index, version }: Told): boolean =>
  records.some((record) => record.index === index && compareVersions(record.version, version) === 0)

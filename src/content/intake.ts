/** What comes in: records that others have kept, and those that someone writes. Of each the version that wins is here from then on. */
import type { Clock, Hash, Store } from '../ports.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Standing } from '../protocol/peer-api.ts'
import type { Peer, StoredRecord, Version } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import type { Cells } from './cells.ts'
import { type HybridClock, isAhead, stampMs } from './hybrid-clock.ts'
import { assertKeepable, buried, compareVersions, isByContent, isOver, mergeRecords } from './record.ts'
import type { Records } from './records.ts'
import type { Testimony } from './testimony.ts'

export class Intake {
  readonly #me: Peer
  readonly #cells: Cells
  readonly #records: Records
  readonly #testimony: Testimony
  readonly #store: Store
  readonly #time: Pick<Clock, 'now'>
  readonly #hash: Hash
  readonly #stamps: HybridClock
  readonly #taken: (key: Id) => void

  /** @param taken told under which key something has come */
  constructor(
    me: Peer,
    { cells, records, testimony }: { cells: Cells; records: Records; testimony: Testimony },
    { store, time, hash }: { store: Store; time: Pick<Clock, 'now'>; hash: Hash },
    stamps: HybridClock,
    taken: (key: Id) => void,
  ) {
    this.#me = me
    this.#cells = cells
    this.#records = records
    this.#testimony = testimony
    this.#store = store
    this.#time = time
    this.#hash = hash
    this.#stamps = stamps
    this.#taken = taken
  }

  /**
   * Merges one record that another has kept, and says which version won. It counts as kept once `Holdings.flushed` has resolved.
   * @throws Refusal BAD_RECORD, TOO_LARGE; NOT_JOINED when this node is leaving; STORE_FULL
   */
  take(record: StoredRecord): Version {
    // Others have forgotten it by now, and whoever has it will.
    const isForgotten = isOver(buried(record, this.#time.now()), this.#testimony.forgetsBefore)
    return isForgotten && !this.#store.get(record.key, record.index) ? record.version : this.#put(record, true)
  }

  /**
   * Takes all there is room for, and first of all what is deleted, which makes some. Resolves once it is kept.
   * @param refused told of a record that is not sound
   * @throws Refusal NOT_JOINED; STORE_FULL when there was none for some
   */
  async takeAll(records: readonly StoredRecord[], refused: (record: StoredRecord, why: Refusal) => void): Promise<void> {
    const isDeleted = ({ value }: StoredRecord) => value === null
    let full: Refusal | undefined
    for (const record of [...records.filter(isDeleted), ...records.filter((one) => !isDeleted(one))])
      try {
        this.take(record)
      } catch (error) {
        if (!(error instanceof Refusal) || error.code === 'NOT_JOINED') throw error
        if (error.code === 'STORE_FULL') full ??= error
        else refused(record, error)
      }
    await this.#store.flushed()
    if (full) throw full
  }

  /**
   * Takes a record from someone who writes it, and answers once it is kept.
   * @param told who else is given it
   * @throws Refusal STAMP_AHEAD; as take
   */
  async insert(record: StoredRecord, told: readonly Id[]): Promise<Standing & { version: Version }> {
    this.#assertTimely(record)
    const version = this.#put(record)
    await this.#store.flushed()
    return { version, ...this.#testimony.standing(record.key, told) }
  }

  /**
   * Takes records from someone who writes them, and answers once they are kept: of each, whether it has won, and those who are told
   * of it, this node among them, are all who should have it as far as this node can say.
   */
  async keep(records: readonly StoredRecord[], told: readonly Id[]): Promise<boolean[]> {
    const kept = records.map((record) => this.#keeps(record, told))
    await this.#store.flushed()
    return kept
  }

  #keeps(record: StoredRecord, told: readonly Id[]): boolean {
    try {
      this.#assertTimely(record)
      if (compareVersions(this.#put(record), record.version) > 0) return false
    } catch (error) {
      // Whoever writes it with care is told what is wrong.
      if (error instanceof Refusal) return false
      throw error
    }
    const { held, complete, window, ask } = this.#testimony.standing(record.key, told)
    return held && complete && window === told.length && ask.length === 0 && told.includes(this.#me.id)
  }

  /** No clock that is right gives such a stamp, unless for what has one already. */
  #assertTimely({ key, index, version: { hlc } }: StoredRecord): void {
    if (!isAhead(hlc, this.#time.now())) return
    const ours = this.#store.get(key, index)
    if (!ours || isAhead(hlc, stampMs(ours.version.hlc)))
      throw new Refusal('STAMP_AHEAD', 'the stamp is more than 5 minutes ahead of this node; set the clocks right')
  }

  /** As `take`, whatever time it is here. @param isKept whether another has it */
  #put(record: StoredRecord, isKept = false): Version {
    this.#cells.assertWritable()
    const now = this.#time.now()
    assertKeepable(this.#hash, record, this.#me.id.length * 4, now)
    this.#stamps.observe(record.version.hlc, now)
    const ours = this.#store.get(record.key, record.index)
    // What has expired is kept as it is: before it has heard others a node may be wrong about the time, and what is buried is gone.
    const winner = mergeRecords(this.#hash, ours, record)
    if (winner !== ours) this.#replace(ours, winner, isKept)
    this.#taken(record.key)
    return winner.version
  }

  /** @throws Refusal STORE_FULL */
  #replace(ours: StoredRecord | undefined, winner: StoredRecord, isKept: boolean): void {
    try {
      this.#records.replace(ours, winner)
    } catch (error) {
      // What is written under a name may find room nowhere; where it is acknowledged most of the window have it, and are asked.
      if (ours && (isKept || isByContent(ours))) this.#testimony.noteOutdated(ours)
      throw error
    }
  }
}

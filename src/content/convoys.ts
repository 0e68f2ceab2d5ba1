/**
 * Writes of one moment to one window travel together: one call to each of it, however many they are. While some are on their way
 * those that come meanwhile wait for each other, a moment at the most: whoever is to keep them has a disk to wait for as it is.
 *
 * That is all there is to a write as long as everyone is there, has had everything and knows of the same window. Whatever is not as
 * plain as that is written with care, record by record (see `write`): a record that has come twice is there once.
 */
import type { Clock } from '../ports.ts'
import { Refusal, Unreachable } from '../protocol/errors.ts'
import { limits, type Peer, type StoredRecord } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { batchBytes, sizeOf } from './record.ts'

/** While fewer records than these are on their way nobody waits for company. */
const fewUnderWay = 2
/** As many as these leave at once, whatever is on its way. */
const companyMost = 32
/** The longest wait for company: records that are on their way to somebody who does not answer hold up nobody. */
const waitMostMs = 5

/** What one of a window is asked: to keep records, of which all of the window are given the same. */
export interface Load {
  readonly records: StoredRecord[]
  readonly with: string[]
}

/** Asks one of the window; its answer says of each record whether that is all. @throws Unreachable, Refusal */
type Keep = (peer: Peer, load: Load) => Promise<readonly boolean[]>

interface Convoy {
  readonly load: Load
  bytes: number
  readonly outcome: Promise<Outcome>
}

interface Outcome {
  /** Of each record: each of the window has it on its disk, it has won there, and nobody knows of anyone else who should have it. */
  readonly arrived: readonly boolean[]
  /** Those of the window who did not answer. */
  readonly silent: readonly Id[]
}

export class Convoys {
  readonly #keep: Keep
  readonly #clock: Pick<Clock, 'sleep'>
  /** Those that leave in a moment, by their window. */
  readonly #waiting = new Map<string, Convoy>()
  /** Resolves when they leave. */
  #departure: Promise<void> | undefined
  /** Their records. */
  #leaving = 0
  /** Records of convoys that have left and are not back. */
  #underWay = 0
  /** Ends the wait of those that are due. */
  #goOn = () => {}

  constructor(keep: Keep, clock: Pick<Clock, 'sleep'>) {
    this.#keep = keep
    this.#clock = clock
  }

  /** Whether that was all there was to it; and who of the window did not answer. */
  async send(record: StoredRecord, window: readonly Peer[]): Promise<{ arrived: boolean; silent: readonly Id[] }> {
    const name = window.map(({ id }) => id).join()
    const departure = (this.#departure ??= this.#depart())
    let convoy = this.#waiting.get(name)
    if (!convoy || convoy.load.records.length === limits.page || convoy.bytes > batchBytes) {
      const load: Load = { records: [], with: window.map(({ id }) => id) }
      convoy = { load, bytes: 0, outcome: this.#leave(load, window, departure) }
      this.#waiting.set(name, convoy)
    }
    const at = convoy.load.records.push(record) - 1
    convoy.bytes += sizeOf(record)
    this.#leaving++
    if (this.#isDue) this.#goOn()
    const { arrived, silent } = await convoy.outcome
    return { arrived: arrived[at] ?? false, silent }
  }

  async #leave(load: Load, window: readonly Peer[], departure: Promise<void>): Promise<Outcome> {
    await departure
    const silent: Id[] = []
    try {
      const answers = await Promise.all(window.map((peer) => this.#ask(peer, load, silent)))
      return { arrived: load.records.map((_, at) => answers.every((kept) => kept[at] ?? false)), silent }
    } finally {
      this.#underWay -= load.records.length
      if (this.#isDue) this.#goOn()
    }
  }

  /** Resolves once everyone who writes at this moment has come, and few are under way or many have come. */
  async #depart(): Promise<void> {
    await this.#clock.sleep(0)
    if (!this.#isDue)
      await Promise.race([new Promise<void>((resolve) => (this.#goOn = resolve)), this.#clock.sleep(waitMostMs)])
    this.#departure = undefined
    this.#waiting.clear()
    this.#underWay += this.#leaving
    this.#leaving = 0
  }

  get #isDue(): boolean {
    return this.#underWay < fewUnderWay || this.#leaving >= companyMost
  }

  async #ask(peer: Peer, load: Load, silent: Id[]): Promise<readonly boolean[]> {
    try {
      return await this.#keep(peer, load)
    } catch (error) {
      if (error instanceof Unreachable) silent.push(peer.id)
      else if (!(error instanceof Refusal)) throw error
      return []
    }
  }
}

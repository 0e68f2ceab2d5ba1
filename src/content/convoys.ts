/**
 * Writes of one moment to one window travel together: one call to each of it, however many they are.
 *
 * That is all there is to a write as long as everyone is there, has had everything and knows of the same window. Whatever is not as
 * plain as that is written with care, record by record (see `write`): a record that has come twice is there once.
 */
import { Refusal, Unreachable } from '../protocol/errors.ts'
import { limits, type Peer, type StoredRecord } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { batchBytes, sizeOf } from './record.ts'

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
  /** Those that leave in a moment, by their window. */
  readonly #waiting = new Map<string, Convoy>()

  constructor(keep: Keep) {
    this.#keep = keep
  }

  /** Whether that was all there was to it; and who of the window did not answer. */
  async send(record: StoredRecord, window: readonly Peer[]): Promise<{ arrived: boolean; silent: readonly Id[] }> {
    const name = window.map(({ id }) => id).join()
    let convoy = this.#waiting.get(name)
    if (!convoy || convoy.load.records.length === limits.page || convoy.bytes > batchBytes) {
      const load: Load = { records: [], with: window.map(({ id }) => id) }
      convoy = { load, bytes: 0, outcome: this.#leave(name, load, window) }
      this.#waiting.set(name, convoy)
    }
    const at = convoy.load.records.push(record) - 1
    convoy.bytes += sizeOf(record)
    const { arrived, silent } = await convoy.outcome
    return { arrived: arrived[at] ?? false, silent }
  }

  /** Leaves once everyone who writes at this moment has come. */
  async #leave(name: string, load: Load, window: readonly Peer[]): Promise<Outcome> {
    await Promise.resolve()
    if (this.#waiting.get(name)?.load === load) this.#waiting.delete(name)
    const silent: Id[] = []
    const answers = await Promise.all(window.map((peer) => this.#ask(peer, load, silent)))
    return { arrived: load.records.map((_, at) => answers.every((kept) => kept[at] ?? false)), silent }
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

/**
 * A resident that takes nobody for gone who has not been asked twice: an answer that was lost, or all of one moment, are no death. And
 * that others name whoever did not answer is no reason to ask again, for a while.
 */
import type { Table } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import { distinct, type Id } from '../space/id.ts'
import type { SharedOptions } from './options.ts'
import { trim } from './acquaintances.ts'
import { Resident } from './resident.ts'

/** Peers that are asked at the same time, by one purpose. */
const width = 8
/** Those who are doubted at the same time: whoever is beyond gives reason again. */
const doubtedMost = 32
/** Silent ones that are remembered. */
const quarantinedMost = 256

export abstract class Wary<T extends Table, Options extends SharedOptions> extends Resident<T, Options> {
  /** Who has not answered, and is being asked again. */
  readonly #doubted = new Set<Id>()
  /** Until when whoever did not answer is in quarantine, ms since 1970. */
  readonly #quarantine = new Map<Id, number>()

  /** Does without someone who is gone. */
  protected abstract lose(peer: Peer): void

  /** There is reason to doubt that someone lives: what counts is the answer to what is asked after that. */
  protected doubt(peer: Peer): void {
    if (this.#doubted.has(peer.id) || this.#doubted.size >= doubtedMost) return
    this.#doubted.add(peer.id)
    this.later(async () => {
      const isThere = await this.isThere(peer).finally(() => this.#doubted.delete(peer.id))
      if (!isThere) this.lose(peer)
    })
  }

  /** Someone has not answered. One that never did may be about to come, and then speaks for itself. */
  protected override miss(peer: Peer): void {
    super.evict(peer.id)
    if (!this.isQuarantined(peer.id)) this.quarantine(peer.id, this.options.reuniteEveryMs)
  }

  override admit(peer: Peer, rttMs: number): void {
    super.admit(peer, rttMs)
    this.#quarantine.delete(peer.id)
  }

  protected quarantine(id: Id, ms: number): void {
    this.#quarantine.delete(id)
    this.#quarantine.set(id, this.ports.clock.now() + ms)
    trim(this.#quarantine, quarantinedMost)
  }

  protected isQuarantined(id: Id): boolean {
    return (this.#quarantine.get(id) ?? 0) > this.ports.clock.now()
  }

  /** Some at a time, each of them once. */
  async each(peers: readonly Peer[], run: (peer: Peer) => Promise<unknown>): Promise<void> {
    const left = distinct(peers)
    const lane = async () => {
      for (let peer = left.shift(); peer; peer = left.shift()) await run(peer)
    }
    await Promise.all(Array.from({ length: Math.min(width, left.length) }, lane))
  }
}

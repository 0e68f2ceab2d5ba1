/**
 * A resident that takes nobody for gone who has not been asked twice: an answer that was lost, or all of one moment, are no death. And
 * that others name whoever did not answer is no reason to ask again, for a while.
 */
import { Refusal, type Unreachable } from '../protocol/errors.ts'
import type { Reply, Request, Table } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import { distinct, type Id } from '../space/id.ts'
import type { SharedOptions } from './options.ts'
import { Resident } from './resident.ts'

/** Peers that are asked at the same time, by one purpose. */
const width = 8
/** How often one is asked in a row, however often others say meanwhile that it is there. */
const timesMost = 4
/** Signs of life that are waited for at the same time: whoever is beyond gives reason again. */
const signsMost = 32

export abstract class Wary<T extends Table, Options extends SharedOptions> extends Resident<T, Options> {
  /** Who is being asked for a sign of life, how often at most, and whether any has come since. */
  readonly #asked = new Map<Id, { times: number; answered: boolean }>()

  /** Someone in the table. */
  protected abstract find(id: Id): Peer | undefined
  /** A member is there, which took so long to say so. Its id is sound. */
  protected abstract meet(peer: Peer, rttMs: number): void
  /** Does without someone who is gone. */
  protected abstract lose(peer: Peer): void

  /**
   * Calls a peer by a row that only members answer: whoever does, or refuses to, is in no quarantine any more, and in the table where it
   * is of use.
   * @throws Unreachable, Refusal as Network.call
   */
  override async reach<N extends keyof T & string>(peer: Peer, name: N, request: Request<T[N]>): Promise<Reply<T[N]>> {
    const { clock } = this.ports
    const began = clock.now()
    let isThere = true
    try {
      return await super.reach(peer, name, request)
    } catch (error) {
      isThere = error instanceof Refusal
      throw error
    } finally {
      if (isThere && !this.#knows(peer) && this.isSound(peer)) this.meet(peer, clock.now() - began)
    }
  }

  /** Whoever answers something is there, and maybe no member: it is met if it is known. */
  override admit(peer: Peer, rttMs: number): void {
    if (!this.isSound(peer)) return
    super.admit(peer, rttMs)
    const asked = this.#asked.get(peer.id)
    if (asked) asked.answered = true
    if (this.#knows(peer)) this.meet(peer, rttMs)
  }

  /** Asks once more where it is being asked: it may not have been there yet when it was. */
  override introduce(peer: Peer): void {
    super.introduce(peer)
    const asked = this.#asked.get(peer.id)
    if (asked) asked.times = Math.min(asked.times + 1, timesMost)
  }

  override evict(id: Id): void {
    super.evict(id)
    const peer = this.find(id)
    if (peer) this.doubt(peer)
  }

  /** There is reason to doubt that someone lives: what counts is the answer to what is asked after that. */
  protected doubt(peer: Peer): void {
    this.later(async () => {
      if ((await this.signOfLife(peer, 2)) === false) this.lose(peer)
    })
  }

  /**
   * Asks for a sign of life, so many times, unless there is another one meanwhile. Undefined when that one is being asked already, or so
   * many are.
   */
  protected async signOfLife(peer: Peer, times: number, most = signsMost): Promise<boolean | undefined> {
    if (this.#asked.has(peer.id) || this.#asked.size >= most) return undefined
    const asked = { times, answered: false }
    this.#asked.set(peer.id, asked)
    try {
      for (let time = 0; time < asked.times && !asked.answered; time++) if (await this.isThere(peer)) asked.answered = true
      return asked.answered
    } finally {
      this.#asked.delete(peer.id)
    }
  }

  /** Someone has not answered. One that never did may be about to come, and then speaks for itself. */
  protected override miss(peer: Peer, why: Unreachable): void {
    super.miss(peer, why)
    if (!this.isQuarantined(peer.id)) this.quarantine(peer.id, this.options.reuniteEveryMs)
  }

  #knows({ id, url }: Peer): boolean {
    return this.find(id)?.url === url
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

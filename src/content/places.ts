/**
 * Places under a key that many values share, where ids are narrow: one with too many of them could not be looked up any more. Those
 * that are being stored through this node have their places already. What was deleted of late counts as well.
 */
import type { Clock } from '../ports.ts'
import { Refusal } from '../protocol/errors.ts'
import { limits } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import type { Finder } from './finder.ts'
import type { Holders } from './holders.ts'
import type { Address } from './record.ts'

/** Before it is looked again whether those who are storing leave a place. */
const retryMs = 150

/** Those who store under one key, as long as there are any. */
interface Rush {
  present: number
  /** How many have a place. */
  storing: number
  /** How many have had one: a count that was asked for before may lack what they have stored. */
  ended: number
}

export class Places {
  readonly #finder: Finder
  readonly #holders: Holders
  readonly #clock: Clock
  readonly #timeoutMs: number
  /** Of each key under which something is to be stored. */
  readonly #rushes = new Map<Id, Rush>()

  /** @param timeoutMs how long a place is waited for that may become free */
  constructor(finder: Finder, holders: Holders, clock: Clock, timeoutMs: number) {
    this.#finder = finder
    this.#holders = holders
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  /** Stores something once there is a place for it. @throws Refusal KEY_FULL, and what storing does */
  async within<T>(address: Required<Address>, store: () => Promise<T>): Promise<T> {
    const { key } = address
    const rush = this.#rushes.get(key) ?? { present: 0, storing: 0, ended: 0 }
    this.#rushes.set(key, rush)
    rush.present++
    try {
      await this.#take(address, rush)
      return await store().finally(() => {
        rush.storing--
        rush.ended++
      })
    } finally {
      if (--rush.present === 0) this.#rushes.delete(key)
    }
  }

  async #take(address: Required<Address>, rush: Rush): Promise<void> {
    const { key } = address
    const { valuesPerKey } = limits
    const until = this.#clock.now() + this.#timeoutMs
    for (;;) {
      const ended = rush.ended
      const count = await this.#countAt(key)
      if (count + rush.storing + rush.ended - ended < valuesPerKey) {
        rush.storing++
        return
      }
      if (count >= valuesPerKey || this.#clock.now() + retryMs > until) break
      await this.#clock.sleep(retryMs)
    }
    // To store again what was deleted, or has expired, takes no place.
    if (!(await this.#isThere(address)))
      throw new Refusal(
        'KEY_FULL',
        `${valuesPerKey} values live under key ${key}, or were deleted of late; boot with more bits to store more`,
      )
    rush.storing++
  }

  /** Whether one of the window has a record there, a tombstone perhaps. */
  async #isThere(address: Required<Address>): Promise<boolean> {
    const lookup = this.#finder.to(address.key)
    for (const peer of await lookup.window()) {
      const answer = await this.#holders.get(peer, address, lookup, false)
      if (answer && answer.records.length > 0) return true
    }
    return false
  }

  /** By the first of the window who says; 0 when nobody does, who will then take nothing either. */
  async #countAt(key: Id): Promise<number> {
    const lookup = this.#finder.to(key)
    try {
      for (const peer of await lookup.window()) {
        const count = await this.#holders.count(peer, key, lookup)
        if (count !== undefined) return count
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
    }
    return 0
  }
}

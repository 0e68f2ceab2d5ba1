/**
 * A network at rest: every node's table as its upkeep leaves it in the end, read off the sorted list of peers.
 *
 * No time passes and no message travels, so 100 000 nodes fit. Lookups are the one that every node runs, over the tables
 * that serve requests. Nodes may be dead; nobody learns of it but the lookup that runs into them, as in Chord (ToN'03)
 * §V-D, where stabilisation stops just before the failures.
 */
import assert from 'node:assert/strict'
import type { Confirmation } from '../overlay/convergence.ts'
import { Lookup } from '../overlay/lookup.ts'
import type { Clock } from '../ports.ts'
import { Unreachable } from '../protocol/errors.ts'
import type { Route } from '../protocol/peer-api.ts'
import type { Hop, Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { realSetImmediate } from './ambient.ts'

/** Where a lookup ended, and everyone it contacted on the way, in order: the owner last, the dead marked. */
export interface Travel {
  readonly owner: Peer
  readonly path: readonly Hop[]
  /** As a node tells them. */
  readonly hops: number
  /** How long it took, where answers take time. */
  readonly ms: number
}

/** From one peer to another and back, ms. */
export type RoundTrip = (from: Peer, to: Peer) => number

/** Of one who is not there nothing is heard for so long, where answers take time. */
export const stillTimeoutMs = 500

export abstract class StillNetwork {
  #dead: ReadonlySet<Id> = new Set()
  #roundTrip: RoundTrip | undefined
  #now = 0
  #waits: { readonly at: number; readonly wake: () => void }[] = []
  readonly #clock: Pick<Clock, 'now' | 'sleep'> = { now: () => this.#now, sleep: (ms) => this.#sleep(ms) }

  /** @param peers clockwise, by id */
  constructor(peers: readonly Peer[]) {
    assert(
      peers.every(({ id }, at) => at === 0 || (peers[at - 1] as Peer).id < id),
      'the peers are not in order of their ids, each once',
    )
  }

  /** What a node answers about a key. */
  protected abstract route(at: Peer, key: Id, avoid: ReadonlySet<Id>): Route

  /** How a lookup ends where no single word is final. */
  protected confirmation(_at: Peer, _key: Id): Confirmation | undefined {
    return undefined
  }

  /** From now on answers take time. */
  slow(roundTrip: RoundTrip): void {
    this.#roundTrip = roundTrip
  }

  /** From now on exactly these do not answer. */
  kill(dead: ReadonlySet<Id>): void {
    this.#dead = dead
  }

  /**
   * Goes from one node to the first that owns the key and lives.
   * @throws Refusal NO_ROUTE when nobody who lives knows more
   */
  async lookup(from: Peer, key: Id): Promise<Travel> {
    const began = this.#now
    const confirm = this.confirmation(from, key)
    const lookup = new Lookup(
      {
        local: (avoid) => this.route(from, key, avoid),
        ask: (peer, avoid) => this.#reach(from, peer, () => this.route(peer, key, avoid)),
        evict: () => undefined,
        isSuspect: () => false,
        confirm,
      },
      this.#clock,
    )
    for (;;) {
      const [owner] = (await lookup.window()) as [Peer]
      // Where it takes more than one word, the owner has been asked.
      const reached = confirm ? owner : await lookup.visit(owner, () => this.#reach(from, owner, () => owner))
      if (reached) return { owner: reached, path: lookup.path, hops: lookup.hops, ms: this.#now - began }
    }
  }

  async #reach<T>(from: Peer, peer: Peer, answer: () => T): Promise<T> {
    const dead = this.#dead.has(peer.id)
    if (this.#roundTrip && from.id !== peer.id) await this.#sleep(dead ? stillTimeoutMs : this.#roundTrip(from, peer))
    if (dead) throw new Unreachable(peer.url, 'it is dead')
    return answer()
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((wake) => {
      this.#waits.push({ at: this.#now + ms, wake })
      if (this.#waits.length === 1) void this.#pass()
    })
  }

  /** Time passes whenever nothing else happens. */
  async #pass(): Promise<void> {
    while (this.#waits.length > 0) {
      await new Promise((resolve) => realSetImmediate(resolve))
      const next = this.#waits.reduce((first, wait) => (wait.at < first.at ? wait : first))
      this.#now = next.at
      next.wake()
      await Promise.resolve()
      this.#waits = this.#waits.filter((wait) => wait !== next)
    }
  }
}

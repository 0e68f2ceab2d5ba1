/**
 * A network at rest: every node's table as its upkeep leaves it in the end, read off the sorted list of peers.
 *
 * No time passes and no message travels, so 100 000 nodes fit. Lookups are the one that every node runs, over the tables
 * that serve requests. Nodes may be dead; nobody learns of it but the lookup that runs into them, as in Chord (ToN'03)
 * §V-D, where stabilisation stops just before the failures.
 */
import assert from 'node:assert/strict'
import { Lookup } from '../overlay/lookup.ts'
import type { Clock } from '../ports.ts'
import { Unreachable } from '../protocol/errors.ts'
import type { Route } from '../protocol/peer-api.ts'
import type { Hop, Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'

/** What waits here never wakes, and what is periodic never runs. */
const stillClock: Clock = { now: () => 0, sleep: () => new Promise(() => undefined), every: () => () => undefined }

/** Where a lookup ended, and everyone it contacted on the way, in order: the owner last, the dead marked. */
export interface Travel {
  readonly owner: Peer
  readonly path: readonly Hop[]
}

export abstract class StillNetwork {
  #dead: ReadonlySet<Id> = new Set()

  /** @param peers clockwise, by id */
  constructor(peers: readonly Peer[]) {
    assert(
      peers.every(({ id }, at) => at === 0 || (peers[at - 1] as Peer).id < id),
      'the peers are not in order of their ids, each once',
    )
  }

  /** What a node answers about a key. */
  protected abstract route(at: Peer, key: Id, avoid: ReadonlySet<Id>): Route

  /** From now on exactly these do not answer. */
  kill(dead: ReadonlySet<Id>): void {
    this.#dead = dead
  }

  /**
   * Goes from one node to the first that owns the key and lives.
   * @throws Refusal NO_ROUTE when nobody who lives knows more
   */
  async lookup(from: Peer, key: Id): Promise<Travel> {
    const lookup = new Lookup(
      {
        local: (avoid) => this.route(from, key, avoid),
        ask: (peer, avoid) => this.#reach(peer, () => this.route(peer, key, avoid)),
        evict: () => undefined,
        isSuspect: () => false,
      },
      stillClock,
    )
    for (;;) {
      const [owner] = (await lookup.window()) as [Peer]
      const reached = await lookup.visit(owner, () => this.#reach(owner, () => owner))
      if (reached) return { owner: reached, path: lookup.path }
    }
  }

  async #reach<T>(peer: Peer, answer: () => T): Promise<T> {
    if (this.#dead.has(peer.id)) throw new Unreachable(peer.url, 'it is dead')
    return answer()
  }
}

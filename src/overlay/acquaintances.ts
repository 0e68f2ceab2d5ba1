/**
 * Peers that this node has known, dead or alive: whom to turn to when everyone it knows now is gone, and how two halves of
 * a split network find each other again.
 */
import type { Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import type { Acquaintance } from './overlay.ts'

/** How many are remembered; whoever was heard of longest ago goes first. */
const capacity = 64

export class Acquaintances {
  /** In the order in which they were last heard of. */
  readonly #known = new Map<Id, Acquaintance>()

  admit(peer: Peer, now: number): void {
    this.#put({ peer, alive: true, since: now })
  }

  /** Heard of from others, or told by the operator. */
  introduce(peer: Peer, now: number): void {
    if (!this.#known.has(peer.id)) this.#put({ peer, alive: false, since: now })
  }

  evict(id: Id, now: number): void {
    const known = this.#known.get(id)
    if (known?.alive) this.#known.set(id, { ...known, alive: false, since: now })
  }

  all(): Acquaintance[] {
    return [...this.#known.values()]
  }

  #put(acquaintance: Acquaintance): void {
    const { id, url } = acquaintance.peer
    const known = this.#known.get(id)
    this.#known.delete(id)
    const same = known?.alive === acquaintance.alive && known.peer.url === url
    this.#known.set(id, same ? known : acquaintance)
    if (this.#known.size > capacity) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest)
        break
      }
    }
  }
}

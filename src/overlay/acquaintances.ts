/**
 * Peers that this node has known, dead or alive: whom to turn to when everyone it knows now is gone, and how two halves of
 * a split network find each other again.
 */
import type { Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { remember } from '../space/memory.ts'
import type { Acquaintance } from './overlay.ts'

/** Peers that have answered once; whoever was heard of longest ago goes first. */
const metMost = 64
/** Peers that others have named: few, because anyone may name anyone. */
const namedMost = 16

export class Acquaintances {
  /** In the order in which they were last heard of. */
  readonly #met = new Map<Id, Acquaintance>()
  readonly #named = new Map<Id, Acquaintance>()

  /** Whether it has answered once, at that url. */
  has({ id, url }: Peer): boolean {
    return this.#met.get(id)?.peer.url === url
  }

  /** It has answered. */
  admit(peer: Peer, now: number): void {
    const known = this.#met.get(peer.id)
    this.#named.delete(peer.id)
    const met = known?.alive && known.peer.url === peer.url ? known : { peer, alive: true, since: now }
    remember(this.#met, peer.id, met, metMost)
  }

  /** Others, or the operator, say that it is there. */
  introduce(peer: Peer, now: number): void {
    if (this.#met.has(peer.id) || this.#named.has(peer.id)) return
    remember(this.#named, peer.id, { peer, alive: false, since: now }, namedMost)
  }

  /** It has not answered. */
  evict(id: Id, now: number): void {
    const known = this.#met.get(id)
    if (known?.alive) this.#met.set(id, { ...known, alive: false, since: now })
  }

  all(): Acquaintance[] {
    return [...this.#met.values(), ...this.#named.values()]
  }
}

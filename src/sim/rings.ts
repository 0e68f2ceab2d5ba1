/** The rings of a world, one for each network, as their members see them at this moment. */
import { Chord } from '../overlay/chord/chord.ts'
import { checkIdeal, checkRing, type Snapshot, sufficientPrincipals, type Violations } from '../overlay/chord/invariants.ts'
import type { Id } from '../space/id.ts'
import type { Host } from './host.ts'
import { RingWatch } from './ring-watch.ts'

/** Where a node stood in which ring when last looked at. */
interface Stand {
  readonly network: string
  readonly id: Id
  readonly revision: number
}

interface Ring {
  readonly watch: RingWatch
  /** Whether it has once had principals enough: from then on Zave's whole invariant must hold. */
  grown: boolean
}

export class Rings {
  readonly #listLength: number
  readonly #rings = new Map<string, Ring>()
  readonly #stands = new Map<Host, Stand>()

  constructor(listLength: number) {
    this.#listLength = listLength
  }

  snapshot(network: string): Snapshot {
    return this.#ring(network).watch.snapshot
  }

  /** The members in order. */
  members(network: string): readonly Id[] {
    return this.#ring(network).watch.ids
  }

  /** Whether maintenance has done its work. */
  isIdeal(network: string): boolean {
    return this.#ring(network).watch.isIdeal(this.#listLength)
  }

  /** Members that no list may skip; 0 in a ring that never had as many, or has shrunk below. */
  principals(network: string): number {
    const ring = this.#ring(network)
    ring.grown &&= ring.watch.snapshot.size > this.#listLength
    return ring.grown ? this.#listLength + 1 : 0
  }

  /** Says how many principals there are, lists on their way considered. */
  grow(network: string, principals: number): void {
    this.#ring(network).grown ||= principals > this.#listLength
  }

  /** Reads these nodes anew. Returns the networks whose ring is another one now. */
  look(hosts: Iterable<Host>): Set<string> {
    const changed = new Set<string>()
    for (const host of hosts) {
      const was = this.#stands.get(host)
      const overlay = host.node?.overlay
      if (!host.node || !(overlay instanceof Chord) || !overlay.isMember) {
        if (was) this.#remove(host, was, changed)
        continue
      }
      const { id } = host.node.me
      const { network } = host.node.config
      const { revision, successors, predecessor } = overlay.table
      if (was?.revision === revision && was.id === id && was.network === network) continue
      if (was && (was.id !== id || was.network !== network)) this.#remove(host, was, changed)
      this.#stands.set(host, { network, id, revision })
      this.#ring(network).watch.set(id, { successors: successors.map((peer) => peer.id), predecessor: predecessor.id })
      changed.add(network)
    }
    return changed
  }

  /** What must hold at every moment and does not. */
  violations(network: string): Violations {
    const { watch } = this.#ring(network)
    const principals = this.principals(network)
    if (watch.holds(principals)) return []
    const small = principals > 0 ? sufficientPrincipals(watch.snapshot, this.#listLength) : []
    return [...checkRing(watch.snapshot), ...small]
  }

  /** What is not yet as it will be when maintenance has done its work. */
  imperfections(network: string): Violations {
    return checkIdeal(this.snapshot(network), this.#listLength)
  }

  #remove(host: Host, { network, id }: Stand, changed: Set<string>): void {
    this.#ring(network).watch.delete(id)
    this.#stands.delete(host)
    changed.add(network)
  }

  #ring(network: string): Ring {
    let ring = this.#rings.get(network)
    if (!ring) {
      ring = { watch: new RingWatch(), grown: false }
      this.#rings.set(network, ring)
    }
    return ring
  }
}

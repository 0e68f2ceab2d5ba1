/** Windows over a given set of peers: what the ring would be if it were these. */
import type { Peer } from '../../protocol/schemas.ts'
import type { Id } from '../../space/id.ts'
import { idAfter, successorOf } from '../../space/ring.ts'
import type { Place } from '../overlay.ts'
import type { ChordOptions } from './options.ts'

export class Placement {
  /** 1: a key's window begins at its successor; 0: at its predecessor. */
  readonly offset: 0 | 1
  /** In order of id: whoever goes by who is there asks about the same many peers again and again. */
  readonly #rings = new WeakMap<readonly Peer[], readonly Peer[]>()

  constructor(ownership: ChordOptions['ownership']) {
    this.offset = ownership === 'successor' ? 1 : 0
  }

  /** The point whose predecessor heads the line from which the window is cut. */
  target(key: Id): Id {
    return this.offset === 1 ? key : idAfter(key)
  }

  /** See Overlay.place. */
  readonly place: Place = (key, peers, count) => {
    const ring = this.#ringOf(peers)
    const first = successorOf(ring, this.target(key)) - 1 + this.offset
    return Array.from({ length: Math.min(count, ring.length) }, (_, at) => ring.at((first + at) % ring.length) as Peer)
  }

  #ringOf(peers: readonly Peer[]): readonly Peer[] {
    let ring = this.#rings.get(peers)
    if (!ring) {
      ring = [...peers].sort((a, b) => (a.id < b.id ? -1 : 1))
      this.#rings.set(peers, ring)
    }
    return ring
  }
}

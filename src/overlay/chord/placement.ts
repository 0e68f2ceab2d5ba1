/** Windows over a given set of peers: what the ring would be if it were these. */
import type { Peer } from '../../protocol/schemas.ts'
import type { Id } from '../../space/id.ts'
import { clockwise, idAfter, successorOf } from '../../space/ring.ts'
import type { Place } from '../overlay.ts'
import type { ChordOptions } from './options.ts'

export class Placement {
  /** 1: a key's window begins at its successor; 0: at its predecessor. */
  readonly offset: 0 | 1

  constructor(ownership: ChordOptions['ownership']) {
    this.offset = ownership === 'successor' ? 1 : 0
  }

  /** The point whose predecessor heads the line from which the window is cut. */
  target(key: Id): Id {
    return this.offset === 1 ? key : idAfter(key)
  }

  /** See Overlay.place. */
  readonly place: Place = (key, peers, count) => {
    const ring = clockwise(peers)
    const first = successorOf(ring, this.target(key)) - 1 + this.offset
    return Array.from({ length: Math.min(count, ring.length) }, (_, at) => ring.at((first + at) % ring.length) as Peer)
  }
}

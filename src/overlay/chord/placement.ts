/** Windows over a given set of peers: what the ring would be if it were these. */
import type { Peer } from '../../protocol/schemas.ts'
import type { Id } from '../../space/id.ts'
import { clockwise, idAfter, idBefore, successorOf } from '../../space/ring.ts'
import type { HeldBy, Place } from '../overlay.ts'
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

  /** See Overlay.heldBy. */
  readonly heldBy: HeldBy = (peer, peers, count) => {
    const ring = clockwise(peers)
    if (ring.length <= count) return [{ from: peer, to: peer }]
    const own = ring.findIndex(({ id }) => id === peer)
    const idAt = (places: number): Id => (ring.at((own + places) % ring.length) as Peer).id
    return this.offset === 1 ? [{ from: idAt(-count), to: peer }] : [{ from: idBefore(idAt(1 - count)), to: idBefore(idAt(1)) }]
  }
}

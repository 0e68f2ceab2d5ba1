/**
 * Who comes before a Chord node: its predecessor, which the protocol keeps, and those before that one, a hint.
 *
 * A joiner's predecessor does not know of it, and others may have come between at the same time: it owns nothing until one who has it
 * for its successor says so, and is acknowledged itself.
 */
import type { Peer } from '../../protocol/schemas.ts'
import type { Id } from '../../space/id.ts'
import { between } from '../../space/ring.ts'

export class Predecessors {
  readonly #me: Id
  readonly #most: number
  #list: readonly Peer[] = []
  #acknowledged = true

  constructor(me: Id, most: number) {
    this.#me = me
    this.#most = most
  }

  /** Nearest first; empty on a lone node. */
  get list(): readonly Peer[] {
    return this.#list
  }

  get isAcknowledged(): boolean {
    return this.#acknowledged
  }

  /** A ring of one. */
  clear(): void {
    this.#list = []
    this.#acknowledged = true
  }

  /** A joiner's, who has not heard of it yet. */
  enter(predecessor: Peer): void {
    this.#list = [predecessor]
    this.#acknowledged = false
  }

  /**
   * The first has this node for its successor, and has just answered; the rest are those that it names. One that is not acknowledged itself names
   * none: whoever came before this node came before that one. Returns whether anything changed.
   */
  adopt([first, ...named]: readonly Peer[]): boolean {
    const former = this.#list.filter(({ id }) => first && between(this.#me, id, first.id))
    const adopted: Peer[] = []
    for (const peer of [first ?? [], named.length > 0 ? named : former].flat()) {
      const last = adopted.at(-1)
      if (peer.id === this.#me || adopted.length === this.#most) break
      if (last && !between(this.#me, peer.id, last.id)) break
      adopted.push(peer)
    }
    const acknowledged = this.#acknowledged || named.length > 0
    if (acknowledged === this.#acknowledged && samePeers(adopted, this.#list)) return false
    this.#list = adopted
    this.#acknowledged = acknowledged
    return true
  }
}

export const samePeer = (a: Peer | undefined, b: Peer | undefined): boolean => a === b || (a?.id === b?.id && a?.url === b?.url)

export const samePeers = (a: readonly Peer[], b: readonly Peer[]): boolean =>
  a.length === b.length && a.every((peer, at) => samePeer(peer, b[at]))

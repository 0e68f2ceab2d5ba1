/** Who comes after a Chord node: its successor list, which is replaced whole. Zave (TSE'17). */
import type { Peer } from '../../protocol/schemas.ts'
import type { Id } from '../../space/id.ts'
import { between } from '../../space/ring.ts'
import { samePeers } from './predecessors.ts'

export class Successors {
  readonly #me: Peer
  readonly #most: number
  #list: readonly Peer[] = []
  #isClosed = true

  constructor(me: Peer, most: number) {
    this.#me = me
    this.#most = most
  }

  /** Nearest first; empty on a lone node. */
  get list(): readonly Peer[] {
    return this.#list
  }

  /** Whether the list went all the way round, to this node, when it was adopted. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /**
   * Replaces the whole list by a head that has just answered and its own list: Zave, stabilizeFromSuccessor. What is out
   * of order, or comes round to this node, ends it. Returns whether anything changed: the same list says more once it is known to be the
   * whole ring.
   */
  adopt(list: readonly Peer[]): boolean {
    const { sound, isClosed } = this.#soundPart(list)
    if (isClosed === this.#isClosed && samePeers(sound, this.#list)) return false
    this.#list = sound
    this.#isClosed = isClosed
    return true
  }

  /** Whether to adopt that list would change nothing. */
  agrees(list: readonly Peer[]): boolean {
    const { sound, isClosed } = this.#soundPart(list)
    return isClosed === this.#isClosed && samePeers(sound, this.#list)
  }

  /** Drops a head that did not answer. Returns whether it was there. */
  drop(id: Id): boolean {
    const kept = this.#list.filter((peer) => peer.id !== id)
    if (kept.length === this.#list.length) return false
    this.#list = kept
    return true
  }

  #soundPart(list: readonly Peer[]): { sound: readonly Peer[]; isClosed: boolean } {
    const sound: Peer[] = []
    let last = this.#me.id
    for (const peer of list) {
      if (peer.id === this.#me.id) return { sound, isClosed: true }
      if (sound.length === this.#most || !between(last, peer.id, this.#me.id)) break
      sound.push(peer)
      last = peer.id
    }
    return { sound, isClosed: false }
  }
}

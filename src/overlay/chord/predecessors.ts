/**
 * Who comes before a Chord node: the predecessor that the protocol keeps; and who owns what lies before this node, as far as is known.
 *
 * A joiner's predecessor does not know of it, and others may have come between at the same time: it owns nothing until one who has it
 * for its successor says so, and is acknowledged itself. Until then those after it go on as if it were not there.
 */
import type { Peer } from '../../protocol/schemas.ts'
import { between } from '../../space/ring.ts'

/**
 * How long a joiner, and whoever comes after it, waits for the word of one who is acknowledged. Then the word of any who has it for its successor
 * will do: those who were acknowledged may all have gone.
 */
const waitMs = 5000

export class Predecessors {
  readonly #me: Peer
  readonly #most: number
  #nearest: Peer | undefined
  #list: readonly Peer[]
  /** Since when this node, or its predecessor, is not acknowledged, by the clock. Undefined when both are. */
  #since: number | undefined

  constructor(me: Peer, most: number) {
    this.#me = me
    this.#most = most
    this.#list = [me]
  }

  /** Whom the protocol keeps. Undefined on a lone node. */
  get nearest(): Peer | undefined {
    return this.#nearest
  }

  /** Those acknowledged, nearest first; nobody as long as this node is not. A lone node precedes itself. */
  get acknowledged(): readonly Peer[] {
    return this.#list
  }

  /** Whether the nearest is among those acknowledged, as far as this node has heard. */
  get isNearestAcknowledged(): boolean {
    return (this.#nearest ?? this.#me).id === this.#list[0]?.id
  }

  /** A ring of one. */
  clear(): void {
    this.#nearest = undefined
    this.#list = [this.#me]
  }

  /** A joiner's, who has not heard of it yet. */
  enter(nearest: Peer, now: number): void {
    this.#nearest = nearest
    this.#list = []
    this.#since = now
  }

  /**
   * The first has this node for its successor, and has just answered; the rest are those that it names: none as long as it is not
   * acknowledged itself. Returns whether anything changed.
   */
  adopt([nearest, ...named]: readonly Peer[], now: number): boolean {
    const isSame = samePeer(nearest, this.#nearest)
    const isNews = !isSame && this.#list.length > 0
    this.#since = named.length > 0 ? undefined : isNews ? now : (this.#since ?? now)
    const list = nearest ? this.#listOf(nearest, named, now) : [this.#me]
    if (isSame && samePeers(list, this.#list)) return false
    this.#nearest = nearest
    this.#list = list
    return true
  }

  /**
   * The first is acknowledged, and has this node for its successor: it has not heard of the nearest, who is there and is not. So it is
   * where this node's own begins as long as it says so. Returns whether anything changed.
   */
  acknowledge([first, ...named]: readonly Peer[], now: number): boolean {
    if (!first || named.length === 0) return false
    this.#since = now
    const list = this.#listOf(first, named, now)
    if (samePeers(list, this.#list)) return false
    this.#list = list
    return true
  }

  #listOf(nearest: Peer, named: readonly Peer[], now: number): readonly Peer[] {
    if (named.length === 0 && now - (this.#since ?? now) < waitMs) return this.#list
    const list: Peer[] = []
    for (const peer of [nearest, ...named]) {
      const last = list.at(-1)
      if (peer.id === this.#me.id || list.length === this.#most) break
      if (last && !between(this.#me.id, peer.id, last.id)) break
      list.push(peer)
    }
    return list
  }
}

export const samePeer = (a: Peer | undefined, b: Peer | undefined): boolean => a === b || (a?.id === b?.id && a?.url === b?.url)

export const samePeers = (a: readonly Peer[], b: readonly Peer[]): boolean =>
  a.length === b.length && a.every((peer, at) => samePeer(peer, b[at]))

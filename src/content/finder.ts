/**
 * Whom to ask for a key: lookups that begin where the known members put its window, or where the overlay would begin.
 *
 * Where everyone is known the window is computed here, and its nodes are asked at once: one hop. What they say has to bear it out; if it
 * does not, the overlay is asked.
 */
import type { Directory } from '../membership/directory.ts'
import { reunionMs } from '../membership/reunions.ts'
import { assertMode, Lookup } from '../overlay/lookup.ts'
import type { Overlay } from '../overlay/overlay.ts'
import type { Clock } from '../ports.ts'
import type { Placed } from '../protocol/client-api.ts'
import type { PeerApi, Route } from '../protocol/peer-api.ts'
import type { Network } from '../protocol/rpc.ts'
import { avoidedOf, type Mode, type Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'

/** Peers named by one routing answer beyond the window: enough that dead ones rarely cost a second question. */
const spares = 3

export interface FinderOptions {
  readonly replicas: number
  /** How lookups travel unless they say otherwise. */
  readonly mode: Mode
  /** All the ways that they may travel. */
  readonly modes: readonly Mode[]
  readonly operationTimeoutMs: number
}

/** Where a lookup begins, without those to avoid. */
type Guess = (avoid: ReadonlySet<Id>) => Route

export class Finder {
  readonly #me: Peer
  readonly #overlay: Overlay
  readonly #directory: Directory
  readonly #ports: { readonly network: Network<PeerApi>; readonly clock: Clock }
  readonly #options: FinderOptions
  /** Peers that one step names. */
  readonly #breadth: number

  constructor(
    me: Peer,
    overlay: Overlay,
    directory: Directory,
    ports: { network: Network<PeerApi>; clock: Clock },
    options: FinderOptions,
  ) {
    this.#me = me
    this.#overlay = overlay
    this.#directory = directory
    this.#ports = ports
    this.#options = options
    this.#breadth = Math.max(options.replicas + spares, overlay.confirm)
  }

  /** @throws Refusal BAD_REQUEST where lookups do not travel so */
  assertMode(mode: Mode): void {
    assertMode(mode, this.#options.modes)
  }

  /** @throws Refusal NO_ROUTE, NOT_JOINED */
  async find(key: Id, mode = this.#options.mode): Promise<Placed> {
    const lookup = this.#begin(key, mode, this.#knows(mode) ? (avoid) => this.#owner(key, avoid) : undefined)
    const window = (await lookup.window()).slice(0, this.#options.replicas)
    return { key, owner: window[0] as Peer, window, mode, hops: lookup.hops, path: lookup.path }
  }

  /** Who owns a key, by one who says so of itself: it need not be confirmed by others. @throws Refusal NO_ROUTE, NOT_JOINED */
  async ownerOf(key: Id): Promise<Peer> {
    const { mode } = this.#options
    const nearer: Guess | undefined = this.#overlay.confirm > 0 ? (avoid) => this.#nearer(key, avoid) : undefined
    const guess: Guess | undefined = this.#knows(mode) ? (avoid) => this.#owner(key, avoid) : nearer
    const [owner] = await this.#begin(key, mode, guess).window()
    return owner as Peer
  }

  /** A lookup for the window of a key. @param avoid who is not to be asked */
  to(key: Id, mode = this.#options.mode, avoid: readonly Id[] = []): Lookup {
    return this.#begin(key, mode, this.#knows(mode) ? (without) => this.#window(key, without) : undefined, avoid)
  }

  /** Whether there are others in the network, as far as membership tells: whoever is cut off does not know that they are gone. */
  get isAccompanied(): boolean {
    return this.#directory.isAccompanied
  }

  /**
   * For how many ms yet what most of a window say counts for nothing: some have come who lived on apart, and were given more in another
   * ring.
   */
  get reunionLeftMs(): number {
    return Math.max(0, this.#directory.reunitedAt + reunionMs - this.#ports.clock.now())
  }

  /** Whether someone is taken for dead: it may answer all the same, in another ring. */
  isDead(id: Id): boolean {
    return this.#directory.isDead(id)
  }

  /** A window as large as it should be of members that are all well, as far as this node knows; else nobody. */
  plainWindow(key: Id): Peer[] {
    const { replicas, mode } = this.#options
    if (!this.#knows(mode)) return []
    const window = this.#overlay.place(key, this.#directory.peers, replicas)
    return window.length < replicas || window.some(({ id }) => this.#directory.isSuspect(id)) ? [] : window
  }

  /** Whether whoever holds a key is known here, and a lookup that travels so begins there. */
  #knows(mode: Mode): boolean {
    return mode === 'onehop' && this.#directory.isKnown
  }

  /** Whom the overlay would ask. */
  #nearer(key: Id, avoid: ReadonlySet<Id>): Route {
    const { peers, final } = this.#overlay.route(key, this.#breadth, avoid, this.#options.mode)
    return { peers: final ? peers : peers.filter(({ id }) => id !== this.#me.id), final }
  }

  /** The window over the known members: those who hold the key if this node knows of everyone. */
  #window(key: Id, avoid: ReadonlySet<Id>): Route {
    const { peers } = this.#directory
    const known = avoid.size === 0 ? peers : peers.filter(({ id }) => !avoid.has(id))
    return { peers: this.#overlay.place(key, known, this.#breadth), final: true }
  }

  /** Whom to ask for the window, so that what is told is the overlay's word. */
  #owner(key: Id, avoid: ReadonlySet<Id>): Route {
    const { peers } = this.#window(key, avoid)
    if (peers[0]?.id === this.#me.id) return this.#overlay.route(key, this.#breadth, avoid, 'onehop')
    return { peers: peers.filter(({ id }) => id !== this.#me.id), final: false }
  }

  #begin(key: Id, mode: Mode, guess: Guess | undefined, avoid: readonly Id[] = []): Lookup {
    const overlay = this.#overlay
    const directory = this.#directory
    const { network, clock } = this.#ports
    const { confirm } = overlay
    const count = this.#breadth
    this.assertMode(mode)
    return new Lookup(
      {
        local: (avoided) => overlay.route(key, count, avoided, mode),
        guess,
        isSuspect: (id) => directory.isSuspect(id),
        ask: async (peer, avoided) => {
          const { peers, final } = await network.call(peer, 'route', { key, count, avoid: avoidedOf(avoided), mode })
          return { peers: peers.slice(0, count).filter((named) => overlay.isSound(named)), final }
        },
        evict: (id) => overlay.evict(id),
        confirm: confirm > 0 ? { me: this.#me.id, nearest: (peers) => overlay.place(key, peers, confirm) } : undefined,
      },
      clock,
      { avoid, deadline: clock.now() + this.#options.operationTimeoutMs },
    )
  }
}

/**
 * The iterative lookup: ask whoever is named next until someone gives a final answer. One loop for every overlay.
 *
 * It keeps whom to avoid, and asks again whoever named a dead peer: with a third of the nodes dead, lookups that merely
 * gave up on a dead end failed in a quarter of the cases.
 */
import type { Clock } from '../ports.ts'
import { Refusal, Unreachable } from '../protocol/errors.ts'
import type { Route } from '../protocol/peer-api.ts'
import type { Hop, Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'

/** What a lookup asks of the world. `local` is where it begins: this node's own routing decision, or its seeds. */
export interface Guide {
  local(avoid: ReadonlySet<Id>): Route
  /** @throws Unreachable, Refusal as Network.call does */
  ask(peer: Peer, avoid: ReadonlySet<Id>): Promise<Route>
  /** Told of each peer that did not answer. */
  evict(id: Id): void
}

/** Whoever answered, and what it said; without a peer it is this node. */
interface Answer {
  readonly peer?: Peer
  route: Route
  /** How many were to be avoided when it answered: more by now means that it may know better. */
  avoided: number
}

/** Peers asked in one lookup, at the most: a ring that is broken, or hostile, must not keep us for ever. */
const hopLimit = 1024

export class Lookup {
  /** Every peer asked, in order; the dead ones marked. */
  readonly path: Hop[] = []
  readonly avoid: Set<Id>
  readonly #guide: Guide
  readonly #clock: Clock
  readonly #deadline: number
  readonly #answers: Answer[]
  readonly #asked = new Set<Id>()

  /** @param deadline by the clock, after which the lookup gives up */
  constructor(
    guide: Guide,
    clock: Clock,
    { avoid = [], deadline = Infinity }: { avoid?: Iterable<Id>; deadline?: number } = {},
  ) {
    this.#guide = guide
    this.#clock = clock
    this.#deadline = deadline
    this.avoid = new Set(avoid)
    this.#answers = [{ route: guide.local(this.avoid), avoided: this.avoid.size }]
  }

  /** Peers contacted that answered. */
  get hops(): number {
    return this.path.reduce((count, { dead }) => (dead ? count : count + 1), 0)
  }

  /**
   * The window, owner first, none of `avoid`. After `reject`, the window without whom was rejected.
   * @throws Refusal NO_ROUTE when nobody who is left knows more; its details hold the path
   */
  async window(): Promise<Peer[]> {
    for (let answer = this.#answers.at(-1); answer; answer = this.#answers.at(-1)) {
      const { route } = answer
      const fresh = answer.avoided === this.avoid.size
      if (route.final && fresh && route.peers.length > 0) return route.peers
      const next = route.final ? undefined : route.peers.find(({ id }) => !this.avoid.has(id) && !this.#asked.has(id))
      if (next) await this.#goOn(next)
      else if (fresh) this.#answers.pop()
      else await this.#askAgain(answer)
    }
    throw new Refusal('NO_ROUTE', 'nobody reachable knows who owns this key; try again in a second', { path: this.path })
  }

  /** Takes a peer out of the lookup because it did not answer. */
  reject(id: Id): void {
    this.avoid.add(id)
    this.#guide.evict(id)
  }

  /**
   * Asks one peer something, and notes it in the path. Undefined when the peer does not answer: then it is rejected.
   * @throws Refusal what the peer refused; NO_ROUTE beyond the hop limit or the deadline
   */
  async visit<T>(peer: Peer, ask: () => Promise<T>): Promise<T | undefined> {
    const began = this.#clock.now()
    if (this.path.length >= hopLimit || began > this.#deadline)
      throw new Refusal('NO_ROUTE', `no owner after asking ${this.path.length} peers; is the ring whole? npm run task check`, {
        path: this.path,
      })
    const hop = { id: peer.id, url: peer.url }
    try {
      const answer = await ask()
      this.path.push({ ...hop, ms: this.#since(began) })
      return answer
    } catch (error) {
      const overloaded = error instanceof Refusal && error.code === 'OVERLOADED'
      if (!(error instanceof Unreachable || overloaded)) {
        this.path.push({ ...hop, ms: this.#since(began) })
        throw error
      }
      this.path.push({ ...hop, ms: this.#since(began), dead: true })
      if (overloaded) this.avoid.add(peer.id)
      else this.reject(peer.id)
      return undefined
    }
  }

  async #goOn(peer: Peer): Promise<void> {
    this.#asked.add(peer.id)
    const route = await this.visit(peer, () => this.#guide.ask(peer, this.avoid))
    if (route) this.#answers.push({ peer, route, avoided: this.avoid.size })
  }

  async #askAgain(answer: Answer): Promise<void> {
    const { peer } = answer
    const avoided = this.avoid.size
    const route = peer ? await this.visit(peer, () => this.#guide.ask(peer, this.avoid)) : this.#guide.local(this.avoid)
    if (route) Object.assign(answer, { route, avoided })
    else this.#answers.pop()
  }

  #since(began: number): number {
    return Math.round((this.#clock.now() - began) * 100) / 100
  }
}

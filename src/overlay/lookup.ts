/**
 * The iterative lookup: ask whoever is named next until someone gives a final answer. One for every overlay.
 *
 * Where no single word is final (`Overlay.confirm`) several are asked at a time, until the nearest agree (`Convergence`).
 *
 * It keeps whom to avoid, and asks again whoever named a dead peer: with a third of the nodes dead, lookups that merely
 * gave up on a dead end failed in a quarter of the cases.
 *
 * It may begin with a guess, made from who is said to be there and not from what the overlay knows. A guess is as good as what those
 * it names say of it: when they do not bear it out, the overlay is asked.
 */
import { type Confirmation, Convergence } from './convergence.ts'
import type { Clock } from '../ports.ts'
import { Refusal, Unreachable } from '../protocol/errors.ts'
import type { Route } from '../protocol/peer-api.ts'
import type { Hop, Mode, Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'

/** What a lookup asks of the world. `local` is where it begins: this node's own routing decision, or its seeds. */
export interface Guide {
  local(avoid: ReadonlySet<Id>): Route
  /** Where it begins instead, where there is something to go by. Final: the window, as it would be; else whom to ask first. */
  guess?: ((avoid: ReadonlySet<Id>) => Route) | undefined
  /** @throws Unreachable, Refusal as Network.call does */
  ask(peer: Peer, avoid: ReadonlySet<Id>): Promise<Route>
  /** Told of each peer that did not answer. */
  evict(id: Id): void
  /** Whether it may be dead: others are asked before it. */
  isSuspect(id: Id): boolean
  /** Where no single word is final. */
  confirm?: Confirmation | undefined
  /** Whether a refusal is everyone's: it ends the lookup, and no other does. */
  matters?: (refusal: Refusal) => boolean
}

/** @throws Refusal BAD_REQUEST where lookups do not travel so */
export const assertMode = (mode: Mode, modes: readonly Mode[]): void => {
  if (!modes.includes(mode)) throw new Refusal('BAD_REQUEST', `mode is ${modes.join(' or ')} in this network, not ${mode}`)
}

/** Whoever answered, and what it said; without a peer it is this node. */
interface Answer {
  readonly peer?: Peer
  route: Route
  /** How many were to be avoided when it answered: more by now means that it may know better. */
  avoided: number
  times: number
  /** How long those whom it named, and who were not there, were waited for. */
  vainMs: number
}

/** A peer that was asked something: since when, and for how long once it has answered, or is known not to. */
interface Visit {
  readonly peer: Peer
  readonly began: number
  ms?: number
  dead?: boolean
}

/** Peers asked in one lookup, at the most: a network that is broken, or hostile, must not keep us for ever. */
const hopLimit = 1024
/** How often one is asked in one lookup, at the most: again when whom it named before was not there. */
const timesMost = 16
/** The part of a lookup's time that is spent on those who are not there, as long as one and the same names them. */
const vainPart = 1 / 4

export class Lookup {
  readonly avoid: Set<Id>
  readonly #guide: Guide
  readonly #clock: Pick<Clock, 'now' | 'sleep'>
  readonly #deadline: number
  readonly #vainMsMost: number
  readonly #visits: Visit[] = []
  readonly #asked = new Set<Id>()
  #guess: Guide['guess']
  #answers: Answer[]
  /** Where no single word is final. */
  readonly #convergence: Convergence | undefined

  /** @param deadline by the clock, after which the lookup gives up */
  constructor(
    guide: Guide,
    clock: Pick<Clock, 'now' | 'sleep'>,
    { avoid = [], deadline = Infinity }: { avoid?: Iterable<Id>; deadline?: number } = {},
  ) {
    this.#guide = guide
    this.#clock = clock
    this.#deadline = deadline
    this.#vainMsMost = vainPart * (deadline - clock.now())
    this.avoid = new Set(avoid)
    this.#guess = guide.guess
    this.#answers = [this.#begin()]
    this.#convergence = guide.confirm && new Convergence(guide.confirm, this)
  }

  /** Every peer asked, in order; those that did not answer are marked, and those that have not answered yet. */
  get path(): Hop[] {
    return this.#visits.map(({ peer: { id, url }, began, ms, dead }) =>
      ms === undefined ? { id, url, ms: this.#since(began), slow: true } : { id, url, ms, ...(dead ? { dead: true } : {}) },
    )
  }

  /** Peers that answered, of those who hold the key as well: where the overlay asks several at a time, the steps of its way to the owner. */
  get hops(): number {
    if (this.#convergence && !this.#guess) return this.#convergence.steps
    let count = 0
    for (const { ms, dead } of this.#visits) if (ms !== undefined && !dead) count++
    return count
  }

  /** Whether the window is a guess: what its nodes say has to bear it out. */
  get isGuess(): boolean {
    return this.#guess !== undefined
  }

  /** Asks the overlay from now on, since a guess was not borne out. Returns whether there was one. */
  distrust(): boolean {
    if (!this.#guess) return false
    this.#guess = undefined
    this.#asked.clear()
    this.#answers = [this.#begin()]
    return true
  }

  isSuspect(id: Id): boolean {
    return this.#guide.isSuspect(id)
  }

  /**
   * The window, owner first, none of `avoid`. Whoever did not answer to `visit` is left out.
   * @throws Refusal NO_ROUTE when nobody who is left knows more; its details hold the path
   */
  async window(): Promise<Peer[]> {
    do {
      const way = this.#guess ? undefined : this.#convergence
      const window = way ? await way.nearest(() => this.#guide.local(this.avoid).peers) : await this.#follow()
      if (window) return window
    } while (this.distrust())
    throw new Refusal('NO_ROUTE', 'nobody reachable knows who owns this key; try again in a second', { path: this.path })
  }

  /**
   * Whom a peer names; undefined when it does not answer, or has something against it: others know the way too.
   * @throws Refusal that is everyone's; NO_ROUTE as visit
   */
  ask(peer: Peer): Promise<Route | undefined> {
    return this.visit(peer, () => this.#guide.ask(peer, this.avoid), this.#guide.matters)
  }

  /** From answer to answer, until one is final; undefined when nobody is left to ask. */
  async #follow(): Promise<Peer[] | undefined> {
    for (let answer = this.#answers.at(-1); answer; answer = this.#answers.at(-1)) {
      const { route } = answer
      const fresh = answer.avoided === this.avoid.size
      if (route.final && fresh && route.peers.length > 0) return route.peers
      const next = route.final ? undefined : this.#nextOf(route)
      if (answer.peer && answer.vainMs > this.#vainMsMost) this.#giveUp(answer)
      else if (next) await this.#goOn(answer, next)
      else if (fresh || answer.times >= timesMost) this.#giveUp(answer)
      else await this.#askAgain(answer)
    }
    return undefined
  }

  /**
   * Asks one peer something, and notes it in the path. Undefined when it does not answer, or refuses, which is its own trouble: others may
   * serve, and it is to be avoided.
   * @param matters whether a refusal is for whoever visits to hear
   * @throws Refusal that matters; NO_ROUTE beyond the hop limit or the deadline
   */
  async visit<T>(peer: Peer, ask: () => Promise<T>, matters?: Guide['matters']): Promise<T | undefined> {
    this.#assertOpen()
    const visit = this.#visitTo(peer)
    try {
      const answer = await ask()
      visit.ms = this.#since(visit.began)
      return answer
    } catch (error) {
      visit.ms = this.#since(visit.began)
      if (!(error instanceof Unreachable || error instanceof Refusal) || (error instanceof Refusal && matters?.(error)))
        throw error
      visit.dead = true
      this.avoid.add(peer.id)
      // Whoever refuses is there.
      if (error instanceof Unreachable) this.#guide.evict(peer.id)
      return undefined
    }
  }

  /** Whoever has just answered, and is asked once more, is no further hop: it may know that it owns the key, and then be asked for it. */
  #visitTo(peer: Peer): Visit {
    const last = this.#visits.at(-1)
    if (last?.peer.id === peer.id && last.ms !== undefined && !last.dead) return last
    const visit: Visit = { peer, began: this.#clock.now() }
    this.#visits.push(visit)
    return visit
  }

  /** @throws Refusal NO_ROUTE beyond the hop limit or the deadline */
  #assertOpen(): void {
    if (this.#visits.length < hopLimit && this.#clock.now() <= this.#deadline) return
    const asked = `no owner after asking ${this.#visits.length} peers`
    throw new Refusal('NO_ROUTE', `${asked}; is the network whole? npm run task check`, { path: this.path })
  }

  /** What this node says by itself. */
  #begin(): Answer {
    return { route: this.#say(), avoided: this.avoid.size, times: 1, vainMs: 0 }
  }

  #say(): Route {
    return this.#guess ? this.#guess(this.avoid) : this.#guide.local(this.avoid)
  }

  #nextOf({ peers }: Route): Peer | undefined {
    const left = peers.filter(({ id }) => !this.avoid.has(id) && !this.#asked.has(id))
    return left.find(({ id }) => !this.isSuspect(id)) ?? left[0]
  }

  async #goOn(from: Answer, peer: Peer): Promise<void> {
    this.#asked.add(peer.id)
    const began = this.#clock.now()
    const route = await this.ask(peer)
    if (route) this.#answers.push({ peer, route, avoided: this.avoid.size, times: 1, vainMs: 0 })
    else from.vainMs += this.#clock.now() - began
  }

  /** Whoever leads nowhere is no way for others to name either. */
  #giveUp({ peer }: Answer): void {
    this.#answers.pop()
    if (peer && !this.#guess) this.avoid.add(peer.id)
  }

  async #askAgain(answer: Answer): Promise<void> {
    const { peer } = answer
    const avoided = this.avoid.size
    const route = peer ? await this.ask(peer) : this.#say()
    if (route) Object.assign(answer, { route, avoided, times: peer ? answer.times + 1 : 1 })
    else this.#answers.pop()
  }

  #since(began: number): number {
    return Math.round((this.#clock.now() - began) * 100) / 100
  }
}

/**
 * The part of a lookup where no single word is final: three are asked at a time, always the nearest that were heard of, until the
 * nearest that live have all answered.
 *
 * Once the nearest of all has answered, and knows nobody nearer, all that are left of these are asked at once: what remains is to confirm,
 * and they would be waited for one after the other. Kademlia (2002) §2.3.
 */
import type { Route } from '../protocol/peer-api.ts'
import type { Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'

/** Peers that are asked at the same time as long as answers lead on, unless told otherwise. Kademlia's alpha. */
const usualWidth = 3
/** How often one is asked in one lookup, at the most: again when whom it named before was not there. */
const timesMost = 4

export interface Confirmation {
  /** This node: what it says is heard first. */
  readonly me: Id
  /** Of some peers those who must all answer, the nearest first. */
  nearest(peers: readonly Peer[]): Peer[]
  readonly width?: number
}

/** The lookup that this is a part of. */
interface Asker {
  readonly avoid: ReadonlySet<Id>
  isSuspect(id: Id): boolean
  /** Undefined when the peer is of no help: it is to be avoided then. @throws Refusal that ends the lookup */
  ask(peer: Peer): Promise<Route | undefined>
}

/** Someone of whom was heard, so many steps from this node. */
interface Candidate {
  readonly peer: Peer
  readonly steps: number
  /** How many were to be avoided when it was asked: more by now means that it may know better. */
  asked?: number
  answered?: boolean
  times: number
}

export class Convergence {
  readonly #confirmation: Confirmation
  readonly #asker: Asker
  readonly #candidates = new Map<Id, Candidate>()
  readonly #underWay = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined
  #steps = 0

  constructor(confirmation: Confirmation, asker: Asker) {
    this.#confirmation = confirmation
    this.#asker = asker
  }

  /** From this node to the nearest that answered: by whom it was named, and that one, and so on. */
  get steps(): number {
    return this.#steps
  }

  /**
   * The nearest that live; undefined when nobody does.
   * @param local whom this node would ask
   */
  async nearest(local: () => readonly Peer[]): Promise<Peer[] | undefined> {
    let [most, avoided] = [0, -1]
    // Of what was asked before and is not waited for any more.
    this.#forgetFailure()
    for (;;) {
      if (avoided !== this.#asker.avoid.size) this.#hear(local(), 1)
      avoided = this.#asker.avoid.size
      const best = this.#best()
      most = Math.max(most, best.length)
      const next = this.#next(best, most)
      if (next.length === 0) {
        this.#steps = best[0]?.peer.id === this.#confirmation.me ? 0 : (best[0]?.steps ?? 0)
        return best.length > 0 ? best.map(({ peer }) => peer) : undefined
      }
      const { width = usualWidth } = this.#confirmation
      const led = best[0]?.answered || best[0]?.peer.id === this.#confirmation.me
      const free = (led ? best.length : width) - this.#underWay.size
      for (const candidate of next.filter(isUnasked).slice(0, Math.max(0, free))) this.#ask(candidate)
      await Promise.race(this.#underWay)
      if (this.#failure) throw this.#failure.error
    }
  }

  /** Those who are yet to answer, suspects last. When some that were among the nearest are dead, who named them may know of others. */
  #next(best: readonly Candidate[], most: number): Candidate[] {
    const { avoid } = this.#asker
    const others = best.filter(({ peer }) => peer.id !== this.#confirmation.me)
    const open = others.filter(({ answered }) => !answered)
    if (open.length === 0 && best.length < most)
      for (const candidate of others)
        if ((candidate.asked ?? 0) < avoid.size && candidate.times < timesMost) {
          delete candidate.asked
          candidate.answered = false
          open.push(candidate)
        }
    const suspects = open.filter(({ peer }) => this.#asker.isSuspect(peer.id))
    return suspects.length === 0 ? open : [...open.filter((one) => !suspects.includes(one)), ...suspects]
  }

  #ask(candidate: Candidate): void {
    const { peer, steps } = candidate
    candidate.asked = this.#asker.avoid.size
    candidate.times++
    const asking = this.#asker
      .ask(peer)
      .then(
        (route) => {
          candidate.answered = route !== undefined
          if (route) this.#hear(route.peers, steps + 1)
        },
        (error: unknown) => {
          delete candidate.asked
          this.#failure ??= { error }
        },
      )
      .finally(() => this.#underWay.delete(asking))
    this.#underWay.add(asking)
  }

  #forgetFailure(): void {
    this.#failure = undefined
  }

  #hear(peers: readonly Peer[], steps: number): void {
    for (const peer of peers) if (!this.#candidates.has(peer.id)) this.#candidates.set(peer.id, { peer, steps, times: 0 })
  }

  #best(): Candidate[] {
    const live = [...this.#candidates.values()].filter(({ peer }) => !this.#asker.avoid.has(peer.id))
    return this.#confirmation.nearest(live.map(({ peer }) => peer)).map(({ id }) => this.#candidates.get(id) as Candidate)
  }
}

const isUnasked = ({ asked }: Candidate): boolean => asked === undefined

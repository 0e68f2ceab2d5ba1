/**
 * Having a place in the one ring of a network: taking it through a seed, coming back after everyone was lost, giving it up
 * for another ring of the same network, and for good.
 */
import { Refusal, Unreachable } from '../../protocol/errors.ts'
import type { Peer } from '../../protocol/schemas.ts'
import { compareRings, found, joinThrough, resign } from './join.ts'
import type { Ring } from './ring.ts'
import { tell } from './stabilize.ts'

/** Between two rounds of contacts: this much, and as much again at random. */
const retryMs = 100

export class Residence {
  readonly #ring: Ring
  #seeds: readonly Peer[] = []
  #leaving = false
  #reuniting = false
  #returning = false

  constructor(ring: Ring) {
    this.#ring = ring
  }

  /**
   * Joins the ring of the seeds; founds one without any, or when nobody has answered for long.
   * @throws Refusal ID_TAKEN, BAD_ID
   */
  async take(seeds: readonly Peer[]): Promise<void> {
    const { acquaintances, ports, me, options } = this.#ring
    this.#seeds = seeds.filter(({ id }) => id !== me.id)
    for (const seed of this.#seeds) acquaintances.introduce(seed, ports.clock.now())
    if (seeds.length === 0) await found(this.#ring)
    else await this.#enter(options.foundAfterMs)
  }

  /** Leaves the ring for good. */
  async giveUp(): Promise<void> {
    this.#leaving = true
    await resign(this.#ring)
  }

  /** Tries seeds and whoever was met or named, until one takes us in; when none has answered for `patienceMs`, founds a ring of its own. */
  async #enter(patienceMs: number): Promise<void> {
    const { clock, random } = this.#ring.ports
    const began = clock.now()
    while (!this.#leaving) {
      let answered = false
      const left = this.#ring.contacts(this.#seeds)
      while (left.length > 0 && !this.#leaving) {
        const [contact] = left.splice(random.below(left.length), 1) as [Peer]
        try {
          if (await joinThrough(this.#ring, contact)) return
          answered = true
        } catch (error) {
          if (error instanceof Refusal && error.status !== 503) throw error
          if (!(error instanceof Unreachable || error instanceof Refusal)) throw error
          this.#ring.ports.log.debug({ contact, why: error.message }, 'contact could not help')
        }
      }
      if (!answered && clock.now() - began >= patienceMs) return found(this.#ring)
      await this.#ring.pause(retryMs)
    }
  }

  /** Back into a ring, after this node has lost its place or given it up. */
  async comeBack(first?: Peer): Promise<void> {
    if (this.#returning || this.#leaving) return
    this.#returning = true
    try {
      if (first && (await this.#joinedThrough(first))) return
      await this.#enter(0)
    } finally {
      this.#returning = false
    }
  }

  async #joinedThrough(contact: Peer): Promise<boolean> {
    try {
      return await joinThrough(this.#ring, contact)
    } catch (error) {
      if (error instanceof Unreachable || error instanceof Refusal) return false
      throw error
    }
  }

  /** Looks for another ring of this network through someone who is not near; the larger of two yields, node by node. */
  async reunite(contact = this.#stranger()): Promise<void> {
    if (!contact || this.#reuniting || this.#returning || this.#leaving || !this.#ring.isMember) return
    this.#reuniting = true
    try {
      const verdict = await compareRings(this.#ring, contact)
      if (verdict === 'ours') await tell(this.#ring, contact, 'meet', this.#ring.me)
      if (verdict !== 'theirs' || this.#leaving || !this.#ring.isMember) return
      this.#ring.ports.log.info({ contact }, 'ring given up for another')
      await resign(this.#ring, contact)
      await this.comeBack(contact)
    } finally {
      this.#reuniting = false
    }
  }

  /** Gives way to a node that has this node's id: two joined with it on two sides of a cut. Where it asks now, it is told so. */
  async yieldId(usurper: Peer): Promise<void> {
    this.#ring.ports.log.warn({ usurper }, 'id is taken')
    await resign(this.#ring)
    await this.comeBack(usurper)
  }

  /** Someone known who is not in the successor list. */
  #stranger(): Peer | undefined {
    const near = new Set(this.#ring.table.successors.map(({ id }) => id))
    const others = this.#ring.acquaintances.all().filter(({ peer }) => !near.has(peer.id))
    return others[this.#ring.ports.random.below(Math.max(1, others.length))]?.peer
  }
}

/**
 * Having a place in the one ring of a network: taking it through a seed, coming back after everyone was lost, giving it up
 * for another ring of the same network, and for good.
 */
import type { Peer } from '../../protocol/schemas.ts'
import { compareRings, found, joinThrough, resign } from './join.ts'
import { Ring } from './ring.ts'

export abstract class Residence extends Ring {
  #reuniting = false
  #returning = false

  protected enterThrough(contact: Peer): Promise<boolean> {
    return joinThrough(this, contact)
  }

  protected override found(): Promise<void> {
    return found(this)
  }

  protected resign(): Promise<void> {
    return resign(this)
  }

  /** Back into a ring, after this node has lost its place or given it up. */
  async comeBack(first?: Peer): Promise<void> {
    if (this.#returning || this.isLeaving) return
    this.#returning = true
    try {
      if (first && (await this.attempt(() => joinThrough(this, first)))) return
      await this.comeIn(0)
    } finally {
      this.#returning = false
    }
  }

  /** Looks for another ring of this network through someone who is not near; the larger of two yields, node by node. */
  async reunite(contact = this.#stranger()): Promise<void> {
    if (!contact || this.#reuniting || this.#returning || this.isLeaving || !this.isMember) return
    this.#reuniting = true
    try {
      const verdict = await compareRings(this, contact)
      if (verdict === 'ours') await this.call(contact, 'meet', this.me)
      if (verdict !== 'theirs' || this.isLeaving || !this.isMember) return
      this.ports.log.info({ contact }, 'ring given up for another')
      await resign(this, contact)
      await this.comeBack(contact)
    } finally {
      this.#reuniting = false
    }
  }

  /** Gives way to a node that has this node's id: two joined with it on two sides of a cut. Where it asks now, it is told so. */
  async yieldId(usurper: Peer): Promise<void> {
    this.ports.log.warn({ usurper }, 'id is taken')
    await resign(this)
    await this.comeBack(usurper)
  }

  /** Someone known who is not in the successor list. */
  #stranger(): Peer | undefined {
    const near = new Set(this.table.successors.map(({ id }) => id))
    return this.pick(this.contacts().filter(({ id }) => !near.has(id)))
  }
}

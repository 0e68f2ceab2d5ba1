/**
 * That a network has one ring: a node takes its place there through a seed, comes back after everyone was lost, and gives it up
 * for another ring of the same network, or for good.
 */
import type { Peer } from '../../protocol/schemas.ts'
import { found, joinThrough, resign } from './join.ts'
import { Ring } from './ring.ts'
import { compareRings } from './rings.ts'

/** So often a contact is asked again whom those that it names contradict: it may lie. */
const mixedMost = 5

export abstract class Reunion extends Ring {
  #reuniting = false
  /** Through whom it was to look while it did so through others. */
  #next: readonly Peer[] = []
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

  /**
   * Looks for another ring of this network through someone who is not near, or, of a ring of one, through everyone it ever knew; the
   * smaller of two yields, node by node.
   */
  async reunite(contacts?: readonly Peer[]): Promise<void> {
    if (this.#reuniting && contacts) this.#next = contacts
    if (this.#reuniting || this.#returning) return
    this.#reuniting = true
    try {
      for (let through = contacts ?? (await this.#strangers()); through.length > 0; through = this.#takeNext())
        for (const contact of through) if (this.isLeaving || !this.isMember || (await this.#yields(contact))) return
    } finally {
      this.#reuniting = false
      this.#takeNext()
    }
  }

  /** Gives way to a node that has this node's id: two joined with it on two sides of a cut. Where it asks now, it is told so. */
  async yieldId(usurper: Peer): Promise<void> {
    this.ports.log.warn({ usurper }, 'id is taken')
    await resign(this)
    await this.comeBack(usurper)
  }

  /** Whether this node has given its ring up for that of the contact. */
  async #yields(contact: Peer): Promise<boolean> {
    const verdict = await this.#compare(contact)
    if (verdict === 'ours') await this.call(contact, 'meet', this.me)
    if (verdict !== 'theirs' || this.isLeaving || !this.isMember) return false
    this.ports.log.info({ contact }, 'ring given up for another')
    await resign(this, contact)
    await this.comeBack(contact)
    return true
  }

  /** Where two rings have got mixed, those of theirs still find some of ours: looks again, unless there is somebody else to ask. */
  async #compare(contact: Peer): ReturnType<typeof compareRings> {
    let verdict = await compareRings(this, contact)
    for (let left = mixedMost; verdict === 'mixed' && left > 0 && this.#next.length === 0; left--) {
      await this.pause()
      verdict = await compareRings(this, contact)
    }
    return verdict
  }

  #takeNext(): readonly Peer[] {
    const next = this.#next
    this.#next = []
    return next
  }

  /** Those known who are not in the successor list: all where that is empty, else one. */
  async #strangers(): Promise<Peer[]> {
    const near = new Set(this.table.successors.map(({ id }) => id))
    const others = await this.order(this.contacts().filter(({ id }) => !near.has(id)))
    return this.table.isLone ? others : others.slice(0, 1)
  }
}

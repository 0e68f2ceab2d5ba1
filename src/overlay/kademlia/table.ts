/**
 * Whom a Kademlia node knows: buckets by how many bits of its id they share, with at most k contacts each. Kademlia (2002) §2.2, §2.4.
 *
 * Only who has answered gets in. A full bucket keeps those it has, as long as they answer: newcomers wait in its cache. The buckets
 * nearest to the node are as good as never full: it knows everyone in the smallest subtree around it that has k nodes, however the tree is balanced,
 * because whom it shares ranges with depends on them all.
 */
import type { Peer } from '../../protocol/schemas.ts'
import type { Id } from '../../space/id.ts'
import { commonBits } from '../../space/xor.ts'
import { compareDistance, place } from './placement.ts'

export interface Contact {
  readonly peer: Peer
  /** When it answered last, by `Clock.now`. */
  readonly seen: number
}

export interface Bucket {
  /** Bits that its contacts share with this node. */
  readonly bits: number
  /** Least recently seen first. */
  contacts: Contact[]
  /** Who answered when it was full, the newest last. */
  cache: Peer[]
}

/** Contacts of a bucket that is near: far more than chance puts there, so that whoever answers under any number of names fills no memory. */
const nearMost = 256

export class Table {
  readonly me: Peer
  readonly #k: number
  /** How many are known at least, if there are as many. */
  readonly #near: number
  /** By the bits that their contacts share with this node. */
  readonly #buckets: Bucket[] = []
  #revision = 0

  constructor(me: Peer, { k, replicas }: { k: number; replicas: number }) {
    this.me = me
    this.#k = k
    this.#near = Math.max(k, replicas + 1)
  }

  /** Grows whenever somebody comes or goes. */
  get revision(): number {
    return this.#revision
  }

  /** Those with contacts, the farthest first. */
  get buckets(): readonly Bucket[] {
    return this.#buckets.filter(({ contacts }) => contacts.length > 0)
  }

  /** The farthest bucket first. */
  get contacts(): readonly Contact[] {
    return this.#buckets.flatMap(({ contacts }) => contacts)
  }

  get peers(): Peer[] {
    return this.contacts.map(({ peer }) => peer)
  }

  find(id: Id): Contact | undefined {
    return this.#bucketOf(id).contacts.find(({ peer }) => peer.id === id)
  }

  /** The first bits of the smallest subtree around this node that has k nodes: everyone in it is to be known. */
  get depth(): number {
    let count = 1
    for (const { bits, contacts } of this.buckets.toReversed()) {
      count += contacts.length
      if (count >= this.#near) return bits
    }
    return 0
  }

  /** Whether this one would get in. */
  wants({ id }: Peer): boolean {
    if (id === this.me.id || this.find(id)) return false
    const { bits, contacts } = this.#bucketOf(id)
    return contacts.length < (bits >= this.depth ? nearMost : this.#k)
  }

  /** Someone has answered. Returns whose place it would take if that one did not answer any more, where there is no other. */
  admit(peer: Peer, now: number): Contact | undefined {
    if (peer.id === this.me.id) return undefined
    const bucket = this.#bucketOf(peer.id)
    const known = this.find(peer.id)
    const isNew = known?.peer.url !== peer.url
    if (known && isNew) return undefined
    bucket.cache = bucket.cache.filter(({ id }) => id !== peer.id)
    if (!known && !this.wants(peer)) {
      bucket.cache = [...bucket.cache, peer].slice(-this.#k)
      return bucket.contacts[0]
    }
    bucket.contacts = [...bucket.contacts.filter((one) => one !== known), { peer, seen: now }]
    if (isNew) this.#changed()
    return undefined
  }

  /** Someone does not answer. Returns who waits for a place beside it, the newest. */
  forget(id: Id): Peer | undefined {
    const bucket = this.#bucketOf(id)
    const contact = this.find(id)
    bucket.cache = bucket.cache.filter((peer) => peer.id !== id)
    bucket.contacts = bucket.contacts.filter((one) => one !== contact)
    if (contact) this.#changed()
    return bucket.cache.at(-1)
  }

  /** The nearest of all and this node, none of `avoid`. */
  nearest(key: Id, count: number, avoid: ReadonlySet<Id> = new Set()): Peer[] {
    const known = [...this.peers, this.me].filter(({ id }) => !avoid.has(id))
    return place(key, known, count)
  }

  /** All contacts, the nearest to this node first. */
  byNearness(): Contact[] {
    return this.contacts.toSorted((a, b) => compareDistance(this.me.id, a.peer.id, b.peer.id))
  }

  #bucketOf(id: Id): Bucket {
    const bits = commonBits(id, this.me.id)
    return (this.#buckets[bits] ??= { bits, contacts: [], cache: [] })
  }

  /** Buckets that are not among the nearest any more have k contacts at most: those that were heard last. */
  #changed(): void {
    this.#revision++
    const { depth } = this
    for (const bucket of this.buckets)
      if (bucket.bits < depth) {
        bucket.cache = [...bucket.cache, ...bucket.contacts.slice(0, -this.#k).map(({ peer }) => peer)].slice(-this.#k)
        bucket.contacts = bucket.contacts.slice(-this.#k)
      }
  }
}

/**
 * Whom a Kademlia node knows: buckets by how many bits of its id they share, with at most k contacts each. Kademlia (2002) §2.2, §2.4.
 *
 * Only who has answered gets in. A full bucket keeps those it has, as long as they answer: newcomers wait in its cache. The buckets
 * nearest to the node are never full: it knows everyone in the smallest subtree around it that has k nodes, however the tree is balanced,
 * because whom it shares ranges with depends on them all.
 */
import type { Peer } from '../../protocol/schemas.ts'
import type { Id } from '../../space/id.ts'
import { commonBits } from '../../space/xor.ts'
import { compareDistance, place } from './placement.ts'

/** Failures in a row after which a contact is dropped; one is enough when somebody waits for its place. */
const failuresMost = 2

export interface Contact {
  readonly peer: Peer
  /** When it answered last, ms since 1970. */
  seen: number
  /** In a row. */
  failures: number
}

export interface Bucket {
  /** Bits that its contacts share with this node. */
  readonly bits: number
  /** Least recently seen first. */
  contacts: Contact[]
  /** Who answered when it was full, the newest last. */
  cache: Peer[]
}

export class Table {
  readonly me: Peer
  readonly #k: number
  /** How many are known at least, if there are as many. */
  readonly #near: number
  readonly #buckets: Bucket[] = []
  #peers: readonly Peer[] | undefined
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

  /** The same array as long as nobody comes or goes. */
  get peers(): readonly Peer[] {
    this.#peers ??= this.#buckets.flatMap(({ contacts }) => contacts.map(({ peer }) => peer))
    return this.#peers
  }

  find(id: Id): Contact | undefined {
    return this.#bucketOf(id)?.contacts.find(({ peer }) => peer.id === id)
  }

  /** The first bits of the smallest subtree around this node that has k nodes: everyone in it is to be known. */
  get depth(): number {
    let count = 1
    for (const { bits, contacts } of this.#buckets.toReversed()) {
      count += contacts.length
      if (count >= this.#near) return bits
    }
    return 0
  }

  /** Whether this one would get in. */
  wants({ id }: Peer): boolean {
    if (id === this.me.id || this.find(id)) return false
    const bits = commonBits(id, this.me.id)
    return bits >= this.depth || (this.#buckets.find((bucket) => bucket.bits === bits)?.contacts.length ?? 0) < this.#k
  }

  /** Someone has answered. Returns whose place it would take if that one did not answer any more, where there is no other. */
  admit(peer: Peer, now: number): Contact | undefined {
    if (peer.id === this.me.id) return undefined
    const bits = commonBits(peer.id, this.me.id)
    const bucket = this.#bucketOf(peer.id) ?? this.#addBucket(bits)
    const known = bucket.contacts.find((contact) => contact.peer.id === peer.id)
    if (known && known.peer.url !== peer.url && known.failures === 0) return undefined
    if (known?.peer.url === peer.url) {
      Object.assign(known, { seen: now, failures: 0 })
      if (bucket.contacts.at(-1) !== known) bucket.contacts = [...bucket.contacts.filter((one) => one !== known), known]
      return undefined
    }
    bucket.cache = bucket.cache.filter(({ id }) => id !== peer.id)
    if (!known && !this.wants(peer)) {
      bucket.cache = [...bucket.cache, peer].slice(-this.#k)
      return bucket.contacts[0]
    }
    bucket.contacts = [...bucket.contacts.filter((one) => one !== known), { peer, seen: now, failures: 0 }]
    this.#changed()
    return undefined
  }

  /** Someone has not answered. Returns what has come of it. */
  fail(id: Id): 'unknown' | 'doubted' | 'dropped' {
    const bucket = this.#bucketOf(id)
    if (!bucket) return 'unknown'
    bucket.cache = bucket.cache.filter((peer) => peer.id !== id)
    const contact = bucket.contacts.find(({ peer }) => peer.id === id)
    if (!contact) return 'unknown'
    contact.failures++
    if (contact.failures < failuresMost && bucket.cache.length === 0) return 'doubted'
    bucket.contacts = bucket.contacts.filter((one) => one !== contact)
    this.#changed()
    return 'dropped'
  }

  /** Who waits for a place beside that one, the newest. */
  waitingBeside(id: Id): Peer | undefined {
    return this.#bucketOf(id)?.cache.at(-1)
  }

  /** The nearest of all and this node, none of `avoid`. */
  nearest(key: Id, count: number, avoid: ReadonlySet<Id> = nobody): Peer[] {
    const nearest = place(key, avoid.size === 0 ? this.peers : this.peers.filter(({ id }) => !avoid.has(id)), count)
    return avoid.has(this.me.id) ? nearest : place(key, [...nearest, this.me], count)
  }

  /** All contacts, the nearest to this node first. */
  byNearness(): Contact[] {
    return this.#buckets.flatMap(({ contacts }) => contacts).sort((a, b) => compareDistance(this.me.id, a.peer.id, b.peer.id))
  }

  #bucketOf(id: Id): Bucket | undefined {
    const bits = commonBits(id, this.me.id)
    return this.#buckets.find((bucket) => bucket.bits === bits)
  }

  #addBucket(bits: number): Bucket {
    const bucket: Bucket = { bits, contacts: [], cache: [] }
    const at = this.#buckets.findIndex((other) => other.bits > bits)
    this.#buckets.splice(at < 0 ? this.#buckets.length : at, 0, bucket)
    return bucket
  }

  /** Buckets that are not among the nearest any more have k contacts at most: those that have been known for longest. */
  #changed(): void {
    this.#revision++
    this.#peers = undefined
    const { depth } = this
    for (const bucket of this.#buckets)
      if (bucket.bits < depth && bucket.contacts.length > this.#k) {
        bucket.cache = [...bucket.cache, ...bucket.contacts.slice(this.#k).map(({ peer }) => peer)].slice(-this.#k)
        bucket.contacts = bucket.contacts.slice(0, this.#k)
      }
  }
}

const nobody: ReadonlySet<Id> = new Set()

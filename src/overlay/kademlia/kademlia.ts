/**
 * Kademlia as an overlay: ids are as far apart as their exclusive or says, and everyone knows many near by and few far away.
 *
 * Whoever answers gets into the table, and nobody else does: over HTTP a sender's address is only a claim, so whoever asks is asked for a
 * sign of life in return. Maymounkov and Mazières, Kademlia (IPTPS 2002).
 */
import type { Route } from '../../protocol/peer-api.ts'
import type { Handlers } from '../../protocol/rpc.ts'
import { avoidedOf, type Peer } from '../../protocol/schemas.ts'
import type { Id } from '../../space/id.ts'
import { commonBits } from '../../space/xor.ts'
import { concernsUs, idTaken } from '../caller.ts'
import type { Cell, Job, ServedOverlay } from '../overlay.ts'
import { Wary } from '../wary.ts'
import type { KademliaApi } from './api.ts'
import type { KademliaOptions } from './options.ts'
import { cellsOf, place } from './placement.ts'
import { type Contact, Table } from './table.ts'

/** Signs of life that are waited for at the same time when someone says of itself that it is there: anyone may say so in any name. */
const claimsMost = 16
/** Whoever was heard of more recently is not asked to make room for a newcomer. */
const freshMs = 60_000
/** Of all who were ever known, so many are asked at once by a node that has lost everyone. */
const manyAtOnce = 8

export class Kademlia extends Wary<KademliaApi, KademliaOptions> implements ServedOverlay<KademliaApi> {
  readonly place = place
  readonly heldBy = cellsOf
  readonly confirm = this.options.k
  readonly table = new Table(this.me, this.options)
  #turn = 0

  readonly jobs: readonly Job[] = [
    { name: 'check', everyMs: this.options.stabilizeEveryMs, run: () => this.#check() },
    { name: 'reunite', everyMs: this.options.reuniteEveryMs, run: () => this.#reunite() },
    { name: 'refresh', everyMs: this.options.refreshEveryMs, run: () => this.#refresh() },
  ]

  readonly handlers: Handlers<KademliaApi> = {
    ping: ({ from }) => {
      this.#hear(from)
      return {}
    },
    findNode: ({ id, count, avoid, from }) => {
      this.#hear(from)
      return { peers: this.table.nearest(id, count, new Set(avoid)) }
    },
    goodbye: ({ from }) => {
      const known = this.find(from.id)
      if (known) this.doubt(known)
      return {}
    },
  }

  /** Final where this node knows nobody nearer: then it is the owner, as far as it can say. */
  route(key: Id, count: number, avoid: ReadonlySet<Id>): Route {
    this.assertMember()
    const peers = this.table.nearest(key, count, avoid)
    return { peers, final: peers[0]?.id === this.me.id }
  }

  cells(): Cell[] {
    return this.isMember ? cellsOf(this.me.id, [this.me, ...this.table.peers], this.options.replicas) : []
  }

  /** Whoever is known may have been near enough a moment ago. */
  neighbors(): Peer[] {
    return this.table.byNearness().map(({ peer }) => peer)
  }

  override introduce(peer: Peer): void {
    super.introduce(peer)
    this.#probe(peer)
  }

  protected meet(peer: Peer): void {
    const now = this.ports.clock.now()
    const before = this.table.revision
    const eldest = this.table.admit(peer, now)
    if (eldest && now - eldest.seen > freshMs) this.doubt(eldest.peer)
    if (this.table.revision !== before) this.noteChange()
  }

  override evict(id: Id): void {
    super.evict(id)
    if (!this.find(id)) this.#replace(id)
  }

  get attributes() {
    const { k } = this.options
    return { k, buckets: this.table.buckets.map(({ bits, contacts }) => ({ bits, peers: contacts.map(({ peer }) => peer) })) }
  }

  protected find(id: Id): Peer | undefined {
    return this.table.find(id)?.peer
  }

  isThere(peer: Peer): Promise<boolean> {
    return this.isAlive(peer, 'ping', { from: this.me })
  }

  protected lose(peer: Peer): void {
    this.#replace(peer.id)
    this.ports.log.info({ peer }, 'contact lost')
    this.noteChange()
  }

  /** Looks this node up, so that it meets its neighbours; then they, and some in every other bucket, hear of it. §2.3 */
  protected async enterThrough(contact: Peer): Promise<boolean> {
    const heard = await this.#ask(contact, this.me.id)
    await this.attempt(() => this.#lookup(this.me.id, heard))
    await this.#makeWay(heard)
    this.enter()
    if (!this.isMember) return true
    this.ports.log.info({ contacts: this.table.peers.length }, 'network joined')
    await this.each(this.table.peers, (peer) => this.call(peer, 'ping', { from: this.me }))
    this.later(() => this.#refreshBuckets())
    return true
  }

  protected async resign(): Promise<void> {
    this.exit()
    await this.each(this.table.peers, (peer) => this.call(peer, 'goodbye', { from: this.me }))
  }

  /** Asks two for whom they know: of the nearest, and of all contacts, the one that has been silent for longest. */
  async #check(): Promise<void> {
    if (!this.isMember) return
    const near = this.table.byNearness()
    const silent = longestSilent(near)
    if (!silent) return this.#reunite(manyAtOnce)
    await this.#learn(longestSilent(near.slice(0, this.options.k)), this.me.id)
    if (this.table.find(silent.id)) await this.#learn(silent, this.#someoneIn(this.ports.random.below(this.#reach)))
  }

  /** Somebody may be of a part of the network that was split off: of all who were ever known some are asked, in turn. */
  async #reunite(count = 1): Promise<void> {
    if (!this.isMember) return
    const strangers = this.#strangers(this.contacts())
    const first = this.#turn % Math.max(1, strangers.length)
    this.#turn += count
    await Promise.all(strangers.slice(first, first + count).map((stranger) => this.#learn(stranger, this.me.id)))
  }

  /** Everything anew: the neighbours, every bucket, and seeds, so that islands do not last. */
  async #refresh(): Promise<void> {
    if (!this.isMember) return
    for (const seed of this.#strangers(this.seeds)) await this.#learn(seed, this.me.id)
    await this.attempt(() => this.#lookup(this.me.id))
    await this.#refreshBuckets()
  }

  async #refreshBuckets(): Promise<void> {
    for (let bits = 0; bits < this.#reach && this.isMember; bits++)
      await this.attempt(() => this.#lookup(this.#someoneIn(bits)))
  }

  #strangers(peers: readonly Peer[]): Peer[] {
    return peers.filter(({ id }) => !this.table.find(id))
  }

  /** Buckets up to the nearest contact's. */
  get #reach(): number {
    return (this.table.buckets.at(-1)?.bits ?? 0) + 1
  }

  /** An id at random that shares just so many bits with this node's. */
  #someoneIn(bits: number): Id {
    const shared = this.me.id.slice(0, bits >> 2)
    for (;;) {
      const rest = Array.from({ length: this.me.id.length - shared.length }, () => this.ports.random.below(16).toString(16))
      const id = shared + rest.join('')
      if (commonBits(id, this.me.id) === bits) return id
    }
  }

  /** The k nearest to an id that live. @param heard to begin with besides; gets all who are named @throws Refusal NO_ROUTE */
  #lookup(key: Id, heard: Peer[] = []): Promise<Peer[]> {
    const { k } = this.options
    return this.seek({
      local: (avoid) => ({ peers: [...this.table.nearest(key, k, avoid), ...heard], final: false }),
      ask: async (peer, avoid) => {
        const peers = await this.#ask(peer, key, avoid)
        heard.push(...peers)
        return { peers, final: false }
      },
      confirm: { me: this.me.id, nearest: (peers) => place(key, peers, k) },
    })
  }

  /** Hears whom a peer knows near an id; who is worth knowing is asked for a sign of life. */
  async #learn(peer: Peer | undefined, key: Id): Promise<void> {
    const named = (peer && (await this.attempt(() => this.#ask(peer, key)))) ?? []
    for (const one of named) this.#probeIfWanted(one)
    // Of two that came at the same time one has to go.
    await this.#makeWay(named.filter(({ url }) => url < this.me.url))
  }

  /** Whoever is named with this node's id, and lives, refuses to be asked by another. @throws Refusal ID_TAKEN */
  async #makeWay(named: readonly Peer[]): Promise<void> {
    const twin = named.find(({ id, url }) => id === this.me.id && url !== this.me.url)
    if (twin) await this.attempt(() => this.reach(twin, 'ping', { from: this.me }), concernsUs)
  }

  /** Whom a peer knows near an id: at most k, and nobody whose id is not what it should be. @throws Unreachable, Refusal */
  async #ask(peer: Peer, key: Id, avoid: Iterable<Id> = []): Promise<Peer[]> {
    const { k } = this.options
    const request = { id: key, count: k, avoid: avoidedOf(avoid), from: this.me }
    const { peers } = await this.reach(peer, 'findNode', request)
    return peers.slice(0, k).filter((named) => this.isSound(named))
  }

  /** Others name somebody. */
  #probeIfWanted(peer: Peer): void {
    if (!this.isQuarantined(peer.id)) this.#probe(peer)
  }

  /** Of who waits for a place beside someone who is gone the newest may have it. */
  #replace(id: Id): void {
    const next = this.table.forget(id)
    if (next) this.#probeIfWanted(next)
  }

  /** Whoever it is gets in by answering. */
  #probe(peer: Peer, most?: number): void {
    if (this.isMember && this.table.wants(peer)) this.later(() => this.signOfLife(peer, 1, most))
  }

  /** Someone says that it is there. @throws Refusal NOT_JOINED, BAD_ID, ID_TAKEN */
  #hear(from: Peer): void {
    this.assertMember()
    this.assertSound(from)
    if (from.id === this.me.id && from.url !== this.me.url) throw idTaken(this.me)
    this.#probe(from, claimsMost)
  }
}

const longestSilent = (contacts: readonly Contact[]): Peer | undefined => contacts.toSorted((a, b) => a.seen - b.seen)[0]?.peer

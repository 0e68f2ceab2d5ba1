/**
 * Kademlia as an overlay: ids are as far apart as their exclusive or says, and everyone knows many near by and few far away.
 *
 * Whoever answers gets into the table, and nobody else does: over HTTP a sender's address is only a claim, so whoever asks is asked for a
 * sign of life in return. Maymounkov and Mazières, Kademlia (IPTPS 2002).
 */
import { Refusal, Unreachable } from '../../protocol/errors.ts'
import type { Route } from '../../protocol/peer-api.ts'
import type { Handlers } from '../../protocol/rpc.ts'
import type { Peer } from '../../protocol/schemas.ts'
import { type Id, shortId } from '../../space/id.ts'
import { flipped } from '../../space/xor.ts'
import { Lookup } from '../lookup.ts'
import type { Cell, Job, OverlaySetting, OverlayView, ServedOverlay } from '../overlay.ts'
import { Resident } from '../resident.ts'
import type { KademliaApi } from './api.ts'
import type { KademliaOptions } from './options.ts'
import { cellsOf, place } from './placement.ts'
import { Table } from './table.ts'

/** How long a lookup for maintenance may take in all: peers that name ever new silent ones must not keep us. */
const lookupTimeoutMs = 10_000
/** Signs of life that are waited for at the same time. */
const probesMost = 32
/** Whoever was heard of more recently is not asked to make room for a newcomer. */
const freshMs = 60_000
/** Between two rounds of contacts of a joiner: this much, and as much again at random. */
const retryMs = 100

/** Whether a seed's refusal is about whoever wants to join: nothing that another seed, or waiting, would cure. */
const concernsUs = ({ code }: Refusal): boolean => code === 'ID_TAKEN' || code === 'BAD_ID'

export class Kademlia extends Resident<KademliaApi, KademliaOptions> implements ServedOverlay<KademliaApi> {
  readonly confirm: number
  readonly place = place
  readonly jobs: readonly Job[]
  readonly handlers: Handlers<KademliaApi>
  readonly #table: Table
  readonly #probing = new Set<Id>()
  #seeds: readonly Peer[] = []
  #leaving = false

  constructor(setting: OverlaySetting<KademliaApi, KademliaOptions>) {
    super(setting)
    const { me, options } = setting
    this.#table = new Table(me, options)
    this.confirm = options.k
    this.jobs = [
      { name: 'check', everyMs: options.stabilizeEveryMs, run: () => this.#check() },
      { name: 'reunite', everyMs: options.reuniteEveryMs, run: () => this.#reunite() },
      { name: 'refresh', everyMs: options.refreshEveryMs, run: () => this.#refresh() },
    ]
    this.handlers = {
      ping: ({ from }) => {
        this.assertMember()
        this.#hear(from)
        return {}
      },
      findNode: ({ id, count, avoid, from }) => {
        this.assertMember()
        this.#hear(from)
        return { peers: this.#table.nearest(id, count, new Set(avoid)) }
      },
      goodbye: ({ from }) => {
        const known = this.#table.find(from.id)
        if (known) this.#probe(known.peer)
        return {}
      },
    }
  }

  get revision(): number {
    return this.#table.revision + this.passages
  }

  /** Final where this node knows nobody nearer: then it is the owner, as far as it can say. */
  route(key: Id, count: number, avoid: ReadonlySet<Id>): Route {
    this.assertMember()
    const peers = this.#table.nearest(key, count, avoid)
    return { peers, final: peers[0]?.id === this.me.id }
  }

  cells(): Cell[] {
    return this.isMember ? cellsOf(this.me.id, [this.me, ...this.#table.peers], this.options.replicas) : []
  }

  /** Whoever is known may have been near enough a moment ago. */
  neighbors(): Peer[] {
    return this.#table.byNearness().map(({ peer }) => peer)
  }

  introduce(peer: Peer): void {
    this.acquaintances.introduce(peer, this.ports.clock.now())
    if (this.isMember && this.#table.wants(peer)) this.#probe(peer)
  }

  admit(peer: Peer): void {
    // Anyone may name anyone: whoever is met elsewhere has an id of its own all the same.
    if (this.#table.find(peer.id)?.peer.url !== peer.url && !this.isSound(peer)) return
    const now = this.ports.clock.now()
    const before = this.#table.revision
    this.acquaintances.admit(peer, now)
    const eldest = this.#table.admit(peer, now)
    if (eldest && now - eldest.seen > freshMs) this.#probe(eldest.peer)
    if (this.#table.revision !== before) this.noteChange()
  }

  /** One failure makes doubtful, and is looked into. */
  evict(id: Id): void {
    this.acquaintances.evict(id, this.ports.clock.now())
    const contact = this.#table.find(id)
    const outcome = this.#table.fail(id)
    if (outcome === 'doubted' && contact) return this.#probe(contact.peer)
    const next = this.#table.waitingBeside(id)
    if (next && this.#table.wants(next)) this.#probe(next)
    if (outcome !== 'dropped') return
    this.ports.log.info({ peer: contact?.peer }, 'contact lost')
    this.noteChange()
  }

  view(): OverlayView {
    const { buckets, peers } = this.#table
    const { k } = this.options
    return {
      joined: this.isMember,
      degraded: peers.length < this.options.replicas,
      acquaintances: this.acquaintances.all(),
      get attributes() {
        return { k, buckets: buckets.map(({ bits, contacts }) => ({ bits, peers: contacts.map(({ peer }) => peer) })) }
      },
    }
  }

  /** Looks this node up through a seed, so that it meets its neighbours; then they, and some in every other bucket, hear of it. */
  async join(seeds: readonly Peer[]): Promise<void> {
    const { clock, random, log } = this.ports
    const began = clock.now()
    this.#seeds = seeds.filter(({ id }) => id !== this.me.id)
    for (const seed of this.#seeds) this.acquaintances.introduce(seed, began)
    while (seeds.length > 0 && !this.#leaving && !(await this.#meetSome())) {
      if (clock.now() - began >= this.options.foundAfterMs) break
      await clock.sleep(retryMs + random.below(retryMs))
    }
    if (this.#leaving) return
    this.enter()
    log.info({ contacts: this.#table.peers.length }, this.#table.peers.length > 0 ? 'network joined' : 'network founded')
    await Promise.all(this.neighbors().map((peer) => this.#answers(peer)))
    this.later(() => this.#refreshBuckets())
  }

  async leave(): Promise<void> {
    this.#leaving = true
    if (!this.isMember) return
    const known = this.#table.peers
    this.exit()
    await Promise.all(known.map((peer) => this.#tell(() => this.ports.network.call(peer, 'goodbye', { from: this.me }))))
  }

  /** Whether a seed, or whoever else was named, has answered, and with it those nearest to this node. @throws Refusal ID_TAKEN, BAD_ID */
  async #meetSome(): Promise<boolean> {
    const contacts = this.#strangers()
    while (contacts.length > 0) {
      const [contact] = contacts.splice(this.ports.random.below(contacts.length), 1) as [Peer]
      const named = await this.#tell(() => this.#findOrEvict(contact, this.me.id), concernsUs)
      if (!named) continue
      const twin = named.find(({ id, url }) => id === this.me.id && url !== this.me.url)
      // It refuses if it lives.
      if (twin) await this.#tell(() => this.ports.network.call(twin, 'ping', { from: this.me }), concernsUs)
      if (await this.#tell(() => this.#lookup(this.me.id, named))) return true
    }
    return false
  }

  /** Asks two for whom they know: of the nearest, and of all contacts, the one that has been silent for longest. */
  async #check(): Promise<void> {
    if (!this.isMember) return
    const near = this.#table.byNearness()
    if (near.length === 0) return this.#reunite()
    const silentFirst = (some: typeof near) => some.toSorted((a, b) => a.seen - b.seen)[0]?.peer as Peer
    await this.#learn(silentFirst(near.slice(0, this.options.k)), this.me.id)
    const silent = silentFirst(near)
    if (this.#table.find(silent.id)) await this.#learn(silent, this.#someoneIn(this.ports.random.below(this.#reach)))
  }

  /** Whom this node has heard of, or was told to ask, and does not know. */
  #strangers(): Peer[] {
    return this.contacts(this.#seeds).filter(({ id }) => !this.#table.find(id))
  }

  /** Somebody may be of a part of the network that was split off. */
  async #reunite(): Promise<void> {
    const strangers = this.#strangers()
    const stranger = strangers[this.ports.random.below(Math.max(1, strangers.length))]
    if (stranger && this.isMember) await this.#learn(stranger, this.me.id)
  }

  /** Everything anew: the neighbours, every bucket, and seeds, so that islands do not last. */
  async #refresh(): Promise<void> {
    if (!this.isMember) return
    for (const seed of this.#seeds) if (!this.#table.find(seed.id)) await this.#learn(seed, this.me.id)
    await this.#lookup(this.me.id)
    await this.#refreshBuckets()
  }

  async #refreshBuckets(): Promise<void> {
    for (let bits = 0; bits < this.#reach && this.isMember; bits++) await this.#tell(() => this.#lookup(this.#someoneIn(bits)))
  }

  /** Buckets up to the nearest contact's. */
  get #reach(): number {
    return (this.#table.buckets.at(-1)?.bits ?? 0) + 1
  }

  /** An id at random that shares just so many bits with this node's. */
  #someoneIn(bits: number): Id {
    const digits = Math.ceil((bits + 1) / 4)
    const rest = Array.from({ length: this.me.id.length - digits }, () => this.ports.random.below(16).toString(16))
    return flipped(this.me.id, bits).slice(0, digits) + rest.join('')
  }

  /** The k nearest to an id that live. @param named to begin with besides */
  #lookup(key: Id, named: readonly Peer[] = []): Promise<Peer[]> {
    const { clock } = this.ports
    const { k } = this.options
    const guide = {
      local: (avoid: ReadonlySet<Id>) => ({ peers: [...this.#table.nearest(key, k, avoid), ...named], final: false }),
      ask: async (peer: Peer, avoid: ReadonlySet<Id>) => ({ peers: await this.#find(peer, key, avoid), final: false }),
      evict: (id: Id) => this.evict(id),
      isSuspect: () => false,
      confirm: { me: this.me.id, nearest: (peers: readonly Peer[]) => place(key, peers, k) },
    }
    return new Lookup(guide, clock, { deadline: clock.now() + lookupTimeoutMs }).window()
  }

  /** Hears whom a peer knows near an id; who is worth knowing is asked for a sign of life. */
  async #learn(peer: Peer, key: Id): Promise<void> {
    const learnt = await this.#tell(() => this.#findOrEvict(peer, key))
    for (const named of learnt ?? []) if (this.#table.wants(named)) this.#probe(named)
  }

  /** At most k, and nobody whose id is not what it should be. */
  async #find(peer: Peer, key: Id, avoid: ReadonlySet<Id>): Promise<Peer[]> {
    const request = { id: key, count: this.options.k, avoid: [...avoid].slice(-1024), from: this.me }
    const { peers } = await this.ports.network.call(peer, 'findNode', request)
    return peers.slice(0, this.options.k).filter((named) => this.isSound(named))
  }

  /** The same outside of a lookup, which would do it itself. */
  async #findOrEvict(peer: Peer, key: Id): Promise<Peer[]> {
    try {
      return await this.#find(peer, key, new Set())
    } catch (error) {
      if (error instanceof Unreachable) this.evict(peer.id)
      throw error
    }
  }

  /** Whoever it is gets in by answering. */
  #probe(peer: Peer): void {
    if (this.#probing.has(peer.id) || this.#probing.size >= probesMost) return
    this.#probing.add(peer.id)
    this.later(async () => {
      const alive = await this.#answers(peer).finally(() => this.#probing.delete(peer.id))
      if (alive === undefined) this.evict(peer.id)
    })
  }

  #answers(peer: Peer): Promise<object | undefined> {
    return this.#tell(() => this.ports.network.call(peer, 'ping', { from: this.me }))
  }

  /** Undefined when the peer does not answer, or refuses, unless that matters: one peer's word is no reason to give up. */
  async #tell<T>(call: () => Promise<T>, matters = (_refusal: Refusal) => false): Promise<T | undefined> {
    try {
      return await call()
    } catch (error) {
      if (error instanceof Unreachable || (error instanceof Refusal && !matters(error))) return undefined
      throw error
    }
  }

  /** Someone says that it is there. @throws Refusal BAD_ID, ID_TAKEN */
  #hear(from: Peer): void {
    const { id, url } = from
    this.assertSound(from)
    if (id === this.me.id && url !== this.me.url)
      throw new Refusal('ID_TAKEN', `id ${shortId(id)} is taken by ${this.me.url}; start at another port`, { by: this.me })
    if (this.#table.wants(from)) this.#probe(from)
  }
}

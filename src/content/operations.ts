/**
 * What a node does for whoever asks it: find, store, look up, delete. It finds the window of the key and acts there; it need
 * not keep anything itself.
 */
import { assertMode, Lookup } from '../overlay/lookup.ts'
import type { Directory } from '../membership/directory.ts'
import type { Overlay } from '../overlay/overlay.ts'
import type { Clock, Hash } from '../ports.ts'
import type { Deleted, Found, Placed, Value, Written } from '../protocol/client-api.ts'
import { Refusal } from '../protocol/errors.ts'
import type { PeerApi, Route } from '../protocol/peer-api.ts'
import type { Network } from '../protocol/rpc.ts'
import { limits, type Mode, type Peer, type StoredRecord, type Version } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { Convoys } from './convoys.ts'
import { Holders } from './holders.ts'
import type { Holdings } from './holdings.ts'
import type { HybridClock } from './hybrid-clock.ts'
import { Lately } from './lately.ts'
import { Patience } from './patience.ts'
import { hedgeAfterMs, read, type Reader, type Reading } from './reads.ts'
import { type Address, isLive, keyOf, mergeRecords, nameIndex, valueIndex } from './record.ts'
import { write, type Writer } from './writes.ts'

/** Peers named by one routing answer beyond the window: enough that dead ones rarely cost a second question. */
const spares = 3
/** Before an operation is tried again that failed for what may be over in a moment. */
const retryMs = 150
/** Widths of ids in which many values can come to share a key. */
const narrowBits = 32

/** What fails now may work in a moment. */
const passing: ReadonlySet<string> = new Set(['NOT_ENOUGH_COPIES', 'INCONCLUSIVE', 'NO_ROUTE'])

/** A value as people give it: text, or base64 with its encoding. */
export interface Content {
  readonly value: string
  readonly encoding?: 'base64'
  readonly contentType?: string
  readonly name?: string
  readonly ttlSeconds?: number
}

export interface OperationsOptions {
  readonly replicas: number
  readonly mode: Mode
  /** How lookups travel by the overlay. */
  readonly modes: readonly Mode[]
  readonly bits: number
  readonly operationTimeoutMs: number
}

export class Operations {
  readonly #me: Peer
  readonly #overlay: Overlay
  readonly #directory: Directory
  readonly #holdings: Holdings
  readonly #network: Network<PeerApi>
  readonly #clock: Clock
  readonly #hash: Hash
  readonly #stamps: HybridClock
  readonly #options: OperationsOptions
  readonly #reader: Reader
  readonly #writer: Writer
  readonly #convoys: Convoys

  constructor(
    holdings: Holdings,
    overlay: Overlay,
    ports: { network: Network<PeerApi>; clock: Clock; hash: Hash },
    stamps: HybridClock,
    me: Peer,
    options: OperationsOptions,
    directory: Directory,
  ) {
    this.#me = me
    this.#overlay = overlay
    this.#directory = directory
    this.#holdings = holdings
    this.#network = ports.network
    this.#clock = ports.clock
    this.#hash = ports.hash
    this.#stamps = stamps
    this.#options = options
    const holders = new Holders(me, holdings, ports.network)
    const patience = new Patience(ports.clock, hedgeAfterMs)
    this.#reader = {
      replicas: options.replicas,
      now: () => ports.clock.now(),
      hedge: (ask) => patience.wait(ask),
      lately: new Lately(me.id),
      newer: (ours, theirs) => mergeRecords(ports.hash, ours, theirs),
      get: (peer, address, lookup) => holders.get(peer, address, lookup),
      give: async (peer, record, lookup) => {
        const copy = await holders.insert(peer, record, [], lookup)
        return typeof copy === 'object' ? copy.version : undefined
      },
    }
    this.#writer = {
      replicas: options.replicas,
      stamp: () => this.#stamp(),
      observe: (stamp) => stamps.observe(stamp),
      insert: (peer, record, others, lookup) => holders.insert(peer, record, others, lookup),
    }
    this.#convoys = new Convoys((peer, load) => holders.keep(peer, load))
  }

  /** Where content is, by whatever a person names: a value, a name. */
  addressOf({ value, name }: { value?: string | undefined; name?: string | undefined }): Address {
    if ((value === undefined) === (name === undefined))
      throw new Refusal('BAD_REQUEST', 'say what to look for: a key in the path, or ?value=…, or ?name=…')
    const index = name === undefined ? valueIndex(this.#hash, value ?? '') : nameIndex(this.#hash, name)
    return { key: keyOf(index, this.#options.bits), index }
  }

  /** @throws Refusal NO_ROUTE, NOT_JOINED */
  async find({ key }: Address, mode = this.#options.mode): Promise<Placed> {
    const lookup = this.#lookup(key, mode, (avoid) => this.#owner(key, avoid))
    const window = (await lookup.window()).slice(0, this.#options.replicas)
    return { key, owner: window[0] as Peer, window, mode, hops: lookup.hops, path: lookup.path }
  }

  /** @throws Refusal NOT_ENOUGH_COPIES, KEY_FULL, STORE_FULL, NO_ROUTE, NOT_JOINED */
  async store({ value, encoding, contentType = 'text/plain; charset=utf-8', name, ttlSeconds }: Content): Promise<Written> {
    const index = name === undefined ? valueIndex(this.#hash, value, encoding) : nameIndex(this.#hash, name)
    const key = keyOf(index, this.#options.bits)
    if (this.#options.bits <= narrowBits) await this.#assertRoom(key, index)
    const expiresAt = ttlSeconds === undefined ? undefined : Math.floor(this.#clock.now()) + ttlSeconds * 1000
    const until = name === undefined && expiresAt !== undefined ? await this.#latest({ key, index }, expiresAt) : expiresAt
    return this.#write({
      key,
      index,
      value,
      ...(encoding === undefined ? {} : { encoding }),
      contentType,
      ...(name === undefined ? {} : { name }),
      version: this.#stamp(),
      ...(until === undefined ? {} : { expiresAt: until }),
    })
  }

  /** @throws Refusal NOT_FOUND; INCONCLUSIVE when too few of those who were reachable could say; NO_ROUTE, NOT_JOINED */
  async lookup(address: Address, mode = this.#options.mode): Promise<Found> {
    const { key } = address
    const here = this.#ownWord(address)
    if (here) return { key, values: here.map(valueOf), answeredBy: this.#me, hops: 0, path: [] }
    return this.#patiently(async () => {
      const lookup = this.#lookup(key, mode)
      const { records, answeredBy } = await read(this.#reader, address, lookup)
      return { key, values: records.map(valueOf), answeredBy, hops: lookup.hops, path: lookup.path }
    })
  }

  /** @throws Refusal NOT_FOUND when there was nothing; else as store and lookup do */
  async remove(address: Address): Promise<Deleted> {
    const { records } = await this.#patiently(() => this.#read(address))
    const graves = await Promise.all(
      records.map(({ key, index, contentType, name, version }) => {
        this.#stamps.observe(version.hlc)
        const grave = { key, index, value: null, contentType, version: this.#stamp() }
        return this.#write(name === undefined ? grave : { ...grave, name })
      }),
    )
    return {
      key: address.key,
      deleted: records.map(({ index }) => index),
      stored: Math.min(...graves.map(({ stored }) => stored)),
      wanted: this.#options.replicas,
    }
  }

  /** Who owns a key, by one who says so of itself: it need not be confirmed by others. @throws Refusal NO_ROUTE, NOT_JOINED */
  async ownerOf(key: Id): Promise<Peer> {
    const known = this.#options.mode === 'onehop' && this.#directory.isKnown
    const guess = (avoid: ReadonlySet<Id>) => (known ? this.#owner(key, avoid) : this.#nearer(key, avoid))
    const [owner] = await this.#lookup(key, this.#options.mode, guess, { hasty: true }).window()
    return owner as Peer
  }

  /** Whom the overlay would ask. */
  #nearer(key: Id, avoid: ReadonlySet<Id>): Route {
    const { peers, final } = this.#overlay.route(key, this.#breadth, avoid, this.#options.mode)
    return { peers: final ? peers : peers.filter(({ id }) => id !== this.#me.id), final }
  }

  /** The window over the known members: those who hold the key if this node knows of everyone. */
  #window(key: Id, avoid: ReadonlySet<Id>): Route {
    const { peers } = this.#directory
    const known = avoid.size === 0 ? peers : peers.filter(({ id }) => !avoid.has(id))
    return { peers: this.#overlay.place(key, known, this.#breadth), final: true }
  }

  /** Whom to ask for the window, so that what is told is the overlay's word. */
  #owner(key: Id, avoid: ReadonlySet<Id>): Route {
    const { peers } = this.#window(key, avoid)
    if (peers[0]?.id === this.#me.id) return this.#overlay.route(key, this.#breadth, avoid, 'onehop')
    return { peers: peers.filter(({ id }) => id !== this.#me.id), final: false }
  }

  get #breadth(): number {
    return Math.max(this.#options.replicas + spares, this.#overlay.confirm)
  }

  /**
   * @param guess where it begins when it is to be one hop and the members are known
   * @param avoid who is not to be asked
   * @param hasty whether it begins there in any case if the overlay would have it confirmed
   */
  #lookup(
    key: Id,
    mode: Mode,
    guess = (avoid: ReadonlySet<Id>) => this.#window(key, avoid),
    { avoid = [], hasty = false }: { avoid?: readonly Id[]; hasty?: boolean } = {},
  ): Lookup {
    const overlay = this.#overlay
    const network = this.#network
    const directory = this.#directory
    const { confirm } = overlay
    const count = this.#breadth
    assertMode(mode, this.#options.modes)
    return new Lookup(
      {
        local: (avoided) => overlay.route(key, count, avoided, mode),
        guess: (mode === 'onehop' && directory.isKnown) || (hasty && confirm > 0) ? guess : undefined,
        isSuspect: (id) => directory.isSuspect(id),
        ask: (peer, avoided) => network.call(peer, 'route', { key, count, avoid: [...avoided].slice(-1024), mode }),
        evict: (id) => overlay.evict(id),
        confirm: confirm > 0 ? { me: this.#me.id, nearest: (peers) => overlay.place(key, peers, confirm) } : undefined,
      },
      this.#clock,
      { avoid, deadline: this.#clock.now() + this.#options.operationTimeoutMs },
    )
  }

  async #write(record: StoredRecord): Promise<Written> {
    const { key, index, version } = record
    const [owner, ...others] = this.#plainWindow(key)
    if (!owner) return this.#writeWithCare(record, [])
    const { arrived, silent } = await this.#convoys.send(record, [owner, ...others])
    if (!arrived) return this.#writeWithCare(record, silent)
    const copies = 1 + others.length
    return { key, index, version, owner, stored: copies, wanted: copies, hops: 0 }
  }

  /** @param silent those who are known not to answer */
  #writeWithCare(record: StoredRecord, silent: readonly Id[]): Promise<Written> {
    for (const id of silent) this.#overlay.evict(id)
    const lookup = () => this.#lookup(record.key, this.#options.mode, undefined, { avoid: silent })
    return this.#patiently(() => write(this.#writer, record, lookup()))
  }

  /** A window as large as it should be of members that are all well, as far as this node knows; else nobody. */
  #plainWindow(key: Id): Peer[] {
    const { replicas, mode } = this.#options
    if (mode !== 'onehop' || !this.#directory.isKnown) return []
    const window = this.#overlay.place(key, this.#directory.peers, replicas)
    return window.length < replicas || window.some(({ id }) => this.#directory.isSuspect(id)) ? [] : window
  }

  /**
   * Windows are short of nodes for a moment when some have died, or came a moment ago: what failed for that is tried again
   * as long as half of an operation's time, before whoever asked is told.
   */
  async #patiently<T>(attempt: () => Promise<T>): Promise<T> {
    const until = this.#clock.now() + this.#options.operationTimeoutMs / 2
    for (;;) {
      try {
        return await attempt()
      } catch (error) {
        if (!(error instanceof Refusal) || !passing.has(error.code) || this.#clock.now() + retryMs > until) throw error
      }
      await this.#clock.sleep(retryMs)
    }
  }

  #read(address: Address): Promise<Reading> {
    return read(this.#reader, address, this.#lookup(address.key, this.#options.mode))
  }

  /** What is stored by its content and is here, where this node may say so: nobody else need be asked. */
  #ownWord({ key, index }: Address): StoredRecord[] | undefined {
    if (!index?.startsWith('v:')) return undefined
    if (!this.#holdings.cells.vouchesFor(key)) return undefined
    const now = this.#clock.now()
    const records = this.#holdings.read({ key, index }).filter((record) => isLive(record, now))
    return records.length > 0 ? records : undefined
  }

  /** What is stored by its content may be somebody else's too: it lives as long as any of them wants it; undefined: for ever. */
  async #latest(address: Address, expiresAt: number): Promise<number | undefined> {
    try {
      const { records } = await this.#read(address)
      const times = records.map((record) => record.expiresAt ?? Infinity)
      const latest = Math.max(expiresAt, ...times)
      return latest === Infinity ? undefined : latest
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return expiresAt
    }
  }

  /** Where ids are narrow, values share keys; one with too many of them could not be looked up any more. */
  async #assertRoom(key: Id, index: string): Promise<void> {
    try {
      const { records } = await this.#read({ key })
      if (records.length >= limits.valuesPerKey && !records.some((record) => record.index === index))
        throw new Refusal('KEY_FULL', `${limits.valuesPerKey} values live under key ${key}; boot with more bits to store more`)
    } catch (error) {
      if (!(error instanceof Refusal) || error.code === 'KEY_FULL') throw error
    }
  }

  #stamp(): Version {
    return { hlc: this.#stamps.next(), origin: this.#me.id }
  }
}

const valueOf = ({ index, value, encoding, contentType, name, version, expiresAt }: StoredRecord): Value => ({
  index,
  value: value ?? '',
  ...(encoding === undefined ? {} : { encoding }),
  contentType,
  ...(name === undefined ? {} : { name }),
  version,
  ...(expiresAt === undefined ? {} : { expiresAt }),
})

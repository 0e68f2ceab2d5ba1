/**
 * What a node does for whoever asks it: find, store, look up, delete. It finds the window of the key and acts there; it need
 * not keep anything itself.
 */
import { Value as Schema } from 'typebox/value'
import { Lookup } from '../overlay/lookup.ts'
import type { Overlay } from '../overlay/overlay.ts'
import type { Clock, Hash } from '../ports.ts'
import type { Deleted, Found, Placed, Value, Written } from '../protocol/client-api.ts'
import { Refusal } from '../protocol/errors.ts'
import { type Held, NotHeld, type PeerApi } from '../protocol/peer-api.ts'
import type { Network } from '../protocol/rpc.ts'
import type { Mode, Peer, StoredRecord, Version } from '../protocol/schemas.ts'
import type { Holdings } from './holdings.ts'
import type { HybridClock } from './hybrid-clock.ts'
import { type Address, compareVersions, isLive, keyOf, mergeRecords, nameIndex, valueIndex } from './record.ts'

/** Peers named by one routing answer: enough that a dead one rarely costs a second question. */
const breadth = 4
/** How often a write that was superseded on its way is stamped anew. */
const stampings = 4
/** Nodes asked for the content of one key, at the most. */
const visits = 8

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
  readonly bits: number
  readonly operationTimeoutMs: number
}

/** A copy that was written: by whom, and the version that won there. */
interface Copy {
  readonly peer: Peer
  readonly version: Version
}

export class Operations {
  readonly #me: Peer
  readonly #overlay: Overlay
  readonly #holdings: Holdings
  readonly #network: Network<PeerApi>
  readonly #clock: Clock
  readonly #hash: Hash
  readonly #stamps: HybridClock
  readonly #options: OperationsOptions

  constructor(
    holdings: Holdings,
    overlay: Overlay,
    ports: { network: Network<PeerApi>; clock: Clock; hash: Hash },
    stamps: HybridClock,
    me: Peer,
    options: OperationsOptions,
  ) {
    this.#me = me
    this.#overlay = overlay
    this.#holdings = holdings
    this.#network = ports.network
    this.#clock = ports.clock
    this.#hash = ports.hash
    this.#stamps = stamps
    this.#options = options
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
    const lookup = this.#lookup(key, mode)
    const window = (await lookup.window()).slice(0, this.#options.replicas)
    return { key, owner: window[0] as Peer, window, mode, hops: lookup.hops, path: lookup.path }
  }

  /** @throws Refusal NOT_ENOUGH_COPIES, NO_ROUTE, NOT_JOINED */
  async store({ value, encoding, contentType = 'text/plain; charset=utf-8', name, ttlSeconds }: Content): Promise<Written> {
    const index = name === undefined ? valueIndex(this.#hash, value, encoding) : nameIndex(this.#hash, name)
    return this.#write({
      key: keyOf(index, this.#options.bits),
      index,
      value,
      ...(encoding === undefined ? {} : { encoding }),
      contentType,
      ...(name === undefined ? {} : { name }),
      version: this.#stamp(),
      ...(ttlSeconds === undefined ? {} : { expiresAt: Math.floor(this.#clock.now()) + ttlSeconds * 1000 }),
    })
  }

  /** @throws Refusal NOT_FOUND; INCONCLUSIVE when nobody who was reachable could say; NO_ROUTE, NOT_JOINED */
  async lookup(address: Address, mode = this.#options.mode): Promise<Found> {
    const { key } = address
    const lookup = this.#lookup(key, mode)
    const { records, answeredBy } = await this.#read(address, lookup)
    return { key, values: records.map(valueOf), answeredBy, hops: lookup.hops, path: lookup.path }
  }

  /** @throws Refusal NOT_FOUND when there was nothing; else as store and lookup do */
  async remove(address: Address): Promise<Deleted> {
    const { records } = await this.#read(address, this.#lookup(address.key, this.#options.mode))
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

  #lookup(key: string, mode: Mode): Lookup {
    const overlay = this.#overlay
    const network = this.#network
    return new Lookup(
      {
        local: (avoid) => overlay.route(key, breadth, avoid, mode),
        ask: async (peer, avoid) => {
          const route = await network.call(peer, 'route', { key, count: breadth, avoid: [...avoid].slice(-1024), mode })
          overlay.admit(peer)
          return route
        },
        evict: (id) => overlay.evict(id),
      },
      this.#clock,
      { deadline: this.#clock.now() + this.#options.operationTimeoutMs },
    )
  }

  /** Writes to the window; a write that was superseded on its way is stamped above the winner and written again. */
  async #write(record: StoredRecord): Promise<Written> {
    const { replicas, mode } = this.#options
    const lookup = this.#lookup(record.key, mode)
    let copies: Copy[] = []
    for (let stamping = 0; stamping < stampings; stamping++) {
      copies = await this.#copy(record, lookup)
      const newest = copies
        .map(({ version }) => version)
        .sort(compareVersions)
        .at(-1)
      if (!newest || compareVersions(newest, record.version) <= 0) break
      this.#stamps.observe(newest.hlc)
      record = { ...record, version: this.#stamp() }
    }
    const { key, index, version } = record
    const owner = copies[0]?.peer
    const count = { key, index, stored: copies.length, wanted: replicas }
    if (!owner) throw new Refusal('NOT_ENOUGH_COPIES', `0 of ${replicas} copies written; storing again is safe`, count)
    return { ...count, version, owner, hops: lookup.hops }
  }

  /** Copies of a record, one on each of the window, stand-ins for those who do not answer. */
  async #copy(record: StoredRecord, lookup: Lookup): Promise<Copy[]> {
    const copies = new Map<string, Copy>()
    for (;;) {
      const window = await lookup.window()
      const missing = this.#options.replicas - copies.size
      const targets = window.filter(({ id }) => !copies.has(id)).slice(0, missing)
      if (missing <= 0 || targets.length === 0) return [...copies.values()]
      await Promise.all(
        targets.map(async (peer) => {
          const copy = await this.#insert(peer, record, lookup)
          if (copy) copies.set(peer.id, copy)
        }),
      )
    }
  }

  /**
   * Merges into a peer; and, when that one says that others should hold the key, into the first of those that answers. What
   * the peer itself took in stands in for them otherwise.
   */
  async #insert(peer: Peer, record: StoredRecord, lookup: Lookup, from: readonly Peer[] = []): Promise<Copy | undefined> {
    const request = { key: record.key, record }
    const answer = await this.#visit(peer, lookup, {
      here: async () => ({ version: await this.#holdings.merge(record), ...this.#holdings.standing(record.key) }),
      there: () => this.#network.call(peer, 'insert', request),
    })
    if (!answer) return undefined
    const path = [...from, peer]
    const others = answer.held || path.length > 2 ? [] : answer.ask.filter(({ id }) => !path.some((p) => p.id === id))
    for (const other of others) {
      const copy = await this.#insert(other, record, lookup, path)
      if (copy) return copy
    }
    return { peer, version: answer.version }
  }

  /**
   * Asks the window, and whoever those name. It ends once someone who holds the key has answered, and someone who has had all
   * that was written there; a value by its content needs neither, since it never changes.
   */
  async #read(address: Address, lookup: Lookup): Promise<{ records: StoredRecord[]; answeredBy: Peer }> {
    const { key, index } = address
    const newest = new Map<string, StoredRecord>()
    const living = () => [...newest.values()].filter((record) => isLive(record, this.#clock.now()))
    const met = new Set<string>()
    const queue: Peer[] = []
    let held = false
    let complete = false
    while (met.size < visits) {
      const peer = queue.shift() ?? (await lookup.window()).find(({ id }) => !met.has(id))
      if (!peer) break
      if (met.has(peer.id)) continue
      met.add(peer.id)
      const answer = await this.#get(peer, address, lookup)
      if (!answer) continue
      for (const record of answer.records) newest.set(record.index, mergeRecords(this.#hash, newest.get(record.index), record))
      held ||= answer.held
      complete ||= answer.complete
      const records = living()
      const final = held && complete
      if (records.length > 0 && (final || index?.startsWith('v:'))) return { records, answeredBy: peer }
      if (final) throw new Refusal('NOT_FOUND', 'nothing is stored there', { key, hops: lookup.hops, path: lookup.path })
      queue.push(...answer.ask)
    }
    throw new Refusal('INCONCLUSIVE', 'nobody reachable can say whether this is stored; try again in a second', {
      key,
      path: lookup.path,
    })
  }

  /** A peer's records and standing; undefined when it does not answer. */
  async #get(peer: Peer, address: Address, lookup: Lookup): Promise<Omit<Held, 'key'> | undefined> {
    try {
      return await this.#visit(peer, lookup, {
        here: () => this.#holdings.get(address),
        there: () => this.#network.call(peer, 'get', address),
      })
    } catch (error) {
      if (!(error instanceof Refusal && error.code === 'NOT_HELD')) throw error
      if (Schema.Check(NotHeld, error.details)) return error.details
      throw new Refusal('INTERNAL', `${peer.url} answered NOT_HELD without its standing`)
    }
  }

  /** One call for content, noted in the path; undefined when the peer does not answer. */
  async #visit<T>(
    peer: Peer,
    lookup: Lookup,
    ask: { here: () => T | Promise<T>; there: () => Promise<T> },
  ): Promise<T | undefined> {
    if (peer.id === this.#me.id) return ask.here()
    return lookup.visit(peer, ask.there)
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

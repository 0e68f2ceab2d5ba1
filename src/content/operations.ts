/**
 * What a node does for whoever asks it: store, look up, delete. It finds the window of the key and acts there; it need
 * not keep anything itself.
 */
import type { Overlay } from '../overlay/overlay.ts'
import type { Clock, Hash } from '../ports.ts'
import type { Deleted, Found, Value, Written } from '../protocol/client-api.ts'
import { Refusal } from '../protocol/errors.ts'
import type { PeerApi, Told } from '../protocol/peer-api.ts'
import type { Network } from '../protocol/rpc.ts'
import { limits, type Mode, type Peer, type StoredRecord, type Version } from '../protocol/schemas.ts'
import { utf8Bytes } from '../protocol/utf8.ts'
import type { Id } from '../space/id.ts'
import { Convoys } from './convoys.ts'
import type { Finder } from './finder.ts'
import { Holders } from './holders.ts'
import type { Holdings } from './holdings.ts'
import type { HybridClock } from './hybrid-clock.ts'
import { Lately } from './lately.ts'
import { Patience } from './patience.ts'
import { Places } from './places.ts'
import { copiesLeast } from './quorum.ts'
import { hedgeAfterMs, read, type Reader, readOutlines } from './reads.ts'
import { type Address, isByContent, isLive, isNarrow, keyOf, mergeRecords, nameIndex, valueIndex } from './record.ts'
import { Retries } from './retries.ts'
import { write, type Writer } from './writes.ts'

/** A value as people give it: text, or base64 with its encoding. */
interface Given {
  readonly value: string
  readonly encoding?: 'base64'
  readonly contentType?: string
  readonly name?: string
  readonly ttlSeconds?: number
}

export interface OperationsOptions {
  readonly replicas: number
  readonly bits: number
  /** Of this life of the node: a number that no other life of it has. */
  readonly incarnation: number
  readonly operationTimeoutMs: number
}

export class Operations {
  readonly #me: Peer
  readonly #overlay: Overlay
  readonly #finder: Finder
  readonly #holdings: Holdings
  readonly #hash: Hash
  readonly #stamps: HybridClock
  /** What its stamps say of their giver. */
  readonly #origin: string
  readonly #options: OperationsOptions
  readonly #reader: Reader
  readonly #writer: Writer
  readonly #holders: Holders
  readonly #convoys: Convoys
  readonly #places: Places
  readonly #retries: Retries
  readonly #missed: (key: Id, peers: ReadonlySet<Id>) => void

  /**
   * @param missed told of a key under which something was written, and of peers that did not take it, if they were to: where there are no
   * more nodes than copies, nobody took it in their place, to pass it on
   */
  constructor(
    holdings: Holdings,
    overlay: Overlay,
    ports: { network: Network<PeerApi>; clock: Clock; hash: Hash },
    stamps: HybridClock,
    me: Peer,
    options: OperationsOptions,
    finder: Finder,
    missed: (key: Id, peers: ReadonlySet<Id>) => void,
  ) {
    this.#missed = missed
    this.#me = me
    this.#overlay = overlay
    this.#finder = finder
    this.#holdings = holdings
    this.#hash = ports.hash
    this.#stamps = stamps
    this.#options = options
    this.#origin = `${me.id}-${options.incarnation.toString(16)}`
    const holders = new Holders(me, holdings, ports, options.replicas)
    this.#holders = holders
    const withinMs = options.operationTimeoutMs / 2
    this.#places = new Places(finder, holders, ports.clock, withinMs)
    this.#retries = new Retries(overlay, finder, ports.clock, withinMs)
    const patience = new Patience(ports.clock, hedgeAfterMs)
    this.#reader = {
      replicas: options.replicas,
      now: () => holdings.now,
      hedge: (ask) => patience.wait(ask),
      isReuniting: () => finder.reunionLeftMs > 0,
      isDead: (id) => finder.isDead(id),
      get leastWords() {
        return finder.isAccompanied ? Math.min(options.replicas, copiesLeast) : 1
      },
      lately: new Lately(me.id),
      newer: (ours, theirs) => mergeRecords(ports.hash, ours, theirs),
      get: (...asked) => holders.get(...asked),
      fetch: (peer, records, lookup) => holders.fetch(peer, records, lookup),
      give: async (peer, record, lookup) => {
        const copy = await holders.insert(peer, record, [], lookup)
        return typeof copy === 'object' ? copy.version : undefined
      },
    }
    this.#writer = {
      replicas: options.replicas,
      // Who has not had everything was not alone, or does not know yet that it is.
      isAccompanied: () => finder.isAccompanied || !holdings.cells.areWhole,
      anew: (wanted, after) => this.#shared({ ...wanted, version: this.#stamp(after) }),
      insert: (peer, record, others, lookup) => holders.insert(peer, record, others, lookup),
    }
    this.#convoys = new Convoys((peer, load) => holders.keep(peer, load), ports.clock)
  }

  /** Where content is, by whatever a person names: a value, a name. @throws Refusal BAD_REQUEST for both, neither, or a name too long */
  addressOf({ value, name }: { value?: string | undefined; name?: string | undefined }): Address {
    if (value !== undefined && name !== undefined)
      throw new Refusal('BAD_REQUEST', 'value and name are both there; one of them says what to look for')
    if (value === undefined && name === undefined)
      throw new Refusal('BAD_REQUEST', 'say what to look for: a key in the path, or ?value=…, or ?name=…')
    return this.#addressOf({ value: value ?? '', name })
  }

  /**
   * @throws Refusal BAD_REQUEST, NOT_ENOUGH_COPIES, KEY_FULL, STORE_FULL, STAMP_AHEAD, OVERLOADED, NO_ROUTE, NOT_JOINED; INCONCLUSIVE
   * when nobody can say for how long others want a value that is to expire
   */
  async store(content: Given): Promise<Written> {
    const address = this.#addressOf(content)
    if (!isNarrow(address.key)) return this.#store(address, content)
    return this.#places.within(address, () => this.#store(address, content))
  }

  async #store({ key, index }: Required<Address>, content: Given): Promise<Written> {
    const { value, encoding, contentType = 'text/plain; charset=utf-8', name, ttlSeconds } = content
    // Stamped first: what somebody stores while this node asks for how long others want it comes after this.
    const wanted = {
      key,
      index,
      value,
      ...(encoding === undefined ? {} : { encoding }),
      contentType,
      ...(name === undefined ? {} : { name }),
      version: this.#stamp(),
      ...(ttlSeconds === undefined ? {} : { expiresAt: Math.floor(this.#holdings.now) + ttlSeconds * 1000 }),
    }
    return this.#write(await this.#shared(wanted), wanted)
  }

  /** @throws Refusal NOT_FOUND; INCONCLUSIVE when too few of those who were reachable could say; BAD_REQUEST for a mode; TOO_LARGE, OVERLOADED, NO_ROUTE, NOT_JOINED */
  async lookup(address: Address, mode?: Mode): Promise<Found> {
    const { key } = address
    if (mode) this.#finder.assertMode(mode)
    const here = this.#ownWord(address)
    if (here) return { key, values: here.map(valueOf), answeredBy: this.#me, hops: 0, path: [] }
    return this.#retries.of(async () => {
      const lookup = this.#finder.to(key, mode)
      const { records, answeredBy } = await read(this.#reader, address, lookup)
      return { key, values: records.map(valueOf), answeredBy, hops: lookup.hops, path: lookup.path }
    })
  }

  /** @throws Refusal NOT_FOUND when there was nothing; else as store and lookup do */
  async remove(address: Address): Promise<Deleted> {
    const { records } = await this.#retries.of(() => readOutlines(this.#reader, address, this.#finder.to(address.key)))
    const graves = await Promise.all(
      records.map(({ key, index, contentType, name, version }) => {
        const grave = { key, index, value: null, contentType, version: this.#stamp(version.hlc) }
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

  /** @param wanted as for `write` */
  async #write(record: StoredRecord, wanted = record): Promise<Written> {
    this.#holders.assertRoomFor(record)
    const { key, index, version } = record
    const [owner, ...others] = this.#finder.plainWindow(key)
    if (!owner) return this.#writeWithCare(record, wanted, [])
    const { arrived, silent } = await this.#convoys.send(record, [owner, ...others])
    if (!arrived) return this.#writeWithCare(record, wanted, silent)
    const copies = 1 + others.length
    return { key, index, version, owner, stored: copies, wanted: copies, hops: 0 }
  }

  /** @param silent those who have just not answered: they are not asked at first */
  async #writeWithCare(record: StoredRecord, wanted: StoredRecord, silent: readonly Id[]): Promise<Written> {
    for (const id of silent) this.#overlay.evict(id)
    let avoid = silent
    const missing = new Set<Id>()
    try {
      return await this.#retries.of(async () => {
        const lookup = this.#finder.to(record.key, undefined, avoid)
        avoid = []
        try {
          return await write(this.#writer, record, lookup, wanted)
        } finally {
          for (const id of lookup.avoid) missing.add(id)
        }
      })
    } finally {
      if (missing.size > 0) this.#missed(record.key, missing)
    }
  }

  /** What is stored by its content and is here, where this node may say so: nobody else need be asked. */
  #ownWord(address: Address): StoredRecord[] | undefined {
    const { key } = address
    if (!isByContent(address) || !this.#holdings.testimony.vouchesFor(key)) return undefined
    const { now } = this.#holdings
    const records = this.#holdings.read(address).filter((record) => isLive(record, now))
    return records.length > 0 ? records : undefined
  }

  /**
   * What is stored by its content may be somebody else's too, and lives as long as any of them wants it. Where that is longer, what is there
   * is written again as it is, with its content type: whoever deletes it meanwhile deletes that.
   */
  async #shared(wanted: StoredRecord): Promise<StoredRecord> {
    const { expiresAt = Infinity, ...rest } = wanted
    const there = isByContent(wanted) && expiresAt < Infinity ? await this.#living(wanted) : undefined
    if (!there || (there.expiresAt ?? Infinity) <= expiresAt) return wanted
    const { version, contentType } = there
    return { ...rest, version, contentType, ...(there.expiresAt === undefined ? {} : { expiresAt: there.expiresAt }) }
  }

  /** What lives there, as most say who hold it; undefined: nothing. */
  async #living({ key, index }: Required<Address>): Promise<Told | undefined> {
    try {
      const { records } = await this.#retries.of(() => readOutlines(this.#reader, { key, index }, this.#finder.to(key), false))
      return records[0]
    } catch (error) {
      if (!(error instanceof Refusal && error.code === 'NOT_FOUND')) throw error
      return undefined
    }
  }

  /** @throws Refusal BAD_REQUEST for a name that is too long */
  #addressOf({ value, encoding, name }: { value: string; encoding?: 'base64'; name?: string | undefined }): Required<Address> {
    if (name !== undefined && utf8Bytes(name) > limits.nameBytes)
      throw new Refusal('BAD_REQUEST', `name may have ${limits.nameBytes} bytes at most`)
    const index = name === undefined ? valueIndex(this.#hash, value, encoding) : nameIndex(this.#hash, name)
    return { key: keyOf(index, this.#options.bits), index }
  }

  #stamp(after?: string): Version {
    return { hlc: this.#stamps.next(after), origin: this.#origin }
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

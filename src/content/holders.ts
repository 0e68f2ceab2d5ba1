/** Those who hold a key, this node perhaps among them: what each is asked, and what its answer means. */
import { Value as Schema } from 'typebox/value'
import type { Lookup } from '../overlay/lookup.ts'
import type { Hash } from '../ports.ts'
import { type ErrorCode, Refusal, Unreachable } from '../protocol/errors.ts'
import { type Held, NotHeld, type PeerApi, type Standing, type Told } from '../protocol/peer-api.ts'
import type { Network } from '../protocol/rpc.ts'
import { isPeer, limits, type Peer, type StoredRecord } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { remember } from '../space/memory.ts'
import { idBefore } from '../space/ring.ts'
import type { Load } from './convoys.ts'
import { type Holdings, tooMuchAt } from './holdings.ts'
import type { Answer } from './tally.ts'
import { type Address, areLarge, assertSound, cursorOf, sizeOf } from './record.ts'
import { Turns } from './turns.ts'
import type { Copy, Obstacle } from './writes.ts'

/** What a peer may have against a record. */
const objections: ReadonlySet<ErrorCode> = new Set(['STORE_FULL', 'STAMP_AHEAD'])
/** Calls with large values that are under way at once in each direction: more would wait for each other, and for longer than a call may. */
const largeMost = 4
/** Where so many wait, those that came now would wait for longer than whoever asks. */
const waitingMost = 512
/** Peers whose silences are counted. */
const rememberedMost = 1024
/** The fingerprint of nothing. */
const noPrint = '0'.repeat(16)

export class Holders {
  readonly #me: Peer
  readonly #holdings: Holdings
  readonly #network: Network<PeerApi>
  readonly #hash: Hash
  readonly #replicas: number
  readonly #fetches = new Turns(largeMost)
  readonly #loads = new Turns(largeMost)
  /** How often each peer has not answered a call with large values. */
  readonly #silences = new Map<Id, number>()

  constructor(me: Peer, holdings: Holdings, { network, hash }: { network: Network<PeerApi>; hash: Hash }, replicas: number) {
    this.#me = me
    this.#holdings = holdings
    this.#network = network
    this.#hash = hash
    this.#replicas = replicas
  }

  /** @throws Refusal OVERLOADED when too many wait to be stored for one more to come to its turn in time */
  assertRoomFor(record: StoredRecord): void {
    if (areLarge([record])) assertRoom(this.#loads)
  }

  /** See Convoys. @throws Unreachable, Refusal */
  async keep(peer: Peer, load: Load): Promise<readonly boolean[]> {
    if (peer.id === this.#me.id) return this.#holdings.intake.keep(load.records, load.with)
    const call = () => this.#network.call(peer, 'keep', load)
    return (await (areLarge(load.records) ? this.#inTurn(this.#loads, peer, call) : call())).kept
  }

  /** See Writer.insert. */
  async insert(peer: Peer, record: StoredRecord, others: Id[], lookup: Lookup): Promise<Copy | Obstacle | undefined> {
    const { key } = record
    try {
      const call = () => this.#network.call(peer, 'insert', { key, record, with: others })
      const answer = await this.#visit(peer, lookup, {
        here: () => this.#holdings.intake.insert(record, others),
        there: () => (areLarge([record]) && !lookup.isSuspect(peer.id) ? this.#inTurn(this.#loads, peer, call) : call()),
        matters: ({ code }) => objections.has(code),
      })
      return answer && { peer, ...this.#likely(answer) }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (error.code === 'STORE_FULL') return 'full'
      if (error.code === 'STAMP_AHEAD') return 'ahead'
      // This very node, which is leaving: others take the record.
      if (error.code === 'NOT_JOINED') return undefined
      throw error
    }
  }

  /** See Reader.get. */
  async get(peer: Peer, address: Address, lookup: Lookup, wantsValues: boolean): Promise<Answer | undefined> {
    const held = await this.#visit<Omit<Held, 'key'>>(peer, lookup, {
      here: () => heldAt(peer, () => this.#holdings.get(address, !wantsValues)),
      there: async () => {
        const said = await heldAt(peer, () => this.#network.call(peer, 'get', { ...address, brief: true }))
        for (const record of said.records) this.#assertSound(record, address)
        return said
      },
    })
    return held && { peer, ...this.#likely(held) }
  }

  /** See Reader.fetch. */
  async fetch(peer: Peer, told: readonly Told[], lookup: Lookup): Promise<readonly StoredRecord[]> {
    assertRoom(this.#fetches)
    const fetched: StoredRecord[] = []
    let bytes = 0
    for (let cursors = told.map(cursorOf); cursors.length > 0; ) {
      const call = () => this.#given(peer, cursors.slice(0, limits.page))
      const ask = () => (lookup.isSuspect(peer.id) ? call() : this.#inTurn(this.#fetches, peer, call))
      const said = await lookup.visit(peer, ask)
      if (!said || said.length === 0) break
      fetched.push(...said)
      for (const record of said) bytes += sizeOf(record)
      if (bytes > limits.bodyBytes) throw tooMuchAt((said[0] as StoredRecord).key)
      const got = new Set(said.map(cursorOf))
      cursors = cursors.filter((cursor) => !got.has(cursor))
    }
    return fetched
  }

  /** How many records a peer has under a key, tombstones among them; undefined when it does not say. */
  async count(peer: Peer, key: Id, lookup: Lookup): Promise<number | undefined> {
    const arc = { from: idBefore(key), to: key }
    if (peer.id === this.#me.id) return this.#holdings.records.summary(arc).count
    const request = { arcs: [{ ...arc, count: 0, print: noPrint }], by: this.#me.id }
    try {
      const said = await lookup.visit(peer, () => this.#network.call(peer, 'digest', request))
      return said?.digests[0]?.parts[0]?.count
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return undefined
    }
  }

  /** Of some records those that a peer gives; none where it refuses, or gives what is none of them: others may give them. @throws Unreachable */
  async #given(peer: Peer, cursors: string[]): Promise<readonly StoredRecord[]> {
    try {
      const { records } = await this.#network.call(peer, 'fetch', { cursors })
      for (const record of records) this.#assertSound(record)
      const given = new Map(records.map((record) => [cursorOf(record), record]))
      return cursors.flatMap((cursor) => given.get(cursor) ?? [])
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return []
    }
  }

  /** What a peer gives must be what was asked for: its disk may have failed, or it lies. @throws Refusal BAD_RECORD, TOO_LARGE */
  #assertSound(record: Told, { key, index = record.index }: Address = record): void {
    if (record.key !== key || record.index !== index)
      throw new Refusal('BAD_RECORD', `${record.index} under ${record.key} is not what was asked for`)
    assertSound(this.#hash, record, this.#me.id.length * 4)
  }

  /** No window is larger: one that says so would make all who hold the key too few. */
  #likely<T extends Standing>(standing: T): T {
    return { ...standing, window: Math.min(standing.window, this.#replicas) }
  }

  /** See Lookup.visit; this node is asked as if it were a peer. */
  async #visit<T>(
    peer: Peer,
    lookup: Lookup,
    ask: { here: () => T | Promise<T>; there: () => Promise<T>; matters?: (refusal: Refusal) => boolean },
  ): Promise<T | undefined> {
    return peer.id === this.#me.id ? ask.here() : lookup.visit(peer, ask.there, ask.matters)
  }

  /** One call, when it is its turn; whoever has left another one without an answer meanwhile is not called. @throws Unreachable, Refusal */
  #inTurn<T>(turns: Turns, peer: Peer, call: () => Promise<T>): Promise<T> {
    const { id, url } = peer
    const silences = this.#silences.get(id)
    return turns.take(async () => {
      if (this.#silences.get(id) !== silences) throw new Unreachable(url, 'it has just left others without an answer')
      try {
        return await call()
      } catch (error) {
        if (error instanceof Unreachable) this.#noteSilence(id)
        throw error
      }
    })
  }

  #noteSilence(id: Id): void {
    remember(this.#silences, id, (this.#silences.get(id) ?? 0) + 1, rememberedMost)
  }
}

const assertRoom = ({ waiting }: Turns): void => {
  if (waiting < waitingMost) return
  throw new Refusal('OVERLOADED', 'too many large values are under way through this node; try again in a second')
}

/** A peer's records and standing, also where nothing that lives is held. @throws Unreachable, Refusal */
const heldAt = async (peer: Peer, get: () => Held | Promise<Held>): Promise<Omit<Held, 'key'>> => {
  try {
    return await get()
  } catch (error) {
    if (!(error instanceof Refusal && error.code === 'NOT_HELD')) throw error
    const { details } = error
    if (Schema.Check(NotHeld, details) && details.ask.every((named) => isPeer(named, peer.id.length * 4))) return details
    throw new Unreachable(peer.url, 'NOT_HELD without its standing')
  }
}

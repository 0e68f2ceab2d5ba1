/** The content of a node: what it holds, what it does for whoever asks, and what moves. Answers the rows about content. */
import type { Overlay } from '../overlay/overlay.ts'
import type { Ports } from '../ports.ts'
import type { ClientApi, Page } from '../protocol/client-api.ts'
import { Refusal } from '../protocol/errors.ts'
import type { PeerApi } from '../protocol/peer-api.ts'
import type { Handlers } from '../protocol/rpc.ts'
import type { Peer, StoredRecord } from '../protocol/schemas.ts'
import { batches } from './batch.ts'
import { Holdings } from './holdings.ts'
import { HybridClock } from './hybrid-clock.ts'
import { Operations, type OperationsOptions } from './operations.ts'
import { bytesOf, cursorOf, isLive } from './record.ts'
import { Rehoming } from './rehome.ts'

type ContentRow =
  | 'find'
  | 'findBy'
  | 'store'
  | 'storeNamed'
  | 'lookup'
  | 'lookupBy'
  | 'remove'
  | 'removeBy'
  | 'db'
  | 'insert'
  | 'merge'
  | 'get'
  | 'getBy'
  | 'range'
  | 'forget'

export interface ContentOptions extends OperationsOptions {
  /** How long a copy is kept after its new holder has acknowledged it. */
  readonly graceMs: number
}

/** Characters of a value that /db shows. */
const previewLength = 40
const pageLength = 100

export class Content {
  readonly holdings: Holdings
  readonly rehoming: Rehoming
  readonly handlers: Handlers<Pick<ClientApi & PeerApi, ContentRow>>

  constructor(me: Peer, overlay: Overlay, ports: Ports<PeerApi>, options: ContentOptions) {
    const stamps = new HybridClock(ports.clock)
    const holdings = new Holdings(me, overlay, ports.store, ports.clock, ports.hash, stamps)
    const operations = new Operations(holdings, overlay, ports, stamps, me, options)
    this.holdings = holdings
    this.rehoming = new Rehoming(me, holdings, overlay, operations, ports, options.graceMs)
    this.handlers = {
      find: ({ key, mode }) => operations.find({ key }, mode),
      findBy: ({ mode, ...content }) => operations.find(operations.addressOf(content), mode),
      store: (content) => operations.store(content),
      storeNamed: (content) => operations.store(content),
      lookup: ({ key, mode }) => operations.lookup({ key }, mode),
      lookupBy: ({ mode, value, name }) => operations.lookup(operations.addressOf({ value, name }), mode),
      remove: ({ key }) => operations.remove({ key }),
      removeBy: (content) => operations.remove(operations.addressOf(content)),
      db: ({ after, limit = pageLength }) => this.#page(after, limit, ports.clock.now()),
      insert: async ({ key, record }) => {
        if (record.key !== key) throw new Refusal('BAD_RECORD', `the record's key is ${record.key}, not ${key}`)
        return { version: await holdings.merge(record), ...holdings.standing(key) }
      },
      merge: async ({ records, keep }) => {
        if (keep === 'all') holdings.assertHeir()
        const held = records.map(({ key }) => holdings.believes(key))
        for (const [at, record] of records.entries()) if (held[at] || keep === 'all') await holdings.merge(record)
        return { held }
      },
      get: (address) => holdings.get(address),
      getBy: (content) => holdings.get(operations.addressOf(content)),
      range: ({ from, to, after, limit }) => {
        const found = holdings.scanArc({ from, to }, after, limit)
        const [records = []] = batches(found)
        const page = { records, complete: holdings.hasAllOf({ from, to }), held: holdings.believes(to) }
        const last = records.length === found.length && found.length < limit
        return last ? page : { ...page, next: cursorOf(records.at(-1) as StoredRecord) }
      },
      forget: ({ key }) => this.#forget(key, ports),
    }
  }

  #page(after: string | undefined, limit: number, now: number): Page {
    const records = this.holdings.scan(after, limit)
    const entries = records
      .filter((record) => isLive(record, now))
      .map(({ key, index, name, value, encoding, contentType }) => ({
        key,
        index,
        ...(name === undefined ? {} : { name }),
        role: this.holdings.role(key),
        size: bytesOf(value ?? '', encoding),
        preview: encoding ? `(${contentType})` : (value ?? '').slice(0, previewLength).toWellFormed(),
        contentType,
      }))
    return records.length < limit ? { entries } : { entries, next: cursorOf(records.at(-1) as StoredRecord) }
  }

  async #forget(key: string, { store }: Ports<PeerApi>): Promise<{ dropped: number }> {
    if (this.holdings.believes(key))
      throw new Refusal('STILL_OWNED', `this node owns the key; to delete it everywhere: DELETE /delete/${key}`)
    const records = store.read(key)
    if (records.some((record) => this.holdings.takenAt(record) === undefined))
      throw new Refusal('STILL_OWNED', 'this node has not passed the records on yet; it drops them by itself once it has')
    for (const record of records) await this.holdings.drop(record)
    return { dropped: records.length }
  }
}

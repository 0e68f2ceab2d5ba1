/** The content of a node: what it holds, what it does for whoever asks, and what moves. Answers the rows about content. */
import type { Directory } from '../membership/directory.ts'
import type { Overlay } from '../overlay/overlay.ts'
import type { Clock, Ports } from '../ports.ts'
import type { ClientApi, Counts, Page } from '../protocol/client-api.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Digest, PeerApi } from '../protocol/peer-api.ts'
import type { Handlers, Reply, Request } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import { Arcs } from '../space/arcs.ts'
import type { Id } from '../space/id.ts'
import { Holdings, type HoldingsOptions } from './holdings.ts'
import { HybridClock } from './hybrid-clock.ts'
import { Finder, type FinderOptions } from './finder.ts'
import { Operations, type OperationsOptions } from './operations.ts'
import { batchBytes, bytesOf, isLive } from './record.ts'
import { Rehoming } from './rehome.ts'
import { paceMs } from './transfer.ts'

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
  | 'keep'
  | 'merge'
  | 'get'
  | 'getBy'
  | 'cell'
  | 'digest'
  | 'versions'
  | 'records'
  | 'fetch'
  | 'forget'

export interface ContentOptions extends HoldingsOptions, OperationsOptions, FinderOptions {
  /** How long a copy is kept after its new holders have acknowledged it. */
  readonly graceMs: number
}

/** Characters of a value that /db shows. */
const previewLength = 40
const pageLength = 100
/** Of values that are looked at for one page on which they are not shown. */
const lookedAtBytes = 4 * batchBytes
/** Arcs that are looked at before others have their turn. */
const digestsAtOnce = 8

export class Content {
  readonly holdings: Holdings
  readonly rehoming: Rehoming
  readonly handlers: Handlers<Pick<ClientApi & PeerApi, ContentRow>>
  readonly #clock: Clock

  /** @param strayed called when something has come that belongs elsewhere */
  constructor(
    me: Peer,
    overlay: Overlay,
    ports: Ports<PeerApi>,
    options: ContentOptions,
    strayed: () => void,
    directory: Directory,
  ) {
    // Stamps and what follows from them go by the time of the network.
    const time = { now: () => ports.clock.wall() - directory.aheadMs }
    const stamps = new HybridClock(time)
    const holdings = new Holdings(me, overlay, { ...ports, time }, stamps, options, (key) => {
      this.rehoming.entrusted.touch(key)
      if (!holdings.cells.believes(key)) strayed()
    })
    const finder = new Finder(me, overlay, directory, ports, options)
    const operations = new Operations(holdings, overlay, ports, stamps, me, options, finder, (key, peers) => {
      if (this.rehoming.recompare(key, peers)) strayed()
    })
    const ownerOf = (key: Id) => finder.ownerOf(key)
    this.#clock = ports.clock
    this.holdings = holdings
    this.rehoming = new Rehoming(holdings, { me, overlay, ports, ownerOf, options })
    this.handlers = {
      find: ({ key, mode }) => finder.find(key, mode),
      findBy: ({ mode, ...content }) => finder.find(operations.addressOf(content).key, mode),
      store: (content) => operations.store(content),
      storeNamed: (content) => operations.store(content),
      lookup: ({ key, mode }) => operations.lookup({ key }, mode),
      lookupBy: ({ mode, value, name }) => operations.lookup(operations.addressOf({ value, name }), mode),
      remove: ({ key }) => operations.remove({ key }),
      removeBy: (content) => operations.remove(operations.addressOf(content)),
      db: ({ after, limit = pageLength }) => this.#page(after, limit),
      insert: ({ key, record, with: others }) => {
        if (record.key !== key) throw new Refusal('BAD_RECORD', `the record's key is ${record.key}, not ${key}`)
        return holdings.intake.insert(record, others)
      },
      keep: async ({ records, with: all }) => ({ kept: await holdings.intake.keep(records, all) }),
      merge: (given) => this.#merge(given),
      get: (asked) => holdings.get(asked, asked.brief),
      getBy: (content) => holdings.get(operations.addressOf(content)),
      cell: ({ key }) => {
        const cell = holdings.cells.believes(key) ? holdings.cells.of(key) : undefined
        if (!cell) throw new Refusal('NOT_HELD', `this node does not hold ${key}; GET /find/${key} tells who does`)
        return { from: cell.from, to: cell.to, window: [...cell.window] }
      },
      digest: (asked) => this.#digest(asked),
      versions: ({ from, to, after, limit }) => {
        const { records, ...rest } = holdings.records.page(after, limit, { from, to }, lookedAtBytes)
        return { entries: records.map(({ index, version }) => ({ index, version })), ...rest }
      },
      records: ({ from, to, after, limit }) => holdings.records.page(after, limit, { from, to }),
      fetch: ({ cursors }) => ({ records: holdings.records.pick(cursors).records }),
      forget: ({ key }) => this.#forget(key),
    }
  }

  #page(after: string | undefined, limit: number): Page {
    const { now } = this.holdings
    const { records, ...rest } = this.holdings.records.page(after, limit, undefined, lookedAtBytes)
    const entries = records
      .filter((record) => isLive(record, now))
      .map(({ key, index, name, value, encoding, contentType, version }) => ({
        key,
        index,
        ...(name === undefined ? {} : { name }),
        role: this.holdings.role(key),
        size: bytesOf(value ?? '', encoding),
        preview: encoding ? `(${contentType})` : (value ?? '').slice(0, previewLength).toWellFormed(),
        contentType,
        version,
      }))
    return { entries, ...rest }
  }

  /** Takes in what others give of what they have, and what they say of it. */
  async #merge({ records, keep, inherited }: Request<PeerApi['merge']>): Promise<Reply<PeerApi['merge']>> {
    const { cells, intake } = this.holdings
    if (keep === 'all') cells.assertHeir()
    if (inherited) {
      cells.inherit(inherited)
      // What was about to be dropped here is counted on.
      this.rehoming.entrusted.takeBack(Arcs.of(inherited.complete))
    }
    const held = records.map(({ key }) => cells.believes(key))
    const taken = records.filter((_, at) => held[at] || keep === 'all')
    await intake.takeAll(taken, (_record, why) => {
      throw why
    })
    return { held }
  }

  async #digest({ arcs, by }: Request<PeerApi['digest']>): Promise<Reply<PeerApi['digest']>> {
    const { records, testimony } = this.holdings
    const digests: Digest[] = []
    let isKept = true
    for (const [at, arc] of arcs.entries()) {
      if (at > 0 && at % digestsAtOnce === 0) await this.#clock.sleep(paceMs)
      if (at % digestsAtOnce === 0) isKept = await this.holdings.isKept()
      const claims = testimony.claims(arc, by)
      // What is said to be held may be dropped elsewhere.
      digests.push({ parts: records.digest(arc), ...claims, held: claims.held && isKept })
    }
    return { digests }
  }

  /** What this node tells of its content. */
  counts(): Counts {
    const { records, cells } = this.holdings
    return {
      ...this.holdings.counts(),
      bytes: records.bytes,
      full: records.isFull,
      moving: this.rehoming.moving,
      complete: cells.areWhole,
    }
  }

  async #forget(key: Id): Promise<{ dropped: number }> {
    if (this.holdings.cells.believes(key))
      throw new Refusal('STILL_OWNED', `this node holds the key; to delete it everywhere: DELETE /delete/${key}`)
    let dropped = 0
    for (const record of this.holdings.at({ key })) {
      if (!this.rehoming.entrusted.has(key))
        throw new Refusal('STILL_OWNED', 'this node has not passed the records on yet; it drops them by itself once it has')
      this.holdings.records.drop(record)
      dropped++
    }
    await this.holdings.flushed()
    return { dropped }
  }
}

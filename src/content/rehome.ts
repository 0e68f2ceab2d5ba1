/**
 * Moving records to where they belong: what a joiner fetches from its donors, what a donor passes on to it and then drops,
 * and what a leaver hands to its heirs. One pass does whatever is due; every change of the ring starts one.
 */
import type { Overlay } from '../overlay/overlay.ts'
import type { Clock, Log } from '../ports.ts'
import { Refusal, Unreachable } from '../protocol/errors.ts'
import type { PeerApi } from '../protocol/peer-api.ts'
import type { Network } from '../protocol/rpc.ts'
import { limits, type Peer, type StoredRecord } from '../protocol/schemas.ts'
import { type Arc, distance } from '../space/ring.ts'
import { batches } from './batch.ts'
import type { Holdings } from './holdings.ts'
import type { Operations } from './operations.ts'
import { cursorOf, isOver } from './record.ts'

/** Donors asked for a cell before it counts as complete. */
const donors = 3
/** Before a pass that could not finish is made again. */
const retryMs = 200

export class Rehoming {
  readonly #me: Peer
  readonly #holdings: Holdings
  readonly #overlay: Overlay
  readonly #operations: Operations
  readonly #network: Network<PeerApi>
  readonly #clock: Clock
  readonly #log: Log
  /** How long a copy that its new holder has acknowledged is kept, so that views have time to agree. */
  readonly #graceMs: number
  #running: Promise<void> | undefined
  #again = false
  #closed = false
  /** How far the sweep for what has expired has come. */
  #swept: string | undefined

  constructor(
    me: Peer,
    holdings: Holdings,
    overlay: Overlay,
    operations: Operations,
    ports: { network: Network<PeerApi>; clock: Clock; log: Log },
    graceMs: number,
  ) {
    this.#me = me
    this.#holdings = holdings
    this.#overlay = overlay
    this.#operations = operations
    this.#network = ports.network
    this.#clock = ports.clock
    this.#log = ports.log
    this.#graceMs = graceMs
  }

  /** Starts a pass, or has the running one followed by another. Returns when nothing is due any more. */
  run(): Promise<void> {
    this.#holdings.cells()
    this.#again = true
    this.#running ??= this.#passes().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /**
   * Hands everything over to the heirs, as if this node were not there, and makes no passes any more. Called again it hands
   * over what has come since.
   * @returns how many records moved, and how many nobody would take this time
   */
  async handOver(): Promise<{ moved: number; left: number }> {
    this.#closed = true
    await this.#running
    const total = { moved: 0, left: 0 }
    for (let after: string | undefined, more = true; more; ) {
      const page = this.#holdings.scan(after, limits.page)
      more = page.length === limits.page
      after = page.length > 0 ? cursorOf(page.at(-1) as StoredRecord) : after
      const own = page.filter((record) => this.#holdings.takenAt(record) === undefined)
      const moved = await this.#bequeath(own)
      total.moved += moved
      total.left += own.length - moved
    }
    return total
  }

  /** Passes are made again. */
  resume(): void {
    this.#holdings.forgetOffers()
    this.#closed = false
  }

  async #passes(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false
      const whole = await this.#pass()
      if (!whole && !this.#closed) {
        await this.#clock.sleep(retryMs)
        this.#again = true
      }
    }
  }

  /** Returns whether nothing is left to do. */
  async #pass(): Promise<boolean> {
    let whole = true
    for (const cell of this.#holdings.cells()) whole = (await this.#fetch(cell)) && whole
    const strange = this.#holdings.strangeArc()
    if (strange) whole = (await this.#passOn(strange)) && whole
    await this.#sweep()
    return whole
  }

  /** Fetches a cell from its donors, unless it is complete. */
  async #fetch(cell: Arc): Promise<boolean> {
    if (this.#holdings.isComplete(cell)) return true
    const from = this.#holdings.heirs(cell.to, donors)
    let answered = true
    let fetched = 0
    for (const donor of from) {
      const outcome = await this.#fetchFrom(donor, cell)
      fetched += outcome?.fetched ?? 0
      answered &&= outcome !== undefined
      if (outcome?.complete) break
    }
    if (fetched > 0) this.#log.info({ from: from[0], records: fetched }, 'content received')
    const same = this.#holdings.cells().some(({ from: low, to }) => low === cell.from && to === cell.to)
    if (!answered || !same) return false
    this.#holdings.declareComplete(cell)
    return true
  }

  /** Undefined when the donor does not answer, or still takes new records itself: what it then gets would be missed. */
  async #fetchFrom(donor: Peer, { from, to }: Arc): Promise<{ complete: boolean; fetched: number } | undefined> {
    let after: string | undefined
    let steps = -1n
    let fetched = 0
    while (!this.#closed) {
      const request = { from, to, limit: limits.page, ...(after === undefined ? {} : { after }) }
      const page = await this.#tell(donor, () => this.#network.call(donor, 'range', request))
      if (!page || page.held) return undefined
      for (const record of page.records) fetched += await this.#takeIn(record)
      if (page.next === undefined) return { complete: page.complete, fetched }
      // A donor whose pages do not lead on would keep us for ever.
      const last = page.records.at(-1)
      const reached = last ? distance(from, last.key) : -1n
      if (!last || cursorOf(last) !== page.next || page.next === after || reached < steps) return undefined
      after = page.next
      steps = reached
    }
    return undefined
  }

  /** Merges what a donor gave; what is not sound is its fault, and no reason to do without the rest. Returns how many. */
  async #takeIn(record: StoredRecord): Promise<number> {
    try {
      await this.#holdings.merge(record)
      return 1
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      this.#log.warn({ record: cursorOf(record), why: error.message }, 'record refused')
      return 0
    }
  }

  /** Passes on what lies outside this node's cells, and drops what has been acknowledged long enough ago. */
  async #passOn(strange: Arc): Promise<boolean> {
    let whole = true
    for (let after: string | undefined, more = true; more; ) {
      const page = this.#holdings.scanArc(strange, after, limits.page)
      more = page.length === limits.page
      after = page.length > 0 ? cursorOf(page.at(-1) as StoredRecord) : after
      const unknown: StoredRecord[] = []
      for (const record of page) {
        const takenAt = this.#holdings.takenAt(record)
        const settled = takenAt !== undefined && this.#clock.now() - takenAt >= this.#graceMs
        if (takenAt === undefined) unknown.push(record)
        else if (settled && !this.#holdings.believes(record.key)) await this.#holdings.drop(record)
        else whole = false
      }
      if (unknown.length > 0) {
        await this.#offer(unknown)
        whole = false
      }
    }
    return whole
  }

  /**
   * Offers records to those who should hold them. They come in the order of the ring, so whoever takes the first takes those
   * after it too, up to the end of its cell.
   */
  async #offer(records: readonly StoredRecord[]): Promise<void> {
    for (let rest = records; rest.length > 0; ) {
      const owner = await this.#ownerOf((rest[0] as StoredRecord).key)
      let taken = 0
      for (const batch of owner ? batches(rest) : []) {
        const held = await this.#give(owner as Peer, batch, 'held')
        const refused = held.indexOf(false)
        taken += refused < 0 ? held.length : refused
        if (refused >= 0 || held.length === 0) break
      }
      if (taken > 0) this.#log.info({ to: owner, records: taken }, 'content passed on')
      rest = rest.slice(Math.max(1, taken))
    }
  }

  /** Hands records to the nearest heirs that answer. Returns how many were taken. */
  async #bequeath(records: readonly StoredRecord[]): Promise<number> {
    const gone = new Set<string>()
    let moved = 0
    for (let rest = [...records]; rest.length > 0; ) {
      const heirOf = ({ key }: StoredRecord) => this.#holdings.heirs(key, limits.page).find(({ id }) => !gone.has(id))
      const heir = heirOf(rest[0] as StoredRecord)
      if (!heir) return moved
      const [batch = []] = batches(rest.filter((record) => heirOf(record)?.id === heir.id))
      const taken = await this.#give(heir, batch, 'all')
      if (taken.length === 0) gone.add(heir.id)
      else rest = rest.filter((record) => !batch.includes(record))
      moved += taken.length
    }
    return moved
  }

  /** What the peer says of each record, as far as it took them; nothing when it does not answer. */
  async #give(peer: Peer, records: StoredRecord[], keep: 'held' | 'all'): Promise<boolean[]> {
    const taken = records.map((record) => this.#holdings.offer(record))
    const answer = await this.#tell(peer, () => this.#network.call(peer, 'merge', { records, keep }))
    const held = answer?.held ?? []
    for (const [place, note] of taken.entries()) if (held[place] || (answer && keep === 'all')) note()
    return held
  }

  /** Who should hold a key, when that is someone else. */
  async #ownerOf(key: string): Promise<Peer | undefined> {
    try {
      const { owner } = await this.#operations.find({ key })
      return owner.id === this.#me.id ? undefined : owner
    } catch (error) {
      if (error instanceof Refusal && error.status === 503) return undefined
      throw error
    }
  }

  /** Drops what has expired and tombstones that nobody needs any more, a page a pass. */
  async #sweep(): Promise<void> {
    const page = this.#holdings.scan(this.#swept, limits.page)
    this.#swept = page.length === limits.page ? cursorOf(page.at(-1) as StoredRecord) : undefined
    const now = this.#clock.now()
    for (const record of page) if (isOver(record, now)) await this.#holdings.drop(record)
  }

  async #tell<T>(peer: Peer, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof Unreachable || error instanceof Refusal)) throw error
      if (error instanceof Unreachable) this.#overlay.evict(peer.id)
      else this.#log.warn({ peer, why: error.message }, 'peer refused')
      return undefined
    }
  }
}

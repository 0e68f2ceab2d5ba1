/** Records on their way between this node and a peer, with which it is being compared: a page at a time, so that others have their turn. */
import type { Clock, Log } from '../ports.ts'
import { Unreachable } from '../protocol/errors.ts'
import type { PeerApi } from '../protocol/peer-api.ts'
import type { Network } from '../protocol/rpc.ts'
import { limits, type Peer, type StoredRecord } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { type Arc, inArc } from '../space/ring.ts'
import type { Holdings } from './holdings.ts'
import { cursorOf } from './record.ts'

/** Records that are worked on at once, and so travel in one call of many, before others have their turn. */
export const turnLength = 100
/** Calls for records that are under way at the same time: while one page is being flushed, the next is on its way. */
const lanes = 3
/** So many pages in a row without a sound record are no accident of a disk. */
const barrenMost = 100
/** Between two such calls. */
export const paceMs = 1

/** What a comparison needs of its node. */
export interface Party {
  readonly me: Peer
  readonly holdings: Holdings
  readonly network: Network<PeerApi>
  readonly clock: Clock
  readonly log: Log
  /** Told of a peer that does not answer. */
  readonly evict: (id: Id) => void
  /** Told how many more (or fewer) records are known to be on their way. */
  readonly moving: (records: number) => void
  /** Whether this node goes, and takes nothing in any more. */
  readonly goes: () => boolean
}

export class Transfer {
  pulled = 0
  pushed = 0
  readonly #party: Party
  readonly #peer: Peer
  /** Records known to be on their way. */
  #moving = 0
  /** Pages in a row of which no record was sound. */
  #barren = 0

  constructor(party: Party, peer: Peer) {
    this.#party = party
    this.#peer = peer
  }

  /** Fetches records by their cursors. Returns whether it came to the end. */
  async pull(cursors: readonly string[]): Promise<boolean> {
    this.#move(cursors.length)
    const pages = Array.from({ length: Math.ceil(cursors.length / turnLength) }, (_, at) =>
      cursors.slice(at * turnLength, (at + 1) * turnLength),
    )
    await inLanes(pages, (page) => this.#pullPage(page))
    return !this.#party.goes()
  }

  /**
   * Fetches all that the peer has on an arc, about so many records.
   * @param wants of each whether it is worth having
   * @returns whether it came to the end, and how many were not
   */
  async pullAll(
    { from, to }: Arc,
    count: number,
    wants: (record: StoredRecord) => boolean,
  ): Promise<{ ended: boolean; left: number }> {
    this.#move(count)
    let left = 0
    let came = 0
    for (let after: string | undefined, more = true; more; ) {
      if (this.#party.goes()) return { ended: false, left }
      const request = { from, to, limit: turnLength, ...(after === undefined ? {} : { after }) }
      const { records, next } = await this.#party.network.call(this.#peer, 'records', request)
      const wanted = records.filter(wants)
      left += records.length - wanted.length
      await this.#takeIn(wanted)
      // What has come since it was counted was not known to be on its way.
      this.#move(-Math.min(records.length, Math.max(0, count - came)))
      came += records.length
      // A peer whose pages do not lead on, or to nothing that is sound, would keep us for ever.
      const cursors = records.map(cursorOf)
      const isInOrder = cursors.every((cursor, at) => leadsOn({ from, to }, cursors[at - 1] ?? after, cursor))
      const leads = isInOrder && (next === undefined || next === cursors.at(-1))
      if (!leads || came > 2 * count + limits.page || this.#barren > barrenMost)
        throw new Unreachable(this.#peer.url, 'pages of records that do not lead on')
      after = next
      more = next !== undefined
      await this.#party.clock.sleep(paceMs)
    }
    return { ended: true, left }
  }

  /** Returns whether the peer took everything. */
  async push(cursors: readonly string[], keep: 'held' | 'all'): Promise<boolean> {
    this.#move(cursors.length)
    let took = true
    for (let rest = cursors; rest.length > 0; ) {
      const { records, done } = this.#party.holdings.records.pick(rest.slice(0, turnLength))
      const { held } = await this.#party.network.call(this.#peer, 'merge', { records, keep })
      const taken = keep === 'all' ? records.length : records.filter((_, at) => held[at]).length
      this.pushed += taken
      took &&= taken === records.length
      this.#move(-done)
      rest = rest.slice(done)
      await this.#party.clock.sleep(paceMs)
    }
    return took
  }

  /** Nothing is on its way any more. */
  end(): void {
    this.#move(-this.#moving)
  }

  async #pullPage(page: readonly string[]): Promise<void> {
    for (let rest = page; rest.length > 0 && !this.#party.goes(); ) {
      const { records } = await this.#party.network.call(this.#peer, 'fetch', { cursors: [...rest] })
      await this.#takeIn(records)
      // What it has not sent was too much for one answer, or is gone: of nothing at all, all is gone.
      const got = new Set(records.map(cursorOf))
      const done = records.length === 0 ? rest.length : Math.max(1, 1 + rest.findLastIndex((cursor) => got.has(cursor)))
      this.#move(-done)
      rest = rest.slice(done)
      await this.#party.clock.sleep(paceMs)
    }
  }

  /** Merges what the peer gave; what is not sound is its fault, and no reason to do without the rest. */
  async #takeIn(records: readonly StoredRecord[]): Promise<void> {
    const { holdings, log } = this.#party
    this.pulled += records.length
    let unsound = 0
    await holdings.intake.takeAll(records, (record, { message }) => {
      this.pulled--
      unsound++
      log.warn({ record: cursorOf(record), why: message }, 'record refused')
    })
    this.#barren = unsound > 0 && unsound === records.length ? this.#barren + 1 : 0
  }

  #move(records: number): void {
    this.#moving += records
    this.#party.moving(records)
  }
}

/** Whether a cursor on an arc comes after another one, in the arc's order; after the beginning without. */
export const leadsOn = ({ from, to }: Arc, before: string | undefined, after: string): boolean => {
  // All of the circle is listed from zero on.
  if (from === to) return before === undefined || after > before
  const [key = '', index = ''] = after.split('/')
  if (before === undefined) return inArc(from, key, to)
  const [lastKey = '', lastIndex = ''] = before.split('/')
  return key === lastKey ? index > lastIndex : lastKey !== to && inArc(lastKey, key, to)
}

/** Works on some, several at a time. Of those that are under way when one fails all end before it throws; no other begins. */
export const inLanes = async <T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> => {
  const rest = [...items]
  const lane = async () => {
    try {
      for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item)
    } catch (error) {
      rest.length = 0
      throw error
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: Math.min(lanes, items.length) }, lane))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}

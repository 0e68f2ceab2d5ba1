/**
 * Making two stores agree on an arc. Where its fingerprints differ those of sixteen parts are compared, those that differ are divided
 * again, and in the end only the records that differ travel: what agreeing nodes exchange does not grow with what they hold.
 *
 * The one who begins names the arc. What it pulls and pushes is up to it.
 */
import type { Clock, Log } from '../ports.ts'
import { Refusal, Unreachable } from '../protocol/errors.ts'
import type { Part, PeerApi } from '../protocol/peer-api.ts'
import type { Network, Reply } from '../protocol/rpc.ts'
import { limits, type Peer, type StoredRecord, type Version } from '../protocol/schemas.ts'
import { type Id, idOf } from '../space/id.ts'
import { type Arc, idAfter } from '../space/ring.ts'
import type { Holdings } from './holdings.ts'
import { stampMs } from './hybrid-clock.ts'
import { batchBytes, compareVersions, cursorOf, sizeOf } from './record.ts'

/** Differing parts with no more records than this on either side are listed, not divided. */
const listable = 64
/** The same where one side has nothing: whatever is listed there travels anyway. */
const listableAlone = 4096
/** Records that travel in one call of many, so that a node that takes them in has time for others. */
const pageLength = 100
/** Calls for records that are under way at the same time. */
const pagesAtOnce = 3
/** Between two such calls. */
export const paceMs = 1

export interface Intent {
  /** Whether what the peer has and we have not is fetched. */
  readonly pull: boolean
  /** Whether what we have and the peer has not is given: what it believes it holds, or all of it. */
  readonly push?: 'held' | 'all'
  /** Told of each arc on which the peer has all that we have, in our versions or newer ones. */
  readonly had?: (arc: Arc) => void
}

/** What the peer says of the arc, and what came of the comparison. */
export interface Outcome extends Claims {
  readonly pulled: number
  readonly pushed: number
  /** Whether the peer has all that we have there, and nothing is in doubt between us. */
  readonly settled: boolean
}

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
}

type Digest = Reply<PeerApi['digest']>
type Claims = Omit<Digest, 'parts'>

/** Undefined when the peer does not answer, or not all the way. */
export const reconcile = async (party: Party, peer: Peer, arc: Arc, intent: Intent): Promise<Outcome | undefined> => {
  let comparison: Comparison | undefined
  try {
    // Of two that leave and have the same, neither can be the other's heir.
    if (intent.push === 'all') await party.network.call(peer, 'merge', { records: [], keep: 'all' })
    const { parts, ...claims } = await digestOf(party, peer, arc)
    // Who is catching up fetches what it lacks, and hands us what we lack when it is done.
    if (intent.push === 'held' && claims.held && !claims.complete && party.holdings.cells.isComplete(arc))
      return { ...claims, pulled: 0, pushed: 0, settled: false }
    comparison = new Comparison(party, peer, intent, claims)
    await comparison.compare(arc, parts)
    return { ...claims, ...comparison.result }
  } catch (error) {
    if (error instanceof Unreachable) party.evict(peer.id)
    else if (error instanceof Refusal) party.log.warn({ peer, why: error.message }, 'peer refused')
    else throw error
    return undefined
  } finally {
    comparison?.end()
  }
}

const digestOf = ({ me, network, holdings }: Party, peer: Peer, { from, to }: Arc): Promise<Digest> =>
  network.call(peer, 'digest', { from, to, by: me.id, print: holdings.summary({ from, to }).print })

class Comparison {
  readonly #party: Party
  readonly #peer: Peer
  readonly #intent: Intent
  readonly #claims: Claims
  #pulled = 0
  #pushed = 0
  #settled = true
  #moving = 0

  constructor(party: Party, peer: Peer, intent: Intent, claims: Claims) {
    this.#claims = claims
    this.#party = party
    this.#peer = peer
    this.#intent = intent
  }

  get result(): Pick<Outcome, 'pulled' | 'pushed' | 'settled'> {
    return { pulled: this.#pulled, pushed: this.#pushed, settled: this.#settled }
  }

  async compare(arc: Arc, parts: readonly Part[]): Promise<void> {
    const { holdings } = this.#party
    /** Where we differ; parts side by side are one as long as they are few records together. */
    const piles: Pile[] = []
    let from = arc.from
    let adjacent = false
    for (const { to, count, print } of parts) {
      const part = { from, to }
      const ours = holdings.summary(part)
      const pile = { ...part, ours: ours.count, theirs: count }
      const last = adjacent ? piles.at(-1) : undefined
      adjacent = ours.print !== print || ours.count !== count
      if (!adjacent) this.#intent.had?.(part)
      else if (last && isListable(together(last, pile))) piles[piles.length - 1] = together(last, pile)
      else piles.push(pile)
      from = to
    }
    if (from !== arc.to) throw new Unreachable(this.#peer.url, 'a digest that ends before its arc')
    for (const pile of piles)
      if (isListable(pile)) await this.#level(pile, pile.theirs)
      else await this.compare(pile, (await digestOf(this.#party, this.#peer, pile)).parts)
  }

  /** Nothing is on its way any more. */
  end(): void {
    this.#move(-this.#moving)
  }

  /** Both sides' records of a part, held against each other one by one. */
  async #level({ from, to }: Arc, count: number): Promise<void> {
    const { pull, push, had } = this.#intent
    const { holdings } = this.#party
    const part = { from, to }
    const theirs = count > 0 ? await this.#versions(part, count) : new Map<string, Version>()
    const before = holdings.summary(part).print
    const lacking: string[] = []
    let undecided = 0
    let bytes = 0
    for (const ours of holdings.recordsOn(part)) {
      bytes += sizeOf(ours)
      if (bytes > batchBytes) {
        bytes = 0
        await this.#party.clock.sleep(paceMs)
      }
      const cursor = cursorOf(ours)
      const version = theirs.get(cursor)
      const order = version ? compareVersions(ours.version, version) : 1
      if (order >= 0) theirs.delete(cursor)
      if (order <= 0) continue
      const { held, complete, witnessed, doubting, forgotten } = this.#claims
      // Of what a peer has not forgotten, it knows whether it was deleted.
      const inDoubt = holdings.doubts(ours) && stampMs(ours.version.hlc) < forgotten
      // One who has given something up cannot say that a record was deleted.
      if (doubting || !inDoubt || (complete && !witnessed)) lacking.push(cursor)
      else if (held && witnessed && !version) holdings.drop(ours)
      else undecided++
    }
    const wanted = [...theirs].filter(([, { hlc }]) => this.#trusts(hlc)).map(([cursor]) => cursor)
    undecided += theirs.size - wanted.length
    if (pull) await this.#pull(wanted)
    const took = push === undefined ? lacking.length === 0 : await this.#push(lacking, push)
    const settled = took && undecided === 0
    this.#settled &&= settled
    if (settled && before === holdings.summary(part).print) had?.(part)
  }

  /** Whether a record of the peer with that stamp is worth having: not if it may have been deleted and both have forgotten it. */
  #trusts(hlc: string): boolean {
    const { holdings } = this.#party
    return !this.#claims.doubting || holdings.doubtUntil !== undefined || stampMs(hlc) >= holdings.forgetsBefore
  }

  async #versions(part: Arc, count: number): Promise<Map<string, Version>> {
    const versions = new Map<string, Version>()
    // One more than there were says at once that there are no more.
    const limit = Math.min(limits.page, count + 1)
    for (let after: string | undefined, more = true; more; ) {
      const request = { ...part, limit, ...(after === undefined ? {} : { after }) }
      const { entries, next } = await this.#party.network.call(this.#peer, 'versions', request)
      const { size } = versions
      for (const { index, version } of entries)
        versions.set(cursorOf({ key: idOf(index.slice(2), part.to.length * 4), index }), version)
      // A peer whose pages do not lead on would keep us for ever.
      if (next !== undefined && (versions.size === size || versions.size > 2 * count + limits.page))
        throw new Unreachable(this.#peer.url, 'a list of versions that does not lead on')
      after = next
      more = next !== undefined
    }
    return versions
  }

  /** Several pages are under way at a time: while one is being flushed, the next is on its way. */
  async #pull(cursors: readonly string[]): Promise<void> {
    this.#move(cursors.length)
    const pages = Array.from({ length: Math.ceil(cursors.length / pageLength) }, (_, at) =>
      cursors.slice(at * pageLength, (at + 1) * pageLength),
    )
    const lane = async () => {
      for (let page = pages.pop(); page; page = pages.pop()) await this.#pullPage(page)
    }
    await Promise.all(Array.from({ length: pagesAtOnce }, lane))
  }

  async #pullPage(page: readonly string[]): Promise<void> {
    for (let rest = page; rest.length > 0; ) {
      const { records } = await this.#party.network.call(this.#peer, 'fetch', { cursors: [...rest] })
      for (const record of records) this.#takeIn(record)
      await this.#party.holdings.flushed()
      // What it has not sent was too much for one answer, or is gone: of nothing at all, all is gone.
      const got = new Set(records.map(cursorOf))
      const done = records.length === 0 ? rest.length : Math.max(1, 1 + rest.findLastIndex((cursor) => got.has(cursor)))
      this.#move(-done)
      rest = rest.slice(done)
      await this.#party.clock.sleep(paceMs)
    }
  }

  /** Returns whether the peer took everything. */
  async #push(cursors: readonly string[], keep: 'held' | 'all'): Promise<boolean> {
    this.#move(cursors.length)
    let took = true
    for (let rest = cursors; rest.length > 0; ) {
      const { records, done } = this.#party.holdings.pick(rest.slice(0, pageLength))
      const { held } = await this.#party.network.call(this.#peer, 'merge', { records, keep })
      const taken = keep === 'all' ? records.length : records.filter((_, at) => held[at]).length
      this.#pushed += taken
      took &&= taken === records.length
      this.#move(-done)
      rest = rest.slice(done)
      await this.#party.clock.sleep(paceMs)
    }
    return took
  }

  /** Merges what the peer gave; what is not sound is its fault, and no reason to do without the rest. */
  #takeIn(record: StoredRecord): void {
    try {
      this.#party.holdings.take(record)
      this.#pulled++
    } catch (error) {
      if (!(error instanceof Refusal) || error.code === 'STORE_FULL' || error.code === 'NOT_JOINED') throw error
      this.#party.log.warn({ record: cursorOf(record), why: error.message }, 'record refused')
    }
  }

  #move(records: number): void {
    this.#moving += records
    this.#party.moving(records)
  }
}

/** An arc, and how many records each side has there. */
interface Pile extends Arc {
  readonly ours: number
  readonly theirs: number
}

const together = (a: Pile, b: Pile): Pile => ({ from: a.from, to: b.to, ours: a.ours + b.ours, theirs: a.theirs + b.theirs })

/** Little differs, or there is nothing to divide. */
const isListable = ({ from, to, ours, theirs }: Pile): boolean =>
  Math.max(ours, theirs) <= (Math.min(ours, theirs) === 0 ? listableAlone : listable) || idAfter(from) === to

/**
 * Reading: whom to ask, and when what they said is the answer.
 *
 * Each of a window may lack a write, but no majority of it does: what most of those say who have had everything is true, and what
 * is stored by its content is true as soon as one of these has it. Nothing is said to be missing before one node beyond the
 * window was asked too, which held the key until someone came.
 */
import type { Lookup } from '../overlay/lookup.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Held } from '../protocol/peer-api.ts'
import type { Peer, StoredRecord, Version } from '../protocol/schemas.ts'
import { type Address, compareVersions, isLive, majorityOf } from './record.ts'

/** Nodes asked for the content of one key, at the most. */
const visits = 12

export interface Answer extends Omit<Held, 'key'> {
  readonly peer: Peer
}

/** What reading needs of its node. */
export interface Reader {
  readonly replicas: number
  now(): number
  /** The newer of two records of one index. */
  newer(ours: StoredRecord | undefined, theirs: StoredRecord): StoredRecord
  /** What a node has; undefined when it does not answer. */
  get(peer: Peer, address: Address, lookup: Lookup): Promise<Answer | undefined>
  /** Gives a node what it lacks. */
  give(peer: Peer, record: StoredRecord, lookup: Lookup): Promise<Version | undefined>
}

export interface Reading {
  /** Those that live. */
  readonly records: readonly StoredRecord[]
  readonly answeredBy: Peer
}

/**
 * The records at an address.
 * @throws Refusal NOT_FOUND; INCONCLUSIVE when too few could say; NO_ROUTE, NOT_JOINED
 */
export const read = async (reader: Reader, address: Address, lookup: Lookup): Promise<Reading> => {
  const poll = new Poll(reader, address, lookup)
  const byContent = address.index?.startsWith('v:') ?? false
  // One who has it is enough for what is stored by its content; else most of the window.
  await poll.ask(byContent ? 1 : majorityOf(Math.min(reader.replicas, (await lookup.window()).length)))
  for (;;) {
    const living = poll.living()
    const sure = byContent ? poll.sure.length > 0 : poll.isMajority
    if (living.length > 0 && sure) {
      if (!byContent) await poll.repair()
      return { records: living, answeredBy: poll.answererOf(living) }
    }
    const asked = await poll.ask(reader.replicas + 1)
    if (asked > 0) continue
    const found = poll.living()
    if (found.length > 0 && byContent) return { records: found, answeredBy: poll.answererOf(found) }
    const details = { key: address.key, hops: lookup.hops, path: lookup.path }
    if (poll.isMajority) throw new Refusal('NOT_FOUND', 'nothing is stored there', details)
    throw new Refusal('INCONCLUSIVE', 'too few of those who hold this key can say; try again in a second', details)
  }
}

class Poll {
  readonly answers: Answer[] = []
  readonly #reader: Reader
  readonly #address: Address
  readonly #lookup: Lookup
  readonly #met = new Set<string>()
  readonly #named: Peer[] = []
  readonly #newest = new Map<string, StoredRecord>()

  constructor(reader: Reader, address: Address, lookup: Lookup) {
    this.#reader = reader
    this.#address = address
    this.#lookup = lookup
  }

  /** Answers of those who hold the key and have had everything. */
  get sure(): readonly Answer[] {
    return this.answers.filter(({ held, complete }) => held && complete)
  }

  /** Whether those are a majority of the window, as large as any of them says. */
  get isMajority(): boolean {
    const size = Math.max(1, ...this.answers.map(({ window }) => window))
    return this.sure.length >= majorityOf(size)
  }

  living(): StoredRecord[] {
    const now = this.#reader.now()
    return [...this.#newest.values()].filter((record) => isLive(record, now))
  }

  /** Someone who has all that is living, if there is one. */
  answererOf([first]: readonly StoredRecord[]): Peer {
    const has = ({ records }: Answer) =>
      records.some(({ index, version }) => index === first?.index && version.hlc === first.version.hlc)
    return (this.answers.find(has) ?? (this.answers[0] as Answer)).peer
  }

  /** Asks so many of the window, of the first that are left, or whoever others have named; returns how many were asked. */
  async ask(count: number): Promise<number> {
    const peers = (await this.#candidates()).slice(0, Math.min(count, visits - this.#met.size))
    for (const { id } of peers) this.#met.add(id)
    const answers = await Promise.all(peers.map((peer) => this.#reader.get(peer, this.#address, this.#lookup)))
    for (const answer of answers) {
      if (!answer) continue
      this.answers.push(answer)
      this.#named.push(...answer.ask)
      for (const record of answer.records)
        this.#newest.set(record.index, this.#reader.newer(this.#newest.get(record.index), record))
    }
    return peers.length
  }

  /** Gives the newest to those of the window who answered without it, so that no later reading finds less. */
  async repair(): Promise<void> {
    await Promise.all(
      this.answers.flatMap(({ peer, held, records }) =>
        [...this.#newest.values()]
          .filter((newest) => {
            const theirs = records.find(({ index }) => index === newest.index)
            return held && (!theirs || compareVersions(theirs.version, newest.version) < 0)
          })
          .map((newest) => this.#reader.give(peer, newest, this.#lookup)),
      ),
    )
  }

  /** Those of the window, and one beyond it, who have not been asked; without any, whoever was named. */
  async #candidates(): Promise<Peer[]> {
    const line = (await this.#line()).slice(0, this.#reader.replicas + 1)
    const unmet = (peer: Peer) => !this.#met.has(peer.id) && !this.#lookup.avoid.has(peer.id)
    const fresh = line.filter(unmet)
    if (fresh.length > 0 || this.isMajority) return fresh
    return [...new Map(this.#named.filter(unmet).map((peer) => [peer.id, peer])).values()]
  }

  /** Nobody at all once someone has answered and nobody who is left knows more. */
  async #line(): Promise<Peer[]> {
    try {
      return await this.#lookup.window()
    } catch (error) {
      if (this.answers.length > 0 && error instanceof Refusal && error.code === 'NO_ROUTE') return []
      throw error
    }
  }
}

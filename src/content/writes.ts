/**
 * Writing: copies on each of a key's window, stand-ins for those who do not answer, and when that is enough to say so.
 *
 * A copy counts once it is on the disk of its holder. Whoever holds the key and knows of someone in the window who was not given
 * the record says so, and that one gets it too: a write and a join that meet cannot miss each other.
 */
import type { Lookup } from '../overlay/lookup.ts'
import type { Written } from '../protocol/client-api.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Standing } from '../protocol/peer-api.ts'
import type { Peer, StoredRecord, Version } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { compareVersions, majorityOf } from './record.ts'

/** How often a write that was superseded on its way is stamped anew. */
const stampings = 4
/** Nodes tried for one write, at the most. */
const visits = 16
/** Copies without which nothing is acknowledged in a network of more than one node. */
const copiesLeast = 2

/** A copy that was written: by whom, the version that won there, and what that one says of the key. */
export interface Copy extends Standing {
  readonly peer: Peer
  readonly version: Version
}

/** What writing needs of its node. */
export interface Writer {
  readonly replicas: number
  /** A stamp later than any given or seen. */
  stamp(): Version
  observe(stamp: string): void
  /** Undefined when the peer does not answer, 'full' when it has no room. */
  insert(peer: Peer, record: StoredRecord, others: Id[], lookup: Lookup): Promise<Copy | 'full' | undefined>
}

/**
 * Writes to the window of the record's key; a write that was superseded on its way is stamped above the winner and written again.
 * @throws Refusal NOT_ENOUGH_COPIES, STORE_FULL, NO_ROUTE, NOT_JOINED
 */
export const write = async (writer: Writer, record: StoredRecord, lookup: Lookup): Promise<Written> => {
  const { key, index } = record
  const [first] = await lookup.window()
  const { hops } = lookup
  let round = new Round(writer, lookup)
  for (let stamping = 0; stamping < stampings; stamping++) {
    round = new Round(writer, lookup)
    await round.copy(record)
    const newest = round.newest()
    // Superseded every time, by writes that were under way as well: the last stamp that was written is the one to tell.
    if (!newest || compareVersions(newest, record.version) <= 0 || stamping === stampings - 1) break
    writer.observe(newest.hlc)
    record = { ...record, version: writer.stamp() }
  }
  const { copies } = round
  const owner = copies.find(({ peer }) => peer.id === first?.id) ?? copies.find(({ held }) => held) ?? copies[0]
  // More than that, of a window that changed on the way, are not kept.
  const count = { key, index, stored: Math.min(copies.length, writer.replicas), wanted: writer.replicas }
  // What is only ever itself needs one who will say so; whatever can change, most of those who will be asked.
  const decisive = index.startsWith('n:') || record.value === null
  if (owner && round.isEnough(decisive)) return { ...count, version: record.version, owner: owner.peer, hops }
  const some = `${copies.length} of ${writer.replicas} copies written`
  if (round.full > 0 && copies.length + round.full >= Math.min(writer.replicas, copiesLeast))
    throw new Refusal('STORE_FULL', `${some}; the others have no room: delete something, or add nodes`, count)
  throw new Refusal('NOT_ENOUGH_COPIES', `${some}; storing again is safe`, count)
}

class Round {
  /** Nodes that had no room. */
  full = 0
  readonly #writer: Writer
  readonly #lookup: Lookup
  readonly #copies = new Map<Id, Copy>()
  readonly #tried = new Set<Id>()

  constructor(writer: Writer, lookup: Lookup) {
    this.#writer = writer
    this.#lookup = lookup
  }

  get copies(): readonly Copy[] {
    return [...this.#copies.values()]
  }

  newest(): Version | undefined {
    return this.copies
      .map(({ version }) => version)
      .sort(compareVersions)
      .at(-1)
  }

  /** Copies on those of the window, on those they name besides, on stand-ins for who does not answer. */
  async copy(record: StoredRecord): Promise<void> {
    for (let named: Peer[] = []; this.#tried.size < visits; ) {
      const missing = Math.max(0, this.#writer.replicas - this.#copies.size)
      const line = missing > 0 ? (await this.#line()).filter((peer) => this.#isUntried(peer)).slice(0, missing) : []
      const targets = [...new Map([...named, ...line].map((peer) => [peer.id, peer])).values()]
      if (targets.length === 0) return
      for (const { id } of targets) this.#tried.add(id)
      const others = [...this.#tried]
      const answers = await Promise.all(targets.map((peer) => this.#writer.insert(peer, record, others, this.#lookup)))
      for (const answer of answers) {
        if (answer === 'full') this.full++
        else if (answer) this.#copies.set(answer.peer.id, answer)
      }
      // Who does not hold the key names those who should; they are needed only if nobody else has said that it does.
      const said = this.copies.filter(({ held }) => held || !this.#isHeld)
      named = said.flatMap(({ ask }) => ask).filter((peer) => this.#isUntried(peer))
    }
  }

  isEnough(decisive: boolean): boolean {
    const holders = this.copies.filter(({ held }) => held)
    const window = Math.max(0, ...holders.map((copy) => copy.window))
    if (this.#copies.size < Math.min(window, this.#writer.replicas, copiesLeast)) return false
    return decisive ? holders.filter(({ complete }) => complete).length >= majorityOf(window) : holders.length > 0
  }

  get #isHeld(): boolean {
    return this.copies.some(({ held }) => held)
  }

  #isUntried({ id }: Peer): boolean {
    return !this.#tried.has(id) && !this.#lookup.avoid.has(id)
  }

  /** Nobody at all once there are copies and nobody who is left knows more. */
  async #line(): Promise<Peer[]> {
    try {
      return await this.#lookup.window()
    } catch (error) {
      if (this.#copies.size > 0 && error instanceof Refusal && error.code === 'NO_ROUTE') return []
      throw error
    }
  }
}

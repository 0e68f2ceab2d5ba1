/**
 * Writing: copies on each of a key's window, stand-ins for those who do not answer, and when that is enough to say so.
 *
 * A copy counts once it is on the disk of its holder. Whoever holds the key and knows of someone in the window who was not given
 * the record says so, and that one gets it too: a write and a join that meet cannot miss each other.
 *
 * Where the window is a guess (see `Lookup`), most of those it names must hold the key; else the overlay's window is written to. Beside a
 * suspect a stand-in is written to at once, and the suspect is waited for only as long as the others are not enough.
 */
import type { Lookup } from '../overlay/lookup.ts'
import type { Written } from '../protocol/client-api.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Standing } from '../protocol/peer-api.ts'
import type { Peer, StoredRecord, Version } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { copiesLeast, majorityOf, visitsMost } from './quorum.ts'
import { compareVersions, isByContent } from './record.ts'

/** How often a write that was superseded on its way is stamped anew. */
const stampings = 4

/** A copy that was written: by whom, the version that won there, and what that one says of the key. */
export interface Copy extends Standing {
  readonly peer: Peer
  readonly version: Version
}

/** Why one who is there does not take a record: it has no room, or the stamp is too far ahead of its clock. */
export type Obstacle = 'full' | 'ahead'

/** What writing needs of its node. */
export interface Writer {
  readonly replicas: number
  /** Whether there are others, though the overlay may have lost them all: one copy is then not enough. */
  isAccompanied(): boolean
  /** What was wanted, with a stamp later than that of what has superseded it. */
  anew(wanted: StoredRecord, after: string): Promise<StoredRecord>
  /** Merges a record into a peer; undefined when it does not answer. */
  insert(peer: Peer, record: StoredRecord, others: Id[], lookup: Lookup): Promise<Copy | Obstacle | undefined>
}

/**
 * Writes to the window of the record's key; a write that was superseded on its way is stamped above the winner and written again.
 * @param wanted what is written then; at first a record that is there already may be written again in its place
 * @throws Refusal NOT_ENOUGH_COPIES, STORE_FULL, STAMP_AHEAD, NO_ROUTE, NOT_JOINED
 */
export const write = async (writer: Writer, record: StoredRecord, lookup: Lookup, wanted: StoredRecord): Promise<Written> => {
  const { key, index } = record
  const ownStamp = wanted.version.hlc
  let aim = await aimOf(lookup)
  let round: Round
  for (let stamping = 1; ; stamping++) {
    round = new Round(writer, record, lookup)
    await round.copy()
    if (!round.isBorneOut && lookup.distrust()) {
      aim = await aimOf(lookup)
      round = new Round(writer, record, lookup)
      await round.copy()
    }
    const newest = round.newest()
    // Superseded every time, by writes that were under way as well: the last stamp that was written is the one to tell.
    if (!newest || compareVersions(newest, record.version) <= 0 || stamping === stampings) break
    record = await writer.anew(wanted, newest.hlc)
  }
  const { copies } = round
  const owner = copies.find(({ peer }) => peer.id === aim.owner?.id) ?? copies.find(({ held }) => held) ?? copies[0]
  // More than that, of a window that changed on the way, are not kept.
  const count = { key, index, stored: Math.min(copies.length, writer.replicas), wanted: writer.replicas }
  if (owner && round.isEnough) return { ...count, version: record.version, owner: owner.peer, hops: aim.hops }
  const some = `${count.stored} of ${writer.replicas} copies written`
  const wouldDo = (others: number) => others > 0 && copies.length + others >= Math.min(writer.replicas, copiesLeast)
  if (wouldDo(round.full))
    throw new Refusal(
      'STORE_FULL',
      `${some}; those who are to hold it have no room, on their disks or within their quotas: make some there, or add nodes`,
      count,
    )
  // What has to come after another that is far ahead is taken as soon as those have heard of that.
  if (wouldDo(round.ahead) && record.version.hlc === ownStamp)
    throw new Refusal(
      'STAMP_AHEAD',
      `${some}; to the others the stamp is more than 5 minutes ahead: set the clocks right`,
      count,
    )
  const lack =
    copies.length < Math.min(writer.replicas, copiesLeast)
      ? some
      : `${some}, too few by nodes that hold the key and are up to date`
  throw new Refusal('NOT_ENOUGH_COPIES', `${lack}; storing again is safe`, count)
}

/** Who owns the key as far as the lookup goes, and in how many hops that was found. */
const aimOf = async (lookup: Lookup): Promise<{ owner: Peer | undefined; hops: number }> => {
  const [owner] = await lookup.window()
  return { owner, hops: lookup.hops }
}

/** One attempt to have a record copied. */
class Round {
  /** Nodes that had no room, and those to whom the stamp is ahead. */
  full = 0
  ahead = 0
  readonly #writer: Writer
  readonly #record: StoredRecord
  readonly #lookup: Lookup
  /** What is only ever itself needs one who will say so; whatever can change, most of those who will be asked. */
  readonly #oneIsEnough: boolean
  readonly #copies = new Map<Id, Copy>()
  readonly #tried = new Set<Id>()
  /** Of suspects. */
  readonly #underWay = new Set<Promise<void>>()
  /** How many are to hold the key, as far as the lookup goes. */
  #size = 0

  constructor(writer: Writer, record: StoredRecord, lookup: Lookup) {
    this.#writer = writer
    this.#record = record
    this.#lookup = lookup
    this.#oneIsEnough = isByContent(record) && record.value !== null
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
  async copy(): Promise<void> {
    for (;;) {
      const targets = await this.#targets()
      if (targets.length === 0 && (this.#underWay.size === 0 || (this.#isFull && this.isEnough))) return
      for (const { id } of targets) this.#tried.add(id)
      const others = [...this.#tried]
      const asked = targets.map(async (peer) => this.#note(await this.#writer.insert(peer, this.#record, others, this.#lookup)))
      if (targets.length === 0) await Promise.race(this.#underWay)
      else await this.#settle(targets, asked)
    }
  }

  /** Whether this may be acknowledged. */
  get isEnough(): boolean {
    const holders = this.#holders
    const window = Math.max(0, ...holders.map((copy) => copy.window))
    const most = this.#writer.isAccompanied() ? copiesLeast : Math.min(window, copiesLeast)
    if (this.#copies.size < Math.min(most, this.#writer.replicas)) return false
    return this.#oneIsEnough ? holders.length > 0 : holders.filter(({ complete }) => complete).length >= majorityOf(window)
  }

  /** Whether the window is the overlay's, or most of those whom the guess names hold the key in a window no smaller. */
  get isBorneOut(): boolean {
    if (!this.#lookup.isGuess) return true
    return this.#holders.filter(({ window }) => window >= this.#size).length >= majorityOf(this.#size)
  }

  get #holders(): readonly Copy[] {
    return this.copies.filter(({ held }) => held)
  }

  /** Whether there are as many copies as are wanted. */
  get #isFull(): boolean {
    return this.#copies.size >= this.#writer.replicas
  }

  /** Whom to give the record next. */
  async #targets(): Promise<Peer[]> {
    // Who does not hold the key names those who should; they are needed only if nobody else has said that it does.
    const said = this.copies.filter(({ held }) => held || !this.#isHeld)
    const named = said.flatMap(({ ask }) => ask)
    const missing = this.#isFull && this.#isVouched ? [] : await this.#missing()
    const distinct = new Map([...named, ...missing].map((peer) => [peer.id, peer]))
    const most = visitsMost(this.#writer.replicas)
    return [...distinct.values()].filter((peer) => this.#isUntried(peer)).slice(0, most - this.#tried.size)
  }

  /** Of the line, as many as copies are missing, and one more for each of them that is suspect; one after the other where nobody vouches. */
  async #missing(): Promise<Peer[]> {
    const line = await this.#line()
    this.#size = Math.min(this.#writer.replicas, line.length)
    // Beyond the window one more, as a read would.
    const within = this.#isFull ? line.slice(0, this.#writer.replicas + 1) : line
    const left = within.filter((peer) => this.#isUntried(peer))
    const wanted = this.#writer.replicas - this.#copies.size - this.#underWay.size
    const next = left.slice(0, Math.max(this.#isFull ? 1 : 0, wanted))
    const suspects = next.filter(({ id }) => this.#lookup.isSuspect(id))
    const standIns = left.slice(next.length).filter(({ id }) => !this.#lookup.isSuspect(id))
    return [...next, ...standIns.slice(0, suspects.length)]
  }

  /** Waits for those who are not suspect. */
  async #settle(targets: readonly Peer[], asked: readonly Promise<void>[]): Promise<void> {
    const awaited: Promise<void>[] = []
    for (const [at, asking] of asked.entries()) {
      if (!this.#lookup.isSuspect((targets[at] as Peer).id)) awaited.push(asking)
      else {
        const watched = asking.finally(() => this.#underWay.delete(watched))
        this.#underWay.add(watched)
        // Of those that are not waited for any more, nothing is heard.
        watched.catch(() => {})
      }
    }
    await Promise.all(awaited)
  }

  #note(answer: Copy | Obstacle | undefined): void {
    if (typeof answer === 'string') this[answer]++
    else if (answer) this.#copies.set(answer.peer.id, answer)
  }

  get #isHeld(): boolean {
    return this.copies.some(({ held }) => held)
  }

  /** Whether one who holds the key and has had everything has it: who held it before such a one came would say that it is not there. */
  get #isVouched(): boolean {
    return this.#holders.some(({ complete }) => complete)
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

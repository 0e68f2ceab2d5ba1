/**
 * Reading: whom to ask, until what they said is the answer (see `Tally`). Nothing is said to be missing before one node beyond the
 * window was asked too, which held the key until someone came; nor, but for a name, which most of the window have, before all those were
 * whom a write may have gone to as stand-ins: the window may have no room.
 *
 * Where the window is a guess (see `Lookup`), what its nodes say of their standing has to fit it; a miss needs the word of each of
 * them that it holds the key. Else the guess counts for nothing, and whom the overlay names is asked.
 */
import type { Lookup } from '../overlay/lookup.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Told } from '../protocol/peer-api.ts'
import type { Peer, StoredRecord, Version } from '../protocol/schemas.ts'
import type { Lately } from './lately.ts'
import { majorityOf, visitsMost } from './quorum.ts'
import { type Address, isByContent, isNarrow, isWhole } from './record.ts'
import { type Answer, type Judge, Tally } from './tally.ts'

/**
 * Whoever has not answered by then is not waited for alone: others are asked as well. Many times what an answer takes in one place; a
 * fraction of what people notice.
 */
export const hedgeAfterMs = 30

/** What reading needs of its node. */
export interface Reader extends Judge {
  readonly replicas: number
  /** Calls back after hedgeAfterMs, unless that is called off by what it returns. */
  hedge(ask: () => void): () => void
  readonly lately: Lately
  /**
   * What a node has; undefined when it does not answer.
   * @param wantsValues whether this node itself, if it is asked, leaves none out; others always leave out those that are large
   * @throws Refusal TOO_LARGE when they are more than travels in one call; NO_ROUTE as Lookup.visit
   */
  get(peer: Peer, address: Address, lookup: Lookup, wantsValues: boolean): Promise<Answer | undefined>
  /**
   * Records of which a node has told, with their values: as far as it still has them, or later ones.
   * @throws Refusal OVERLOADED; TOO_LARGE when they are more than travels in one call
   */
  fetch(peer: Peer, records: readonly Told[], lookup: Lookup): Promise<readonly StoredRecord[]>
  /** Gives a node what it lacks. */
  give(peer: Peer, record: StoredRecord, lookup: Lookup): Promise<Version | undefined>
}

export interface Reading<R extends Told = StoredRecord> {
  /** Those that live. */
  readonly records: readonly R[]
  readonly answeredBy: Peer
}

/**
 * The records at an address. One who holds what is stored by its content is enough: that is only ever itself.
 * @throws Refusal NOT_FOUND; INCONCLUSIVE when too few could say; TOO_LARGE, OVERLOADED, NO_ROUTE, NOT_JOINED
 */
export const read = (reader: Reader, address: Address, lookup: Lookup): Promise<Reading> =>
  settle(() => new Poll(reader, address, lookup, { oneIsEnough: isByContent(address), wantsValues: true })) as Promise<Reading>

/**
 * The same for whoever needs no values: those that are large may be left out.
 * @param oneIsEnough whether the word of one who holds what is stored by its content is: it may not know for how long that lives
 */
export const readOutlines = (
  reader: Reader,
  address: Address,
  lookup: Lookup,
  oneIsEnough = isByContent(address),
): Promise<Reading<Told>> => settle(() => new Poll(reader, address, lookup, { oneIsEnough, wantsValues: false }))

/** What polls come to, of which another one is begun where the guess of the first was not borne out. */
const settle = async (begin: () => Poll): Promise<Reading<Told>> => {
  for (;;) {
    const poll = begin()
    const reading = await inquire(poll)
    if (reading) return reading
    const { lookup, address } = poll
    const { isMiss } = poll.tally
    if (!isMiss && lookup.distrust()) continue
    const details = { key: address.key, hops: lookup.hops, path: lookup.path }
    if (isMiss) throw new Refusal('NOT_FOUND', 'nothing is stored there; what a node holds is told by its /db', details)
    throw new Refusal(
      'INCONCLUSIVE',
      'too few of those who hold this key can say; try again in a second, and for half a minute where nodes have died',
      details,
    )
  }
}

/** What most can say, or one who is enough; undefined when everyone has been asked. */
const inquire = async (poll: Poll): Promise<Reading<Told> | undefined> => {
  const { tally } = poll
  let records: readonly Told[] | undefined
  for (let isMore = true; isMore && !records; ) {
    if (poll.isEnough) records = await poll.gather()
    else isMore = await poll.ask()
  }
  if (!records && (tally.isAllThereIs || tally.isSure)) records = await poll.gather()
  if (!records) return undefined
  await poll.repair()
  return { records, answeredBy: tally.answererOf(records) }
}

interface PollOptions {
  /** Whether the word of one who holds it is. */
  readonly oneIsEnough: boolean
  /** Whether values that were left out are to be asked for. */
  readonly wantsValues: boolean
}

class Poll {
  readonly tally: Tally
  readonly address: Address
  readonly lookup: Lookup
  readonly #reader: Reader
  readonly #options: PollOptions
  readonly #met = new Set<string>()
  /** Of these, who was asked for values that were left out. */
  readonly #askedMore = new Set<string>()
  #underWay = 0
  /** What wakes whoever waits for answers. */
  #progress: () => void = () => {}
  #failure: { readonly error: unknown } | undefined
  readonly #named: Peer[] = []

  constructor(reader: Reader, address: Address, lookup: Lookup, options: PollOptions) {
    this.#reader = reader
    this.address = address
    this.lookup = lookup
    this.#options = options
    this.tally = new Tally(reader, lookup, options.oneIsEnough)
  }

  /**
   * Asks some more: of the window the first, as many as may be enough; then the others and one beyond it, then stand-ins, or whoever was
   * named.
   * Resolves once that is enough, or all have answered, or the time is up to ask others as well. Returns false when nobody is left.
   */
  async ask(): Promise<boolean> {
    const left = await this.#candidates()
    const peers = left.slice(0, Math.min(this.#wanted, visitsMost(this.#reader.replicas) - this.#met.size))
    for (const peer of peers) void this.#ask(peer)
    if (this.#underWay === 0) return false
    let isLate = false
    const hurry = () => {
      isLate = true
      this.#progress()
    }
    const callOff = peers.length > 0 && peers.length < left.length ? this.#reader.hedge(hurry) : undefined
    while (this.#underWay > 0 && !isLate && !this.isEnough && !this.#failure)
      await new Promise<void>((resolve) => {
        this.#progress = resolve
      })
    callOff?.()
    if (this.#failure) throw this.#failure.error
    return true
  }

  /** Whether what lives is known, and the values that are wanted are there or can be asked for. */
  get isEnough(): boolean {
    // Of what shares a key, some may be with one holder and stand-ins alone: whoever has no room knows of nothing that it lacks.
    if (this.#isShared) return false
    return this.tally.isSure && (!this.#options.wantsValues || this.tally.isWhole || this.#teller !== undefined)
  }

  /** What lives; the values that are wanted and were left out are asked for, of one after the other. Undefined when nobody gives one. */
  async gather(): Promise<readonly Told[] | undefined> {
    const { wantsValues } = this.#options
    for (let teller = this.#teller; wantsValues && teller; teller = this.#teller) {
      const { peer, records } = teller
      this.#askedMore.add(peer.id)
      this.tally.complete(peer, await this.#reader.fetch(peer, records, this.lookup))
    }
    const living = this.tally.living()
    return living.length > 0 && (!wantsValues || living.every(isWhole)) ? living : undefined
  }

  /** The last who has told of values that were left out, and has not been asked for them; suspects come after the others. */
  get #teller(): { peer: Peer; records: readonly Told[] } | undefined {
    const left = this.tally.leftOut.filter(({ peer: { id } }) => !this.#askedMore.has(id) && !this.lookup.avoid.has(id))
    return left.findLast(({ peer }) => !this.lookup.isSuspect(peer.id)) ?? left.at(-1)
  }

  /** Gives the newest to those of the window who answered without it, so that no later reading finds less. */
  async repair(): Promise<void> {
    if (this.#options.oneIsEnough) return
    await Promise.all(this.tally.lacking.map(({ peer, record }) => this.#reader.give(peer, record, this.lookup)))
  }

  /** How many more to ask: of a window that nobody has answered for yet, as many as may be enough. */
  get #wanted(): number {
    const { replicas } = this.#reader
    if (this.#isShared) return replicas + 1
    if (this.#options.oneIsEnough) return this.tally.isEmpty ? 1 : replicas + 1
    return this.#met.size > 0 ? replicas + 1 : majorityOf(this.tally.size)
  }

  /** Whether whatever lives under a key is wanted that several may share. */
  get #isShared(): boolean {
    return this.address.index === undefined && isNarrow(this.address.key)
  }

  async #ask(peer: Peer): Promise<void> {
    this.#met.add(peer.id)
    this.#underWay++
    try {
      const answer = await this.#reader.get(peer, this.address, this.lookup, this.#options.wantsValues)
      // Whoever cannot be enough is not asked first for having answered.
      if (answer?.held && answer.complete) this.#reader.lately.note(peer.id)
      if (answer) this.#note(answer)
    } catch (error) {
      this.#failure ??= { error }
    }
    this.#underWay--
    this.#progress()
  }

  #note(answer: Answer): void {
    this.tally.note(answer)
    this.#named.push(...answer.ask)
  }

  /** Those of the window and one beyond it who have not been asked; without any, those further in line; without these, whoever was named. */
  async #candidates(): Promise<Peer[]> {
    const { replicas } = this.#reader
    const line = await this.#line()
    const window = line.slice(0, replicas)
    this.tally.size = window.length
    const unmet = (peer: Peer) => !this.#met.has(peer.id) && !this.lookup.avoid.has(peer.id)
    const fresh = [...this.#inOrder(window), ...line.slice(replicas, replicas + 1)].filter(unmet)
    if (fresh.length > 0) return fresh
    const isNamed = this.address.index !== undefined && !isByContent(this.address)
    const standIns = isNamed ? [] : line.filter(unmet)
    if (standIns.length > 0 || this.tally.isMajority) return standIns
    return [...new Map(this.#named.filter(unmet).map((peer) => [peer.id, peer])).values()]
  }

  /** First those whose answer costs least, suspects last. */
  #inOrder(window: readonly Peer[]): readonly Peer[] {
    const suspects = window.filter(({ id }) => this.lookup.isSuspect(id))
    const others = this.#reader.lately.sort(window)
    return suspects.length === 0 ? others : [...others.filter((peer) => !suspects.includes(peer)), ...suspects]
  }

  /** Nobody at all once someone has answered and nobody who is left knows more. */
  async #line(): Promise<Peer[]> {
    try {
      return await this.lookup.window()
    } catch (error) {
      if (!this.tally.isEmpty && error instanceof Refusal && error.code === 'NO_ROUTE') return []
      throw error
    }
  }
}

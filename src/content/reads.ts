/**
 * Reading: whom to ask, and when what they said is the answer.
 *
 * Each of a window may lack a write, but no majority of it does: what most of those say who have had everything is true, and what
 * is stored by its content is true as soon as one of these has it. Nothing is said to be missing before one node beyond the
 * window was asked too, which held the key until someone came.
 *
 * No majority says so where two rings have met a moment ago: each may have been given what the other has not.
 *
 * Where the window is a guess (see `Lookup`), what its nodes say of their standing has to fit it; a miss needs the word of each of
 * them that it holds the key. Else the guess counts for nothing, and whom the overlay names is asked.
 */
import type { Lookup } from '../overlay/lookup.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Held } from '../protocol/peer-api.ts'
import type { Peer, StoredRecord, Version } from '../protocol/schemas.ts'
import type { Lately } from './lately.ts'
import { type Address, compareVersions, isLive, majorityOf } from './record.ts'

/** Nodes asked for the content of one key, at the most. */
const visits = 12
/**
 * Whoever has not answered by then is not waited for alone: others are asked as well. Many times what an answer takes in one place; a
 * fraction of what people notice.
 */
export const hedgeAfterMs = 30

export interface Answer extends Omit<Held, 'key'> {
  readonly peer: Peer
}

/** What reading needs of its node. */
export interface Reader {
  readonly replicas: number
  now(): number
  /** Calls back after hedgeAfterMs, unless that is called off by what it returns. */
  hedge(ask: () => void): () => void
  /** See Finder.isReuniting. */
  isReuniting(): boolean
  readonly lately: Lately
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
 * @param oneIsEnough whether the word of one who holds it is: what is stored by its content is only ever itself, but for how long it lives
 * @throws Refusal NOT_FOUND; INCONCLUSIVE when too few could say; NO_ROUTE, NOT_JOINED
 */
export const read = async (
  reader: Reader,
  address: Address,
  lookup: Lookup,
  oneIsEnough = address.index?.startsWith('v:') ?? false,
): Promise<Reading> => {
  for (;;) {
    const poll = new Poll(reader, address, lookup, oneIsEnough)
    const reading = await inquire(poll)
    if (reading) return reading
    if (!poll.isMiss && lookup.distrust()) continue
    const details = { key: address.key, hops: lookup.hops, path: lookup.path }
    if (poll.isMiss) throw new Refusal('NOT_FOUND', 'nothing is stored there', details)
    throw new Refusal(
      'INCONCLUSIVE',
      'too few of those who hold this key can say; try again in a second, and for half a minute where nodes have died',
      details,
    )
  }
}

/** What most can say, or one who is enough; undefined when everyone has been asked. */
const inquire = async (poll: Poll): Promise<Reading | undefined> => {
  while (!poll.isSure) if (!(await poll.ask())) break
  const records = poll.living()
  if (records.length === 0 || !(poll.isSure || poll.isAllThereIs)) return undefined
  await poll.repair()
  return { records, answeredBy: poll.answererOf(records) }
}

class Poll {
  readonly #answers: Answer[] = []
  readonly #reader: Reader
  readonly #address: Address
  readonly #lookup: Lookup
  readonly #oneIsEnough: boolean
  readonly #met = new Set<string>()
  #underWay = 0
  /** What wakes whoever waits for answers. */
  #progress: () => void = () => {}
  #failure: { readonly error: unknown } | undefined
  readonly #named: Peer[] = []
  readonly #newest = new Map<string, StoredRecord>()
  /** How many are to hold the key, as far as the lookup goes. */
  #size = 0

  constructor(reader: Reader, address: Address, lookup: Lookup, oneIsEnough: boolean) {
    this.#reader = reader
    this.#address = address
    this.#lookup = lookup
    this.#oneIsEnough = oneIsEnough
  }

  /** Whether something lives there, and those who say so are enough: others, who have not answered, could not say otherwise. */
  get isSure(): boolean {
    if (this.#newest.size === 0) return false
    const living = this.living()
    if (!this.#oneIsEnough) return living.length > 0 && this.#isMajority
    return living.some(({ index }) => this.#sure.some(({ records }) => records.some((record) => record.index === index)))
  }

  /** Whether what nobody vouches for is to be given all the same: where one is enough, once everyone has been asked. */
  get isAllThereIs(): boolean {
    return this.#oneIsEnough && (this.#sure.length > 0 || !this.#lookup.isGuess)
  }

  /** Whether those asked are enough to say that there is nothing. */
  get isMiss(): boolean {
    if (!this.#isMajority || this.living().length > 0) return false
    return !this.#lookup.isGuess || this.#holders.length >= this.#window
  }

  /** Those who hold the key; one whose window is smaller than guessed lives in another ring. */
  get #holders(): readonly Answer[] {
    const least = this.#lookup.isGuess ? this.#size : 0
    return this.#answers.filter(({ held, window }) => held && window >= least)
  }

  /** Those of them who have had everything. */
  get #sure(): readonly Answer[] {
    return this.#holders.filter(({ complete }) => complete)
  }

  /** As large as any of them says. */
  get #window(): number {
    return Math.max(1, ...this.#answers.map(({ window }) => window))
  }

  get #isMajority(): boolean {
    return !this.#reader.isReuniting() && this.#sure.length >= majorityOf(this.#window)
  }

  living(): StoredRecord[] {
    const now = this.#reader.now()
    return [...this.#newest.values()].filter((record) => isLive(record, now))
  }

  /** Someone who has the first of these, in this version, if there is one. */
  answererOf([first]: readonly StoredRecord[]): Peer {
    const has = ({ records }: Answer) =>
      records.some(({ index, version }) => index === first?.index && compareVersions(version, first.version) === 0)
    return (this.#answers.find(has) ?? (this.#answers[0] as Answer)).peer
  }

  /**
   * Asks some more: of the window the first, as many as may be enough; then the others and one beyond it, or whoever was named.
   * Resolves once that is enough, or all have answered, or the time is up to ask others as well. Returns false when nobody is left.
   */
  async ask(): Promise<boolean> {
    const left = await this.#candidates()
    const peers = left.slice(0, Math.min(this.#wanted, Math.max(visits, this.#reader.replicas + 1) - this.#met.size))
    for (const peer of peers) void this.#ask(peer)
    if (this.#underWay === 0) return false
    let isLate = false
    const hurry = () => {
      isLate = true
      this.#progress()
    }
    const callOff = peers.length > 0 && peers.length < left.length ? this.#reader.hedge(hurry) : undefined
    while (this.#underWay > 0 && !isLate && !this.isSure && !this.#failure)
      await new Promise<void>((resolve) => {
        this.#progress = resolve
      })
    callOff?.()
    if (this.#failure) throw this.#failure.error
    return true
  }

  /** Gives the newest to those of the window who answered without it, so that no later reading finds less. */
  async repair(): Promise<void> {
    if (this.#oneIsEnough) return
    await Promise.all(
      this.#answers.flatMap(({ peer, held, records }) =>
        [...this.#newest.values()]
          .filter((newest) => {
            const theirs = records.find(({ index }) => index === newest.index)
            return held && (!theirs || compareVersions(theirs.version, newest.version) < 0)
          })
          .map((newest) => this.#reader.give(peer, newest, this.#lookup)),
      ),
    )
  }

  /** How many more to ask: of a window that nobody has answered for yet, as many as may be enough. */
  get #wanted(): number {
    const { replicas } = this.#reader
    if (this.#oneIsEnough) return this.#answers.length > 0 ? replicas + 1 : 1
    return this.#met.size > 0 ? replicas + 1 : majorityOf(this.#size)
  }

  async #ask(peer: Peer): Promise<void> {
    this.#met.add(peer.id)
    this.#underWay++
    try {
      const answer = await this.#reader.get(peer, this.#address, this.#lookup)
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
    this.#answers.push(answer)
    this.#named.push(...answer.ask)
    for (const record of answer.records)
      this.#newest.set(record.index, this.#reader.newer(this.#newest.get(record.index), record))
  }

  /** Those of the window and one beyond it who have not been asked; without any, whoever was named. */
  async #candidates(): Promise<Peer[]> {
    const { replicas } = this.#reader
    const line = await this.#line()
    const window = line.slice(0, replicas)
    this.#size = window.length
    const unmet = (peer: Peer) => !this.#met.has(peer.id) && !this.#lookup.avoid.has(peer.id)
    const fresh = [...this.#inOrder(window), ...line.slice(replicas, replicas + 1)].filter(unmet)
    if (fresh.length > 0 || this.#isMajority) return fresh
    return [...new Map(this.#named.filter(unmet).map((peer) => [peer.id, peer])).values()]
  }

  /** First those whose answer costs least, suspects last. */
  #inOrder(window: readonly Peer[]): readonly Peer[] {
    const suspects = window.filter(({ id }) => this.#lookup.isSuspect(id))
    const others = this.#reader.lately.sort(window)
    return suspects.length === 0 ? others : [...others.filter((peer) => !suspects.includes(peer)), ...suspects]
  }

  /** Nobody at all once someone has answered and nobody who is left knows more. */
  async #line(): Promise<Peer[]> {
    try {
      return await this.#lookup.window()
    } catch (error) {
      if (this.#answers.length > 0 && error instanceof Refusal && error.code === 'NO_ROUTE') return []
      throw error
    }
  }
}

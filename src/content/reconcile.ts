/**
 * Making two stores agree on an arc. Where its fingerprints differ those of sixteen parts are compared, those that differ are divided
 * again, and in the end only the records that differ travel: what agreeing nodes exchange does not grow with what they hold.
 *
 * The one who begins names the arc. What it pulls and pushes is up to it.
 */
import { Refusal, Unreachable } from '../protocol/errors.ts'
import { type Digest, heldMost, type Part } from '../protocol/peer-api.ts'
import { limits, type Peer, type Version } from '../protocol/schemas.ts'
import { Arcs } from '../space/arcs.ts'
import { idOf } from '../space/id.ts'
import { type Arc, idAfter, inArc } from '../space/ring.ts'
import { isListable, listableAlone } from './fingerprints.ts'
import { stampMs } from './hybrid-clock.ts'
import { cursorOf } from './record.ts'
import { Sifting } from './sifting.ts'
import { inLanes, leadsOn, paceMs, type Party, Transfer, turnLength } from './transfer.ts'

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
  /** Whether we have all that the peer has there and is not in doubt. */
  readonly caughtUp: boolean
  /** Whether none of ours is in doubt there after what the peer has said. */
  readonly decided: boolean
}

/**
 * Whether nothing is in doubt any more after some were compared with: all have answered, and of those who hold the arc each has decided.
 * Whoever has no room holds nothing, and cannot say.
 */
export const areDecided = (outcomes: readonly (Outcome | undefined)[]): boolean =>
  outcomes.some((outcome) => outcome?.held) && outcomes.every((outcome) => outcome && (outcome.decided || !outcome.held))

type Claims = Omit<Digest, 'parts'>

/**
 * Undefined when the peer does not answer, or not all the way.
 * @param said what the peer has just said of the arc, if it was asked already
 */
export const reconcile = async (
  party: Party,
  peer: Peer,
  arc: Arc,
  intent: Intent,
  said?: Digest,
): Promise<Outcome | undefined> => {
  let comparison: Comparison | undefined
  try {
    // Of two that leave and have the same, neither can be the other's heir.
    if (intent.push === 'all') await party.network.call(peer, 'merge', { records: [], keep: 'all' })
    const { parts, ...claims } = said ?? (await digestOf(party, peer, arc))
    // Who is catching up fetches what it lacks, and is given the rest when it is done.
    const holdsBack = !intent.pull || party.holdings.cells.completeness.covers(arc)
    if (intent.push === 'held' && holdsBack && !Arcs.of(claims.complete).covers(arc))
      return { ...claims, pulled: 0, pushed: 0, settled: false, caughtUp: false, decided: false }
    comparison = new Comparison(party, peer, intent, claims)
    await comparison.compare(arc, parts)
    return { ...claims, ...comparison.result }
  } catch (error) {
    return passOver(party, peer, error)
  } finally {
    comparison?.end()
  }
}

/** What becomes of a call that failed for a peer. @throws whatever is our own mistake */
export const passOver = ({ evict, log }: Party, peer: Peer, error: unknown): undefined => {
  if (error instanceof Unreachable) evict(peer.id)
  else if (error instanceof Refusal) log.warn({ peer, why: error.message }, 'peer refused')
  else throw error
}

/** What a peer says of some arcs, in their order. @throws Unreachable @throws Refusal */
export const digestsOf = async ({ me, network, holdings }: Party, peer: Peer, arcs: readonly Arc[]): Promise<Digest[]> => {
  const ours = arcs.map(({ from, to }) => {
    const { count, print } = holdings.records.summary({ from, to })
    return { from, to, count, print }
  })
  const { digests } = await network.call(peer, 'digest', { arcs: ours, by: me.id })
  if (digests.length !== arcs.length) throw new Unreachable(peer.url, 'not as many digests as arcs')
  return digests
}

const digestOf = async (party: Party, peer: Peer, arc: Arc): Promise<Digest> =>
  (await digestsOf(party, peer, [arc]))[0] as Digest

class Comparison {
  readonly #party: Party
  readonly #peer: Peer
  readonly #intent: Intent
  readonly #claims: Claims
  /** Where the peer has had everything, and where of that nothing was ever given up. */
  readonly #complete: Arcs
  readonly #witnessed: Arcs
  readonly #transfer: Transfer
  #settled = true
  #caughtUp = true
  #decided = true
  /** Whether the peer has refused what it was given: the rest would be as well. */
  #refused = false

  constructor(party: Party, peer: Peer, intent: Intent, claims: Claims) {
    this.#claims = claims
    this.#complete = Arcs.of(claims.complete)
    this.#witnessed = Arcs.of(claims.witnessed)
    this.#party = party
    this.#peer = peer
    this.#intent = intent
    this.#transfer = new Transfer(party, peer)
  }

  get result(): Omit<Outcome, keyof Claims> {
    const { pulled, pushed } = this.#transfer
    return { pulled, pushed, settled: this.#settled, caughtUp: this.#caughtUp, decided: this.#decided }
  }

  /** @param level how often what is compared was divided */
  async compare(arc: Arc, parts: readonly Part[], level = 0): Promise<void> {
    // No arc can be divided more often than it has digits; one that changes meanwhile comes back whole.
    if (level > 2 * arc.to.length) throw new Unreachable(this.#peer.url, 'digests that do not divide')
    const { holdings } = this.#party
    /** Where we differ; parts side by side are one as long as they are few records together. */
    const piles: Pile[] = []
    let from = arc.from
    let adjacent = false
    for (const [at, { to, count, print }] of parts.entries()) {
      if (!inArc(from, to, arc.to) || (to === arc.to) !== (at === parts.length - 1))
        throw new Unreachable(this.#peer.url, 'a digest whose parts do not lead from one end of the arc to the other')
      const part = { from, to }
      const ours = holdings.records.summary(part)
      const pile = { ...part, ours: ours.count, theirs: count }
      const last = adjacent ? piles.at(-1) : undefined
      // Of nothing the peer has all.
      const isHad = ours.count === 0 && !this.#intent.pull
      adjacent = !isHad && (ours.print !== print || ours.count !== count)
      if (!adjacent) this.#intent.had?.(part)
      else if (last && isWhole(together(last, pile))) piles[piles.length - 1] = together(last, pile)
      else piles.push(pile)
      from = to
    }
    const isBare = ({ ours }: Pile) => ours === 0 && this.#intent.pull
    await inLanes(piles.filter(isBare), (pile) => this.#fill(pile))
    for (const pile of piles.filter((one) => !isBare(one))) {
      if (this.#isOver) return this.#giveUp()
      if (isWhole(pile)) await this.#level(pile, pile.theirs)
      else await this.compare(pile, (await digestOf(this.#party, this.#peer, pile)).parts, level + 1)
    }
  }

  /** Whoever goes takes nothing in any more. */
  get #isOver(): boolean {
    return this.#intent.pull && this.#party.goes()
  }

  #giveUp(): void {
    this.#settled = false
    this.#caughtUp = false
    this.#decided = false
  }

  /** Nothing is on its way any more. */
  end(): void {
    this.#transfer.end()
  }

  /** Where nothing is here everything is fetched, whatever it is. */
  async #fill(pile: Pile): Promise<void> {
    const { ended, left } = await this.#transfer.pullAll(pile, pile.theirs, ({ version }) => this.#trusts(version.hlc))
    this.#settled &&= ended && left === 0
    this.#caughtUp &&= ended
  }

  /** Both sides' records of a part, held against each other one by one. */
  async #level({ from, to }: Arc, count: number): Promise<void> {
    const { pull, push, had } = this.#intent
    const { holdings } = this.#party
    const part = { from, to }
    const [isComplete, isWitnessed] = [this.#complete.covers(part), this.#witnessed.covers(part)]
    const gives = push === 'all' || (push === 'held' && isComplete)
    // Nothing is to be had there, and what is here is not asked for.
    if (count === 0 && !gives && holdings.testimony.doubtUntil === undefined) {
      this.#settled = false
      return
    }
    const theirs = count > 0 ? await this.#versions(part, count) : new Map<string, Version>()
    const before = holdings.records.summary(part).print
    const sifting = new Sifting(holdings, { ...this.#claims, isComplete, isWitnessed }, theirs)
    let seen = 0
    for (const ours of holdings.records.on(part)) {
      if (++seen % turnLength === 0) await this.#party.clock.sleep(paceMs)
      sifting.add(ours)
    }
    this.#decided &&= sifting.isDecided
    const { given } = sifting
    const { wanted, isAll } = sifting.wanted((hlc) => this.#trusts(hlc))
    const came = !pull || (await this.#transfer.pull(wanted))
    this.#caughtUp &&= came
    const took = gives ? await this.#give(given, push) : given.length === 0
    const settled = took && sifting.isDecided && isAll
    this.#settled &&= settled
    if (settled && before === holdings.records.summary(part).print) had?.(part)
  }

  /** Whether the peer took everything. That it has no room does not take from what it has given; one who is to be an heir has to have some. */
  async #give(lacking: readonly string[], push: 'held' | 'all'): Promise<boolean> {
    if (this.#refused) return lacking.length === 0
    try {
      return await this.#transfer.push(lacking, push)
    } catch (error) {
      if (!(error instanceof Refusal) || push === 'all') throw error
      this.#refused = true
      this.#party.log.warn({ peer: this.#peer, why: error.message }, 'peer refused')
      return false
    }
  }

  /** Whether a record of the peer with that stamp is worth having: not if it may have been deleted and neither knows of it. */
  #trusts(hlc: string): boolean {
    const { testimony } = this.#party.holdings
    return !this.#claims.doubting || testimony.doubtUntil !== undefined || stampMs(hlc) >= testimony.knowsFrom
  }

  async #versions(part: Arc, count: number): Promise<Map<string, Version>> {
    const versions = new Map<string, Version>()
    // One more than there were says at once that there are no more.
    const limit = Math.min(limits.page, count + 1)
    const isSingle = idAfter(part.from) === part.to
    const most = 2 * Math.min(count, isSingle ? heldMost : listableAlone) + limits.page
    let told = 0
    for (let after: string | undefined, more = true; more; ) {
      const request = { ...part, limit, ...(after === undefined ? {} : { after }) }
      const { entries, next } = await this.#party.network.call(this.#peer, 'versions', request)
      told += entries.length
      for (const { index, version } of entries)
        versions.set(cursorOf({ key: idOf(index.slice(2), part.to.length * 4), index }), version)
      // A peer whose pages do not lead on, or do so for ever, would keep us: more than that are divided, unless they are of one key.
      if (next !== undefined && (!leadsOn(part, after, next) || told > most || entries.length === 0))
        throw new Unreachable(this.#peer.url, 'a list of versions that does not lead on')
      after = next
      more = next !== undefined
    }
    return versions
  }
}

/** An arc, and how many records each side has there. */
interface Pile extends Arc {
  readonly ours: number
  readonly theirs: number
}

const together = (a: Pile, b: Pile): Pile => ({ from: a.from, to: b.to, ours: a.ours + b.ours, theirs: a.theirs + b.theirs })

const isWhole = ({ from, to, ours, theirs }: Pile): boolean => isListable(ours, theirs) || idAfter(from) === to

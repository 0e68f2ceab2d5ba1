/**
 * Handing over: what this node holds goes to those who should have it, the window of its keys or, when this node goes, its heirs. What
 * they have is dropped here in the end, or left behind.
 */
import { Refusal, Unreachable } from '../protocol/errors.ts'
import { completeMost, type PeerApi } from '../protocol/peer-api.ts'
import type { Reply } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import { Arcs } from '../space/arcs.ts'
import type { Id } from '../space/id.ts'
import { type Arc, idBefore, inArc } from '../space/ring.ts'
import { Entrusted } from './entrusted.ts'
import { areDecided, type Intent, type Outcome, passOver, reconcile } from './reconcile.ts'
import { paceMs, type Party, turnLength } from './transfer.ts'

/** Failed searches for an owner in one pass, after which the rest waits for the next. */
const lostMost = 8

/** What is left to do, from little to much: nothing; only to wait for a grace to pass; to find room for copies; what could not be done. */
const rests = ['nothing', 'grace', 'room', 'work'] as const
export type Rest = (typeof rests)[number]

export const more = (a: Rest, b: Rest): Rest => (rests.indexOf(a) > rests.indexOf(b) ? a : b)

export interface HandoverOptions {
  readonly replicas: number
  /** How long a copy is kept after those who should hold it have acknowledged it, so that views have time to agree. */
  readonly graceMs: number
}

export class Handover {
  /** What others have by now of what this node holds. */
  readonly entrusted: Entrusted
  readonly #party: Party
  readonly #ownerOf: (key: Id) => Promise<Peer>
  readonly #options: HandoverOptions

  /** @param ownerOf who owns a key; @throws Refusal as Finder.ownerOf */
  constructor(party: Party, ownerOf: (key: Id) => Promise<Peer>, options: HandoverOptions) {
    this.#party = party
    this.#ownerOf = ownerOf
    this.#options = options
    this.entrusted = new Entrusted(options.graceMs)
  }

  /** Passes on what lies outside this node's cells, and drops what has been acknowledged long enough ago. */
  async passOn(strange: Arc): Promise<Rest> {
    let left: Rest = 'nothing'
    let lost = 0
    for (let rest: Arc | undefined = strange; rest && lost < lostMost; ) {
      const [first] = this.#party.holdings.records.on(rest)
      if (!first) break
      const cell = await this.#cellAround(first.key)
      const from = idBefore(first.key)
      const last = cell?.to ?? first.key
      const end: Id = inArc(from, last, rest.to) ? last : rest.to
      const arc: Arc = { from, to: end }
      const decided = cell !== undefined && (await this.#entrust(arc, cell.window))
      if (cell) await this.#dropSettled(arc)
      else lost++
      const isKept = this.#party.holdings.records.summary(arc).count > 0
      left = more(left, this.leftOn(arc) > 0 ? (decided ? 'room' : 'work') : isKept ? 'grace' : 'nothing')
      rest = end === rest.to ? undefined : { from: end, to: rest.to }
    }
    return left
  }

  /**
   * Gives all of an arc to the nearest heirs, as many as there are to be copies; fewer where there are no more. Returns how many
   * records were given.
   */
  async bequeath(arc: Arc): Promise<number> {
    this.entrusted.begin()
    let all = Arcs.of([arc])
    let willing = 0
    let given = 0
    for (const heir of this.#party.holdings.cells.heirs(arc.to, Infinity)) {
      if (willing === this.#options.replicas) break
      const had: Arc[] = []
      const outcome = await reconcile(this.#party, heir, arc, { pull: false, push: 'all', had: (part) => had.push(part) })
      if (!outcome) continue
      if (!this.#party.holdings.cells.takesWrites) await this.#bequeathWord(heir, Arcs.of(had))
      willing++
      given += outcome.pushed
      all = all.within(Arcs.of(had))
    }
    this.entrusted.note(arc, willing > 0 ? all : Arcs.none, this.#party.clock.now())
    return given
  }

  /** Tells an heir who has all of some arcs where this node, which takes no writes any more, has had everything. */
  async #bequeathWord(heir: Peer, had: Arcs): Promise<void> {
    const { network, holdings } = this.#party
    const told = (arcs: Arcs) => arcs.within(had).arcs().slice(0, completeMost)
    const { known, witnessed } = holdings.cells.completeness
    const inherited = { complete: told(known), witnessed: told(witnessed) }
    if (inherited.complete.length === 0) return
    try {
      await network.call(heir, 'merge', { records: [], keep: 'all', inherited })
    } catch (error) {
      passOver(this.#party, heir, error)
    }
  }

  /** Counts the records on an arc that not enough others have. */
  leftOn(arc: Arc): number {
    const rest = Arcs.of([arc]).without(this.entrusted.arcs())
    return rest
      .arcs()
      .reduce((sum, part) => sum + this.#party.holdings.records.summary(part).count, this.entrusted.holesOn(arc))
  }

  /**
   * Gives to each of a window what it lacks of an arc, if it believes that it holds it. This node is a member that is not in the window:
   * so one that has fewer nodes than there are to be copies does not know of everyone, and nothing is left to it alone.
   * Returns whether nothing is in doubt there any more.
   */
  async #entrust(arc: Arc, window: readonly Peer[]): Promise<boolean> {
    if (window.some(({ id }) => id === this.#party.me.id)) return false
    this.entrusted.begin()
    let all = window.length < this.#options.replicas ? Arcs.none : Arcs.of([arc])
    let given = 0
    const outcomes: (Outcome | undefined)[] = []
    for (const peer of window) {
      const had: Arc[] = []
      const intent: Intent = { pull: false, push: 'held', had: (part) => had.push(part) }
      const outcome = await reconcile(this.#party, peer, arc, intent)
      outcomes.push(outcome)
      given += outcome?.pushed ?? 0
      all = all.within(Arcs.of(outcome?.held ? had : []))
    }
    this.entrusted.note(arc, all, this.#party.clock.now())
    if (given > 0) this.#party.log.info({ to: window[0], records: given }, 'content passed on')
    return areDecided(outcomes)
  }

  /** Drops what has been with others since before the grace period. */
  async #dropSettled(arc: Arc): Promise<void> {
    const now = this.#party.clock.now()
    const settled = this.entrusted.settled(now).within(Arcs.of([arc]))
    let seen = 0
    for (const part of settled.arcs()) {
      for (const record of this.#party.holdings.records.on(part)) {
        if (++seen % turnLength === 0) await this.#party.clock.sleep(paceMs)
        // One that goes may have to stay.
        if (this.#party.goes() || this.#party.holdings.cells.believes(record.key)) return
        if (this.entrusted.isSettled(record.key, now)) this.#party.holdings.records.drop(record)
      }
    }
  }

  /** The cell that a key is in, as its owner sees it; undefined when nobody who is reachable says that it holds it. */
  async #cellAround(key: Id): Promise<Reply<PeerApi['cell']> | undefined> {
    try {
      const owner = await this.#ownerOf(key)
      if (owner.id === this.#party.me.id) return undefined
      return await this.#party.network.call(owner, 'cell', { key })
    } catch (error) {
      if (error instanceof Unreachable || error instanceof Refusal) return undefined
      throw error
    }
  }
}

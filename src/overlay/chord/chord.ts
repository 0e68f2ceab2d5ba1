/**
 * Chord as an overlay: the ring's rules and conversations behind the interface that every overlay has.
 *
 * The successor list and the predecessor change only by maintenance steps, which ask. Whatever else happens (a candidate,
 * a call that failed) schedules a step.
 */
import type { Route } from '../../protocol/peer-api.ts'
import type { Handlers, Request } from '../../protocol/rpc.ts'
import type { Mode, Peer } from '../../protocol/schemas.ts'
import { type Id, shortId } from '../../space/id.ts'
import { between } from '../../space/ring.ts'
import type { Cell, Job, ServedOverlay } from '../overlay.ts'
import type { Candidacy, Candidate, ChordApi } from './api.ts'
import { fingerRuns, type Heralds, refreshFingers } from './fingers.ts'
import { placeOf } from './join.ts'
import { Reunion } from './reunion.ts'
import { checkPredecessor, rectify, stabilize } from './stabilize.ts'

export class Chord extends Reunion implements ServedOverlay<ChordApi> {
  readonly confirm = 0
  readonly place = this.table.place
  readonly heldBy = this.table.heldBy
  /** Whether stabilisations that were asked for are being made, and whether another one is wanted after the present one. */
  #scheduled = false
  #wanted = false
  /** Whether one will be asked for in a moment. */
  #pausing = false
  /** Who says that it may be our successor; our successor may hear of it a moment later than we do. */
  #offered: Peer | undefined
  /** Who has said that it goes, and leaves this node alone. */
  #leaver: Id | undefined
  /** Who says that it may be our predecessor, and is to be asked. */
  #candidate: Candidate | undefined
  #heralds: Heralds = new Map()

  readonly jobs: readonly Job[] = [
    { name: 'stabilize', everyMs: this.options.stabilizeEveryMs, run: () => this.#stabilize() },
    { name: 'refresh fingers', everyMs: this.options.refreshFingersEveryMs, run: () => this.#refreshFingers() },
    { name: 'reunite', everyMs: this.options.reuniteEveryMs, run: () => this.#lookAround() },
  ]

  readonly handlers: Handlers<ChordApi> = {
    predecessor: () => this.asMember(() => this.table.predecessor),
    successor: () => this.asMember(() => this.table.successor),
    predecessors: () => this.asMember(() => ({ predecessors: [...this.table.predecessors] })),
    neighborhood: () => this.copy(),
    approach: ({ id, count, avoid }) => this.asMember(() => this.table.approach(id, count, new Set(avoid), 'fingers')),
    join: (joiner) => this.asMember(() => placeOf(this, joiner)),
    offerPredecessor: (candidate) => this.#offerPredecessor(candidate),
    offerSuccessor: (candidate) => this.#offerSuccessor(candidate),
    meet: (peer) => this.#meet(peer),
  }

  route(key: Id, count: number, avoid: ReadonlySet<Id>, mode: Mode): Route {
    return this.asMember(() => this.table.route(key, count, avoid, mode))
  }

  cells(): Cell[] {
    return this.isMember ? this.table.cells() : []
  }

  neighbors(): Peer[] {
    return this.table.neighbors()
  }

  /** Whoever lives between this node and a neighbour, and is no neighbour, may be of another ring of the same network. */
  override introduce(peer: Peer): void {
    super.introduce(peer)
    const { me, table } = this
    const { predecessor, successor } = table
    if (between(predecessor.id, peer.id, me.id) || between(me.id, peer.id, successor.id)) this.later(() => this.reunite([peer]))
  }

  override evict(id: Id): void {
    super.evict(id)
    const { table } = this
    table.dropFinger(id)
    if (table.successors.some((peer) => peer.id === id) || table.predecessor.id === id) this.#schedule()
  }

  isThere(peer: Peer): Promise<boolean> {
    return this.isAlive(peer, 'predecessors', {})
  }

  get attributes() {
    const { table } = this
    const { predecessor, successor, successors } = table
    return {
      ownership: this.options.ownership,
      predecessor,
      successor,
      successors,
      get fingers() {
        return fingerRuns(table)
      },
    }
  }

  async #refreshFingers(): Promise<void> {
    if (this.isMember) this.#heralds = await refreshFingers(this, this.#heralds)
  }

  /** For another ring; and, where windows are longer than one, for news of those before us that has not reached us. */
  async #lookAround(): Promise<void> {
    if (this.options.replicas > 1) await this.attempt(() => checkPredecessor(this))
    await this.reunite()
  }

  async #stabilize(): Promise<void> {
    if (!this.isMember) return this.comeBack()
    const { successor } = this.table
    const leaver = this.#leaver
    const outcome = await stabilize(this, leaver)
    // Of a goodbye only the next step may say what it meant.
    if (outcome !== 'stale' && outcome !== 'busy' && this.#leaver === leaver) this.#leaver = undefined
    // Whom it knows may be nearer still.
    if (this.table.successor.id !== successor.id) this.#schedule()
    if (outcome === 'stale') this.later(() => this.#again())
    if (typeof outcome === 'object') await this.yieldId(outcome)
    if (outcome !== 'alone') return
    this.ports.log.warn({}, 'every successor lost')
    this.exit()
    await this.comeBack()
  }

  /** Others may have come between at the same time. */
  protected override async enterThrough(contact: Peer): Promise<boolean> {
    const entered = await super.enterThrough(contact)
    if (entered) this.#schedule()
    return entered
  }

  /** A stabilisation at once; however many ask for one while it is made, one more follows. */
  #schedule(): void {
    this.#wanted = true
    if (this.#scheduled) return
    this.#scheduled = true
    this.later(async () => {
      try {
        while (this.#wanted && this.isMember) {
          this.#wanted = false
          await this.#stabilize()
        }
      } finally {
        this.#scheduled = false
      }
      const { me } = this
      const missed = this.#offered && between(me.id, this.#offered.id, this.table.successor.id)
      this.#offered = undefined
      if (missed) await this.#again()
    })
  }

  /** Once at a time: abandoned steps would else begin ever more of these. */
  async #again(): Promise<void> {
    if (this.#pausing) return
    this.#pausing = true
    await this.pause()
    this.#pausing = false
    this.#schedule()
  }

  #offerPredecessor(offer: Request<ChordApi['offerPredecessor']>): Candidacy {
    const { leaving, ...candidate } = offer
    const current = this.table.predecessor
    const goodbye = this.#hear(candidate, leaving, current)
    if (goodbye) return goodbye
    this.#consider(offer)
    const { me } = this
    const accepted = candidate.id === current.id || leaving === current.id || between(current.id, candidate.id, me.id)
    return accepted
      ? { accepted, current }
      : { accepted, reason: `${shortId(current.id)} is nearer; asking whether it lives`, current }
  }

  #offerSuccessor({ leaving, ...candidate }: Request<ChordApi['offerSuccessor']>): Candidacy {
    const current = this.table.successor
    const goodbye = this.#hear(candidate, leaving, current)
    if (goodbye) return goodbye
    const { me } = this
    const accepted = candidate.id === current.id || leaving === current.id || between(me.id, candidate.id, current.id)
    if (!accepted) return { accepted, reason: `${shortId(current.id)} is nearer`, current }
    this.#offered = candidate
    this.#schedule()
    return { accepted, current }
  }

  /** What every candidate has to pass. Of a ring of two, the one who leaves offers the other to itself: that is an answer. */
  #hear(candidate: Peer, leaving: Id | undefined, current: Peer): Candidacy | undefined {
    this.assertMember()
    this.assertSound(candidate)
    if (candidate.id !== this.me.id) return undefined
    if (leaving !== current.id) return { accepted: false, reason: 'that is this node', current }
    this.#leaver = leaving
    this.#schedule()
    return { accepted: true, current }
  }

  /** One candidate at a time waits for its turn, the nearest; whoever else means it will say so again. */
  #consider(candidate: Candidate): void {
    const { me } = this
    const waiting = this.#candidate
    if (!waiting || between(waiting.id, candidate.id, me.id)) this.#candidate = candidate
    if (waiting) return
    this.later(() =>
      rectify(this, () => {
        const chosen = this.#candidate ?? candidate
        this.#candidate = undefined
        return chosen
      }),
    )
  }

  #meet(peer: Peer): Record<string, never> {
    this.assertMember()
    this.assertSound(peer)
    super.introduce(peer)
    this.later(() => this.reunite([peer]))
    return {}
  }
}

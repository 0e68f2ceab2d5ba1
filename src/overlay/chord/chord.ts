/**
 * Chord as an overlay: the ring's rules and conversations behind the interface that every overlay has.
 *
 * The successor list and the predecessor change only by maintenance steps, which ask. Whatever else happens (a candidate,
 * a call that failed) schedules a step.
 */
import { Refusal, Unreachable } from '../../protocol/errors.ts'
import type { Route } from '../../protocol/peer-api.ts'
import type { Handlers, Request } from '../../protocol/rpc.ts'
import type { Mode, Peer } from '../../protocol/schemas.ts'
import { type Id, shortId } from '../../space/id.ts'
import { between } from '../../space/ring.ts'
import type { Cell, Job, OverlaySetting, OverlayView, ServedOverlay } from '../overlay.ts'
import type { Candidacy, ChordApi } from './api.ts'
import { fingerRuns, refreshFingers } from './fingers.ts'
import { assertIdOf, compareRings, found, joinThrough, placeOf, resign } from './join.ts'
import type { ChordOptions } from './options.ts'
import { Ring } from './ring.ts'
import { checkPredecessor, rectify, stabilize, tell } from './stabilize.ts'
import type { Table } from './table.ts'

/** Between two attempts to join, and before a step that was abandoned is tried again: this much, and as much again at random. */
const retryMs = 100

export class Chord implements ServedOverlay<ChordApi> {
  readonly name = 'chord'
  readonly confirm = 0
  readonly #ring: Ring
  #seeds: readonly Peer[] = []
  #leaving = false
  /** Whether a stabilisation is waiting for its turn: one is enough. */
  #scheduled = false
  #reuniting = false
  #returning = false

  constructor(setting: OverlaySetting<ChordApi, ChordOptions>) {
    this.#ring = new Ring(setting)
    const { stabilizeEveryMs, refreshFingersEveryMs, reuniteEveryMs } = setting.options
    this.jobs = [
      { name: 'stabilize', everyMs: stabilizeEveryMs, run: () => this.#maintain() },
      { name: 'refresh fingers', everyMs: refreshFingersEveryMs, run: () => this.#refreshFingers() },
      { name: 'reunite', everyMs: reuniteEveryMs, run: () => this.#reunite() },
    ]
    const ring = this.#ring
    const asMember = <T>(answer: () => T): T => {
      ring.assertMember()
      return answer()
    }
    this.handlers = {
      predecessor: () => asMember(() => this.table.predecessor),
      successor: () => asMember(() => this.table.successor),
      predecessors: () => asMember(() => ({ predecessors: [...this.table.predecessors] })),
      neighborhood: () => ring.copy(),
      approach: ({ id, count, avoid }) => asMember(() => this.table.approach(id, count, new Set(avoid), 'fingers')),
      join: (joiner) => asMember(() => placeOf(ring, joiner)),
      offerPredecessor: (candidate) => this.#offerPredecessor(candidate),
      offerSuccessor: (candidate) => this.#offerSuccessor(candidate),
      meet: (peer) => this.#meet(peer),
    }
  }

  /** What this node knows of its ring; for checks. */
  get table(): Table {
    return this.#ring.table
  }

  get revision(): number {
    return this.#ring.revision
  }

  get isMember(): boolean {
    return this.#ring.isMember
  }

  route(key: Id, count: number, avoid: ReadonlySet<Id>, mode: Mode): Route {
    this.#ring.assertMember()
    return this.table.route(key, count, avoid, mode)
  }

  place(key: Id, peers: readonly Peer[], count: number): Peer[] {
    return this.table.place(key, peers, count)
  }

  cells(): Cell[] {
    return this.isMember ? this.table.cells() : []
  }

  neighbors(): Peer[] {
    return this.table.neighbors()
  }

  admit(peer: Peer): void {
    this.#ring.acquaintances.admit(peer, this.#ring.ports.clock.now())
  }

  evict(id: Id): void {
    const { acquaintances, ports, table } = this.#ring
    acquaintances.evict(id, ports.clock.now())
    table.dropFinger(id)
    if (table.successors.some((peer) => peer.id === id) || table.predecessor.id === id) this.#schedule()
  }

  view(): OverlayView {
    const { table, options, acquaintances } = this.#ring
    const { predecessor, successor, successors } = table
    return {
      joined: this.isMember,
      degraded: successors.length < options.replicas,
      acquaintances: acquaintances.all(),
      attributes: { predecessor, successor, successors, fingers: fingerRuns(table) },
    }
  }

  async join(seeds: readonly Peer[]): Promise<void> {
    const { acquaintances, ports, me, options } = this.#ring
    this.#seeds = seeds.filter(({ id }) => id !== me.id)
    for (const seed of this.#seeds) acquaintances.introduce(seed, ports.clock.now())
    if (seeds.length === 0) await found(this.#ring)
    else await this.#enter(() => [...this.#seeds], options.foundAfterMs)
  }

  async leave(): Promise<void> {
    this.#leaving = true
    await resign(this.#ring)
  }

  readonly jobs: readonly Job[]
  readonly handlers: Handlers<ChordApi>

  /** The periodic round: successor, then predecessor. */
  async #maintain(): Promise<void> {
    await this.#stabilize()
    await checkPredecessor(this.#ring)
  }

  async #refreshFingers(): Promise<void> {
    if (this.isMember) await refreshFingers(this.#ring)
  }

  async #stabilize(): Promise<void> {
    if (!this.isMember) return this.#comeBack()
    const outcome = await stabilize(this.#ring)
    if (outcome === 'stale') this.#schedule(retryMs)
    if (outcome !== 'alone') return
    this.#ring.ports.log.warn({}, 'every successor lost')
    this.#ring.exit()
    await this.#comeBack()
  }

  /** A stabilisation soon; one at a time waits. */
  #schedule(afterMs = 0): void {
    if (this.#scheduled || !this.isMember) return
    this.#scheduled = true
    this.#later(async () => {
      if (afterMs > 0) await this.#pause(afterMs)
      this.#scheduled = false
      await this.#stabilize()
    })
  }

  /** Tries contacts until one takes us in; when none has answered for `patienceMs`, founds a ring of its own. */
  async #enter(contacts: () => Peer[], patienceMs: number): Promise<void> {
    const { clock, random } = this.#ring.ports
    const began = clock.now()
    while (!this.#leaving) {
      let answered = false
      const left = contacts()
      while (left.length > 0 && !this.#leaving) {
        const [contact] = left.splice(random.below(left.length), 1) as [Peer]
        try {
          if (await joinThrough(this.#ring, contact)) return
          answered = true
        } catch (error) {
          if (error instanceof Refusal && error.status !== 503) throw error
          if (!(error instanceof Unreachable || error instanceof Refusal)) throw error
          this.#ring.ports.log.debug({ contact, why: error.message }, 'contact could not help')
        }
      }
      if (!answered && clock.now() - began >= patienceMs) return found(this.#ring)
      await this.#pause(retryMs)
    }
  }

  /** Back into a ring, after this node has lost its place or given it up. */
  async #comeBack(first?: Peer): Promise<void> {
    if (this.#returning || this.#leaving) return
    this.#returning = true
    try {
      if (first && (await this.#joinedThrough(first))) return
      const known = () => this.#ring.acquaintances.all().map(({ peer }) => peer)
      await this.#enter(() => [...known(), ...this.#seeds].filter(({ id }) => id !== this.#ring.me.id), 0)
    } finally {
      this.#returning = false
    }
  }

  async #joinedThrough(contact: Peer): Promise<boolean> {
    try {
      return await joinThrough(this.#ring, contact)
    } catch (error) {
      if (error instanceof Unreachable || error instanceof Refusal) return false
      throw error
    }
  }

  /** Looks for another ring of this network through someone who is not near; the larger of two yields, node by node. */
  async #reunite(contact = this.#stranger()): Promise<void> {
    if (!contact || this.#reuniting || this.#returning || this.#leaving || !this.isMember) return
    this.#reuniting = true
    try {
      const verdict = await compareRings(this.#ring, contact)
      if (verdict === 'ours') await tell(this.#ring, contact, 'meet', this.#ring.me)
      if (verdict !== 'theirs') return
      this.#ring.ports.log.info({ contact }, 'ring given up for another')
      await resign(this.#ring, contact)
      await this.#comeBack(contact)
    } finally {
      this.#reuniting = false
    }
  }

  /** Someone known who is not in the successor list. */
  #stranger(): Peer | undefined {
    const near = new Set(this.table.successors.map(({ id }) => id))
    const others = this.#ring.acquaintances.all().filter(({ peer }) => !near.has(peer.id))
    return others[this.#ring.ports.random.below(Math.max(1, others.length))]?.peer
  }

  #offerPredecessor({ leaving, ...candidate }: Request<ChordApi['offerPredecessor']>): Candidacy {
    this.#ring.assertMember()
    assertIdOf(this.#ring, candidate)
    const { me } = this.#ring
    const current = this.table.predecessor
    if (candidate.id === me.id) return { accepted: false, reason: 'that is this node', current }
    this.#later(() => rectify(this.#ring, candidate))
    const accepted = candidate.id === current.id || leaving === current.id || between(current.id, candidate.id, me.id)
    return accepted
      ? { accepted, current }
      : { accepted, reason: `${shortId(current.id)} is nearer; asking whether it lives`, current }
  }

  #offerSuccessor({ leaving, ...candidate }: Request<ChordApi['offerSuccessor']>): Candidacy {
    this.#ring.assertMember()
    assertIdOf(this.#ring, candidate)
    const { me } = this.#ring
    const current = this.table.successor
    if (candidate.id === me.id) return { accepted: false, reason: 'that is this node', current }
    const nearer = () => between(me.id, candidate.id, this.table.successor.id)
    const accepted = candidate.id === current.id || leaving === current.id || nearer()
    if (!accepted) return { accepted, reason: `${shortId(current.id)} is nearer`, current }
    this.#later(async () => {
      await this.#stabilize()
      if (nearer()) this.#schedule(retryMs)
    })
    return { accepted, current }
  }

  #meet(peer: Peer): Record<string, never> {
    this.#ring.assertMember()
    assertIdOf(this.#ring, peer)
    this.#ring.acquaintances.introduce(peer, this.#ring.ports.clock.now())
    this.#later(() => this.#reunite(peer))
    return {}
  }

  /** Work that nobody waits for. */
  #later(work: () => Promise<unknown>): void {
    const { log } = this.#ring.ports
    work().catch((error: unknown) => {
      if (error instanceof Refusal || error instanceof Unreachable) log.debug({ why: error.message }, 'step given up')
      else log.error({ err: error }, 'step failed')
    })
  }

  #pause(ms: number): Promise<void> {
    const { clock, random } = this.#ring.ports
    return clock.sleep(ms + random.below(ms))
  }
}

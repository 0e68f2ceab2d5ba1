/**
 * Pastry as an overlay: prefix routing by who is near, and windows of those whose ids are nearest. Rowstron & Druschel (Middleware'01).
 */
import { Refusal, Unreachable } from '../../protocol/errors.ts'
import type { Route } from '../../protocol/peer-api.ts'
import type { Handlers, Request } from '../../protocol/rpc.ts'
import type { Peer } from '../../protocol/schemas.ts'
import { type Id, shortId } from '../../space/id.ts'
import type { Cell, Job, OverlaySetting, OverlayView, ServedOverlay } from '../overlay.ts'
import type { Known, PastryApi, Step } from './api.ts'
import { arriveThrough, breadth, wayHome } from './arrival.ts'
import type { PastryOptions } from './options.ts'
import { place } from './placement.ts'
import type { Table } from './table.ts'
import { Upkeep } from './upkeep.ts'

/** Between two rounds of contacts: this much, and as much again at random. */
const retryMs = 100

export class Pastry implements ServedOverlay<PastryApi> {
  readonly confirm = 0
  readonly place = place
  readonly jobs: readonly Job[]
  readonly handlers: Handlers<PastryApi>
  readonly #upkeep: Upkeep
  #seeds: readonly Peer[] = []
  #leaving = false

  constructor(setting: OverlaySetting<PastryApi, PastryOptions>) {
    const upkeep = new Upkeep(setting)
    this.#upkeep = upkeep
    const { stabilizeEveryMs, refreshRowsEveryMs, reuniteEveryMs } = setting.options
    this.jobs = [
      { name: 'stabilize', everyMs: stabilizeEveryMs, run: () => upkeep.round() },
      { name: 'refresh rows', everyMs: refreshRowsEveryMs, run: () => upkeep.refreshRows() },
      { name: 'reunite', everyMs: reuniteEveryMs, run: () => this.#reunite() },
    ]
    this.handlers = {
      leaves: () => ({ leaves: upkeep.state.leaves }),
      state: () => upkeep.state,
      arrive: (request) => this.#receive(request),
      notice: (peer) => {
        upkeep.assertMember()
        upkeep.assertSound(peer)
        upkeep.notice(peer)
        return {}
      },
    }
  }

  /** What this node knows; for checks. */
  get table(): Table {
    return this.#upkeep.table
  }

  get revision(): number {
    return this.#upkeep.revision
  }

  route(key: Id, count: number, avoid: ReadonlySet<Id>): Route {
    this.#upkeep.assertMember()
    return this.table.route(key, count, avoid)
  }

  cells(): Cell[] {
    return this.#upkeep.isMember ? this.table.leaves.cells(this.#upkeep.options.replicas) : []
  }

  neighbors(): Peer[] {
    return this.table.leaves.nearest(this.#upkeep.me.id, Infinity, new Set([this.#upkeep.me.id]))
  }

  introduce(peer: Peer): void {
    const { acquaintances, ports, table } = this.#upkeep
    acquaintances.introduce(peer, ports.clock.now())
    if (this.#upkeep.isMember && table.lacks(peer.id)) this.#upkeep.notice(peer)
  }

  /** Whoever answers something is there, and maybe not a member: it is remembered, and measured if it is known. */
  admit(peer: Peer, rttMs: number): void {
    const { acquaintances, ports, table } = this.#upkeep
    acquaintances.admit(peer, ports.clock.now())
    if (table.get(peer.id)?.url === peer.url) this.#upkeep.admit(peer, rttMs)
  }

  evict(id: Id): void {
    this.#upkeep.acquaintances.evict(id, this.#upkeep.ports.clock.now())
    const peer = this.table.get(id)
    if (peer) this.#upkeep.notice(peer)
  }

  view(): OverlayView {
    const { acquaintances, isMember, options, table } = this.#upkeep
    const known = (peers: Iterable<Peer>): Known[] =>
      Array.from(peers, ({ id, url }) => ({ id, url, ms: Math.round(table.rttOf(id) * 100) / 100 }))
    return {
      joined: isMember,
      degraded: table.leaves.members.length < options.replicas,
      acquaintances: acquaintances.all(),
      get attributes() {
        return {
          leafSetSize: options.leafSetSize,
          leafSet: known(table.leaves.members),
          rows: table.rows.map((row) => known(row.values())),
          neighborhood: known(table.neighborhood),
        }
      },
    }
  }

  async join(seeds: readonly Peer[]): Promise<void> {
    const { me, acquaintances, ports, options } = this.#upkeep
    this.#seeds = seeds.filter(({ id }) => id !== me.id)
    for (const seed of this.#seeds) acquaintances.introduce(seed, ports.clock.now())
    if (seeds.length === 0) this.#found()
    else await this.#enter(options.foundAfterMs)
  }

  /** Whoever is told asks, and finds that nobody is there. */
  async leave(): Promise<void> {
    this.#leaving = true
    const { known } = this.table
    if (this.#upkeep.isMember) this.#upkeep.exit()
    await this.#upkeep.tell(known)
  }

  #found(): void {
    this.table.clear()
    this.#upkeep.enter()
    this.#upkeep.ports.log.info({}, 'network founded')
  }

  /**
   * Tries contacts, the nearest first, until one leads to the place of this node; when none has answered for `patienceMs`, founds a
   * network of its own.
   */
  async #enter(patienceMs: number): Promise<void> {
    const { ports, table } = this.#upkeep
    const { clock, random } = ports
    const began = clock.now()
    while (!this.#leaving) {
      const near: Peer[] = []
      await this.#upkeep.each(this.#upkeep.contacts(this.#seeds), async (peer) => {
        if (await this.#upkeep.call(peer, 'leaves', {})) near.push(peer)
      })
      near.sort((a, b) => table.rttOf(a.id) - table.rttOf(b.id))
      for (const contact of near) if (!this.#leaving && (await this.#arrived(contact))) return
      if (near.length === 0 && clock.now() - began >= patienceMs) return this.#found()
      await clock.sleep(retryMs + random.below(retryMs))
    }
  }

  async #arrived(contact: Peer): Promise<boolean> {
    try {
      return await arriveThrough(this.#upkeep, contact)
    } catch (error) {
      const concernsUs = error instanceof Refusal && (error.code === 'ID_TAKEN' || error.code === 'BAD_ID')
      if (concernsUs || !(error instanceof Unreachable || error instanceof Refusal)) throw error
      this.#upkeep.ports.log.debug({ contact, why: error.message }, 'contact could not help')
      return false
    }
  }

  /** Looks for its own place through someone who is not near by id: a cut may have left others of this network there. */
  async #reunite(): Promise<void> {
    const { acquaintances, ports, table, me } = this.#upkeep
    const strangers = acquaintances.all().filter(({ peer }) => !table.leaves.get(peer.id) && peer.id !== me.id)
    const stranger = strangers[ports.random.below(Math.max(1, strangers.length))]?.peer
    if (!stranger || !this.#upkeep.isMember) return
    const last = (await this.#wayThrough(stranger))?.at(-1)
    if (last) await this.#upkeep.consider([...last.peers, last.peer, ...last.leaves], () => false)
  }

  /** Undefined when somebody on the way refuses: of one who says that this node's id is taken, `Upkeep` hears from its leaf set. */
  async #wayThrough(stranger: Peer): Promise<Awaited<ReturnType<typeof wayHome>> | undefined> {
    try {
      return await wayHome(this.#upkeep, stranger)
    } catch (error) {
      if (error instanceof Refusal) return undefined
      throw error
    }
  }

  /** The next step of a newcomer, as if it were not known yet. */
  async #receive({ avoid, ...newcomer }: Request<PastryApi['arrive']>): Promise<Step> {
    const upkeep = this.#upkeep
    upkeep.assertMember()
    upkeep.assertSound(newcomer)
    upkeep.acquaintances.introduce(newcomer, upkeep.ports.clock.now())
    const holder = newcomer.id === upkeep.me.id ? upkeep.me : this.table.get(newcomer.id)
    if (holder && holder.url !== newcomer.url && (holder === upkeep.me || (await upkeep.call(holder, 'leaves', {}))))
      throw new Refusal('ID_TAKEN', `id ${shortId(newcomer.id)} is taken by ${holder.url}; start at another port`, {
        by: holder,
      })
    return { ...this.route(newcomer.id, breadth, new Set([...avoid, newcomer.id])), ...upkeep.state }
  }
}

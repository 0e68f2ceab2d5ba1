/**
 * Pastry as an overlay: prefix routing by who is near, and windows of those whose ids are nearest. Rowstron & Druschel (Middleware'01).
 */
import type { Route } from '../../protocol/peer-api.ts'
import type { Handlers, Request } from '../../protocol/rpc.ts'
import type { Peer } from '../../protocol/schemas.ts'
import type { Id } from '../../space/id.ts'
import { concernsUs, idTaken } from '../caller.ts'
import type { Cell, Job, ServedOverlay } from '../overlay.ts'
import type { Known, PastryApi, Step } from './api.ts'
import { arriveThrough, breadth, wayHome } from './arrival.ts'
import { cellsOf, place } from './placement.ts'
import { Upkeep } from './upkeep.ts'

export class Pastry extends Upkeep implements ServedOverlay<PastryApi> {
  readonly confirm = 0
  readonly place = place
  readonly heldBy = cellsOf

  readonly jobs: readonly Job[] = [
    { name: 'stabilize', everyMs: this.options.stabilizeEveryMs, run: () => this.round() },
    { name: 'refresh rows', everyMs: this.options.refreshRowsEveryMs, run: () => this.refreshRows() },
    { name: 'reunite', everyMs: this.options.reuniteEveryMs, run: () => this.#reunite() },
  ]

  readonly handlers: Handlers<PastryApi> = {
    leaves: () => ({ leaves: this.state.leaves }),
    state: () => this.state,
    arrive: (request) => this.#receive(request),
    notice: (peer) => {
      this.assertMember()
      this.assertSound(peer)
      this.notice(peer)
      return {}
    },
  }

  route(key: Id, count: number, avoid: ReadonlySet<Id>): Route {
    return this.asMember(() => this.table.route(key, count, avoid))
  }

  cells(): Cell[] {
    return this.isMember ? this.table.leaves.cells(this.options.replicas) : []
  }

  neighbors(): Peer[] {
    return this.table.leaves.nearest(this.me.id, Infinity, new Set([this.me.id]))
  }

  override introduce(peer: Peer): void {
    super.introduce(peer)
    if (this.isMember && this.table.lacks(peer.id)) this.notice(peer)
  }

  get attributes() {
    const { leaves, rows, neighborhood } = this.table
    const known = (peers: readonly Peer[]): Known[] =>
      peers.map(({ id, url }) => ({ id, url, ms: Math.round(this.table.rttOf(id) * 100) / 100 }))
    return {
      leafSetSize: this.options.leafSetSize,
      leafSet: known(leaves.members),
      rows: rows.map(known),
      neighborhood: known(neighborhood),
    }
  }

  /** Those who are there, the nearest first. */
  protected override async order(contacts: readonly Peer[]): Promise<Peer[]> {
    const near: Peer[] = []
    await this.each(contacts, async (peer) => {
      if (await this.isThere(peer)) near.push(peer)
    })
    return near.sort((a, b) => this.table.rttOf(a.id) - this.table.rttOf(b.id))
  }

  protected async enterThrough(contact: Peer): Promise<boolean> {
    return (await this.attempt(() => arriveThrough(this, contact), concernsUs)) ?? false
  }

  /** Whoever is told asks, and finds that nobody is there. */
  protected async resign(): Promise<void> {
    const { known } = this.table
    this.exit()
    await this.tell(known)
  }

  /** Looks for its own place through someone who is not near by id: a cut may have left others of this network there. */
  async #reunite(): Promise<void> {
    if (!this.isMember) return
    if (this.table.known.length === 0) return this.repairLeafSet()
    const contacts = this.contacts()
    const stranger = this.pick(contacts.filter(({ id }) => !this.table.leaves.get(id)))
    // Of one on the way who says that this node's id is taken its leaf set tells: see Upkeep.
    const last = stranger && (await this.attempt(() => wayHome(this, stranger)))?.at(-1)
    if (last) await this.consider([...last.peers, last.peer, ...last.leaves], () => false)
    // Where nobody leads home, of those in quarantine only whoever was met before may have given up this node, and live.
    const isDoubted = (id: Id) => !last && this.isQuarantined(id) && contacts.every((met) => met.id !== id)
    // Of the outermost the nearest on one side only knows.
    const { members } = this.table.leaves
    for (const beside of [...members.slice(0, 1), ...members.slice(-1)]) await this.consider(await this.ask(beside), isDoubted)
  }

  /** The next step of a newcomer, as if it were not known yet. */
  async #receive({ avoid, ...newcomer }: Request<PastryApi['arrive']>): Promise<Step> {
    this.assertMember()
    this.assertSound(newcomer)
    super.introduce(newcomer)
    const holder = newcomer.id === this.me.id ? this.me : this.table.get(newcomer.id)
    const isTaken = holder && holder.url !== newcomer.url && (holder === this.me || (await this.isThere(holder)))
    if (isTaken) throw idTaken(holder)
    return { ...this.route(newcomer.id, breadth, new Set([...avoid, newcomer.id])), ...this.state }
  }
}

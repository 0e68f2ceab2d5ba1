/**
 * Keeping what a node knows true: nobody enters the table who has not answered, and whoever does not answer is replaced. Pastry §2.4.
 *
 * What others say is a reason to ask, never a fact: a name that would fill a gap, a member of ours that a neighbour of it does not list,
 * somebody who wants to be noticed. Whoever was known and did not answer is in quarantine: that others still name it is no reason any more.
 */
import type { Peer } from '../../protocol/schemas.ts'
import { distinct, type Id } from '../../space/id.ts'
import { between } from '../../space/ring.ts'
import { idTaken } from '../caller.ts'
import { Wary } from '../wary.ts'
import type { PastryApi, State } from './api.ts'
import type { PastryOptions } from './options.ts'
import { Table } from './table.ts'

/** Peers that are asked for others in a repair, and strangers that are measured in one. */
const repairsMost = 6
/** Peers asked at the same time because somebody wanted it: whoever is beyond says so again. */
const noticesMost = 64

export abstract class Upkeep extends Wary<PastryApi, PastryOptions> {
  readonly table = new Table(this.me, this.options)
  readonly #asking = new Set<Id>()
  /** Who wanted to be noticed while it was being asked: what it answers may be from before. */
  readonly #again = new Set<Id>()
  /** When each of the table answered last, by `Clock.now`. */
  readonly #heard = new WeakMap<Peer, number>()

  /** What others are told. @throws Refusal NOT_JOINED */
  get state(): State {
    this.assertMember()
    const { leaves, rows, neighborhood } = this.table
    return { leaves: [...leaves.members], rows, neighborhood: [...neighborhood] }
  }

  /**
   * Asks a peer for its leaf set, and whoever that makes one ask, and so on: at the end everyone who belongs into ours, as far as anyone
   * reached knows, has answered. Returns whom the peer named; undefined when it does not answer, or is being asked already.
   */
  async ask(peer: Peer): Promise<readonly Peer[] | undefined> {
    if (this.#asking.has(peer.id) || peer.id === this.me.id) return undefined
    this.#asking.add(peer.id)
    try {
      const reply = await this.call(peer, 'leaves', {})
      // More than a leaf set can name is not what an honest one says.
      const named = reply?.leaves.slice(0, this.options.leafSetSize)
      if (named) await this.#compare(peer, named)
      return named
    } finally {
      this.#asking.delete(peer.id)
      if (this.#again.delete(peer.id)) this.notice(peer)
    }
  }

  /** Asks those of some, named by others, who would fill a gap; one that is filled by then is none. */
  async consider(named: readonly Peer[] = [], isDoubted = (id: Id) => this.isQuarantined(id)): Promise<void> {
    await this.each(named, async (peer) => {
      if (this.table.lacks(peer.id) && !isDoubted(peer.id) && this.isSound(peer)) await this.ask(peer)
    })
  }

  /** Asks so many of those who are not known yet, to see how far away they are. */
  async measure(named: readonly Peer[] = [], most = repairsMost): Promise<void> {
    const strangers = distinct(named).filter(({ id }) => id !== this.me.id && !this.table.get(id) && !this.isQuarantined(id))
    await this.each(strangers.slice(0, most), (peer) => this.call(peer, 'leaves', {}))
  }

  /** Somebody wants to be noticed. */
  notice(peer: Peer): void {
    if (this.#asking.has(peer.id)) this.#again.add(peer.id)
    else if (this.#asking.size < noticesMost) this.later(() => this.ask(peer))
  }

  /** Tells everyone known, or some, to ask us. */
  async tell(peers: readonly Peer[]): Promise<void> {
    await this.each(peers, (peer) => this.call(peer, 'notice', this.me))
  }

  /** One round: the next node clockwise, and of all the one that has been silent for longest. @throws Refusal ID_TAKEN */
  async round(): Promise<void> {
    const { known, leaves } = this.table
    if (leaves.isDoubtful) this.later(() => this.repairLeafSet())
    const silentFirst = known.sort((a, b) => (this.#heard.get(a) ?? 0) - (this.#heard.get(b) ?? 0))
    await this.each([...leaves.members.slice(0, 1), ...silentFirst.slice(0, 1)], (peer) => this.ask(peer))
  }

  /** One entry of each row is asked for that row: who is nearer than ours takes its place. FreePastry, routing table maintenance. */
  async refreshRows(): Promise<void> {
    for (const [at, row] of this.table.rows.entries()) {
      const peer = this.pick(row)
      const state = peer && (await this.call(peer, 'state', {}))
      await this.consider(state?.rows[at])
      await this.measure(state?.rows[at])
    }
  }

  /**
   * The outermost on both sides know who comes next, and once nobody is left whom they know alone the set is what it should be.
   * When all of them are gone others who are known may be near, and when everyone is, those who are remembered may be there all the
   * same, or know others.
   */
  async repairLeafSet(): Promise<void> {
    const { table } = this
    const { leaves } = table
    if (table.known.length === 0) await this.each(this.contacts(), (peer) => this.ask(peer))
    await this.consider(table.known)
    const sides = leaves.witnesses()
    const named = await Promise.all(sides.map((side) => this.#firstWord(side)))
    const isMissing = (peer: Peer) => leaves.lacks(peer.id) && this.isSound(peer) && !this.isQuarantined(peer.id)
    const hasHeard = sides.length > 0 ? named.every((some) => some && !some.some(isMissing)) : table.known.length === 0
    const ends = leaves.witnesses().map(([end]) => end)
    const isDone = hasHeard && sides.every(([end]) => ends.includes(end))
    if (!isDone || !leaves.isDoubtful) return
    table.settle()
    this.noteChange()
  }

  /** Whom the first of some names who does not refuse. */
  async #firstWord(peers: readonly Peer[]): Promise<readonly Peer[] | undefined> {
    for (const peer of peers) {
      const named = await this.ask(peer)
      if (named) return named
    }
    return undefined
  }

  /** Others of the row of an empty place, and then of those after it, know who else fits there. */
  async repairRoutingTable(place: string): Promise<void> {
    const row = place.length - 1
    for (const helper of this.table.rows.slice(row).flat().slice(0, repairsMost)) {
      if (this.table.at(place)) return
      const state = await this.call(helper, 'state', {})
      await this.consider(state?.rows[row]?.filter(({ id }) => id.startsWith(place)))
    }
  }

  /** One who is near knows others who are. */
  async repairNeighborSet(): Promise<void> {
    const { neighborhood } = this.table
    const peer = neighborhood.length < this.options.neighborhoodSize ? this.pick(neighborhood) : undefined
    await this.measure(peer && (await this.call(peer, 'state', {}))?.neighborhood)
  }

  protected meet(peer: Peer, rttMs: number): void {
    if (this.table.admit(peer, rttMs)) this.#tellNearest()
    const known = this.table.get(peer.id)
    if (known) this.#heard.set(known, this.ports.clock.now())
  }

  protected find(id: Id): Peer | undefined {
    return this.table.get(id)
  }

  isThere(peer: Peer): Promise<boolean> {
    return this.isAlive(peer, 'leaves', {})
  }

  /** Takes someone out, and looks for others in its place. */
  protected lose({ id, url }: Peer): void {
    const { table } = this
    this.quarantine(id, this.options.quarantineMs)
    const wasLeaf = table.drop(id)
    if (!this.isMember) return
    if (wasLeaf) {
      this.ports.log.info({ peer: { id, url } }, 'leaf lost')
      if (table.known.length === 0) this.ports.log.warn({}, 'everyone lost')
      this.#tellNearest()
      this.later(() => this.repairLeafSet())
    }
    this.later(() => this.repairRoutingTable(table.placeOf(id)))
    this.later(() => this.repairNeighborSet())
  }

  /** Holds a neighbour's leaf set against ours: where they differ somebody is to be asked. */
  async #compare(peer: Peer, named: readonly Peer[]): Promise<void> {
    const { me, table, options } = this
    const half = options.leafSetSize / 2
    const [low, high] = named.length < options.leafSetSize ? [peer, peer] : [named.at(-half) ?? peer, named[half - 1] ?? peer]
    const listed = new Map(named.map((one) => [one.id, one]))
    const isMissing = ({ id }: Peer) => id !== peer.id && between(low.id, id, high.id) && !listed.has(id)
    const rival = listed.get(me.id)
    if (rival && rival.url < me.url && this.isSound(rival) && (await this.isThere(rival))) throw idTaken(rival)
    if (this.isMember && isMissing(me)) this.later(() => this.tell([peer]))
    await this.each(table.leaves.members.filter(isMissing), (doubtful) => this.ask(doubtful))
    await this.consider(named)
  }

  /** The leaf set is another one: the nearest on both sides are to ask for it. */
  #tellNearest(): void {
    if (!this.isMember) return
    this.noteChange()
    const { members } = this.table.leaves
    this.later(() => this.tell([...members.slice(0, 1), ...members.slice(-1)]))
  }
}

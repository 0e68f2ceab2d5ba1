/**
 * A node's end of the ring: its table, whether it is a member, and the one maintenance step at a time that may change either.
 */
import { Refusal, Unreachable } from '../../protocol/errors.ts'
import type { Route } from '../../protocol/peer-api.ts'
import { avoidedOf, type Peer } from '../../protocol/schemas.ts'
import { distinct, type Id } from '../../space/id.ts'
import { remember } from '../../space/memory.ts'
import { between } from '../../space/ring.ts'
import { concernsUs } from '../caller.ts'
import { Resident } from '../resident.ts'
import type { ChordApi, Neighborhood } from './api.ts'
import type { ChordOptions } from './options.ts'
import { Table } from './table.ts'

/** Candidates that an answer of `approach` names: enough that a dead one rarely costs a second question. */
const breadth = 4
/** How long it counts that a peer did not answer: to wait for it again would keep back those who are there. */
const silentMs = 3000
/** As many as are asked when everyone is lost. */
const missedMost = 128

/** How a lookup for maintenance begins. */
interface Start {
  readonly avoid?: Iterable<Id>
  /** Where it begins instead of this node's own table. */
  readonly through?: Peer | undefined
  /** Who may well be the last one before the point: where it is so, a single question is enough. */
  readonly first?: Peer | undefined
}

export abstract class Ring extends Resident<ChordApi, ChordOptions> {
  readonly table = new Table(this.me, this.options)
  /** Times that our list was copied by a joiner or by maintenance. Lookups do not count. */
  #copied = 0
  /** Of those who did not answer when they were asked last, what their machines said. */
  readonly #missed = new Map<Id, { readonly isRefused: boolean }>()
  #steps: Promise<unknown> = Promise.resolve()

  /** Our neighbourhood, for someone who will copy it. */
  copy(): Neighborhood {
    this.assertMember()
    this.#copied++
    const { predecessor, successors } = this.table
    return { self: this.me, predecessor, successors: successors.length > 0 ? [...successors] : [this.me] }
  }

  protected override miss({ id }: Peer, { isRefused }: Unreachable): void {
    super.evict(id)
    remember(this.#missed, id, { isRefused }, missedMost)
    this.table.dropFinger(id)
    this.quarantine(id, silentMs)
  }

  /** Whether everyone it ever knew was gone when it was asked last: their machines said so, and nobody is merely silent. */
  get areOthersGone(): boolean {
    return this.contacts().every(({ id }) => this.#missed.get(id)?.isRefused)
  }

  override admit(peer: Peer, rttMs: number): void {
    super.admit(peer, rttMs)
    this.#missed.delete(peer.id)
  }

  /** Everyone known who is there, clockwise from this node. */
  onward(): Promise<Peer[]> {
    const { me, table } = this
    const known = distinct([...table.fingers.values(), ...this.contacts()]).sort((a, b) =>
      between(me.id, a.id, b.id) ? -1 : 1,
    )
    return this.present(known)
  }

  /** Runs maintenance steps one after the other: Zave's rules are atomic, ours must at least not interleave. */
  step<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#steps.then(run)
    this.#steps = result.catch(() => undefined)
    return result
  }

  /**
   * Copies a peer's neighbourhood within a step.
   *
   * Between a question and the use of its answer a node's own state is undefined (Zave). Ours is served all the same, so
   * if it was copied meanwhile the step must count as never made, unless it would have changed nothing.
   * @returns 'dead' when the peer does not answer, or its id is false; 'busy' when it refuses: it is there, and nothing was learnt;
   * 'stale' when the answer must not be used
   */
  async ask(peer: Peer): Promise<Neighborhood | 'dead' | 'busy' | 'stale'> {
    if (!this.isSound(peer)) return 'dead'
    const copied = this.#copied
    const member = this.isMember
    try {
      const { predecessor, successors: named } = await this.reach(peer, 'neighborhood', {})
      const successors = named.filter((one) => this.isSound(one))
      const isUsable = copied === this.#copied || this.table.agrees([peer, ...successors])
      return isUsable && member === this.isMember ? { self: peer, predecessor, successors } : 'stale'
    } catch (error) {
      if (error instanceof Refusal) return 'busy'
      if (!(error instanceof Unreachable)) throw error
      return 'dead'
    }
  }

  /**
   * The last node before a point, and those after it.
   * @throws Refusal NO_ROUTE, NOT_JOINED
   */
  async nodesAround(point: Id, { avoid = [], through, first }: Start = {}): Promise<Peer[]> {
    const avoided = new Set(avoid)
    if (first && !avoided.has(first.id)) {
      const said = await this.attempt(() => this.#ask(first, point, avoided), concernsUs)
      if (said?.final && said.peers.length > 0) return said.peers
      // Whoever has not answered is neither to be asked again, nor to be named by others.
      if (!said) avoided.add(first.id)
    }
    return this.seek(
      {
        local: (without) => (through ? { peers: [through], final: false } : this.#approach(point, without)),
        ask: (peer, without) => this.#ask(peer, point, without),
      },
      avoided,
    )
  }

  async #ask(peer: Peer, point: Id, without: ReadonlySet<Id>): Promise<Route> {
    if (peer.id === this.me.id && this.isMember) return this.#approach(point, without)
    const { peers, final } = await this.reach(peer, 'approach', { id: point, count: breadth, avoid: avoidedOf(without) })
    return { peers: peers.filter((named) => this.isSound(named)), final }
  }

  #approach(point: Id, without: ReadonlySet<Id>): Route {
    return this.table.approach(point, breadth, without, 'fingers')
  }
}

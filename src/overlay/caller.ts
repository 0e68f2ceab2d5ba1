/**
 * How a node of an overlay asks its peers, whatever the geometry: itself, with its options and ports; whom it has known; what it believes
 * of an id; and what it makes of an answer, of none, and of a refusal.
 */
import type { Ports } from '../ports.ts'
import { Refusal, Unreachable } from '../protocol/errors.ts'
import type { Reply, Request, Table } from '../protocol/rpc.ts'
import { isPeer, type Peer } from '../protocol/schemas.ts'
import { type Id, shortId } from '../space/id.ts'
import { remember } from '../space/memory.ts'
import { Acquaintances } from './acquaintances.ts'
import { Ids } from './ids.ts'
import { type Guide, Lookup } from './lookup.ts'
import type { SharedOptions } from './options.ts'
import type { Acquaintance, OverlaySetting } from './overlay.ts'

/** Between two rounds of contacts, or two attempts: this much, and as much again at random. */
const retryMs = 100
/** How long a lookup for maintenance may take in all: peers that name ever new silent ones must not keep us. */
const seekTimeoutMs = 10_000

/** Silent ones that are remembered. */
const quarantinedMost = 256

/** That one has this id, and came first. */
export const idTaken = (holder: Peer): Refusal =>
  new Refusal('ID_TAKEN', `id ${shortId(holder.id)} is taken by ${holder.url}; start at another port`, { by: holder })

/** Whether a refusal is about whoever wants to join: nothing that another contact, or waiting, would cure. */
export const concernsUs = ({ code }: Refusal): boolean => code === 'ID_TAKEN' || code === 'BAD_ID'

export abstract class Caller<T extends Table, Options extends SharedOptions> {
  readonly me: Peer
  readonly options: Options
  readonly ports: Ports<T>
  readonly #acquaintances = new Acquaintances()
  readonly #ids: Ids
  /** Until when whoever did not answer is in quarantine, by `Clock.now`. */
  readonly #quarantine = new Map<Id, number>()

  constructor({ me, options, ports }: OverlaySetting<T, Options>) {
    this.me = me
    this.options = options
    this.ports = ports
    this.#ids = new Ids(ports.hash, me.id.length * 4, options.allowCustomIds)
  }

  /** Asks a member for a sign of life: whoever refuses one lives. */
  abstract isThere(peer: Peer): Promise<boolean>

  /** See Overlay.acquaintances. */
  get acquaintances(): readonly Acquaintance[] {
    return this.#acquaintances.all()
  }

  /** See Overlay.isSound. */
  isSound(peer: Peer): boolean {
    return this.#ids.isSound(peer)
  }

  /** @throws Refusal BAD_ID */
  assertSound(peer: Peer): void {
    this.#ids.assertSound(peer)
  }

  /** One whose id is false is nobody: anyone may name anyone. */
  introduce(peer: Peer): void {
    if (this.isSound(peer)) this.#acquaintances.introduce(peer, this.ports.clock.now())
  }

  admit(peer: Peer, _rttMs: number): void {
    if (!this.#acquaintances.has(peer) && !this.isSound(peer)) return
    this.#acquaintances.admit(peer, this.ports.clock.now())
    this.#quarantine.delete(peer.id)
  }

  evict(id: Id): void {
    this.#acquaintances.evict(id, this.ports.clock.now())
  }

  /**
   * Asks a peer, and takes note when it does not answer; one that says something against this node which is not so has not.
   * @throws Unreachable, Refusal as Network.call
   */
  async reach<N extends keyof T & string>(peer: Peer, name: N, request: Request<T[N]>): Promise<Reply<T[N]>> {
    try {
      return await this.ports.network.call(peer, name, request)
    } catch (error) {
      if (error instanceof Unreachable) this.miss(peer, error)
      else if (error instanceof Refusal) {
        this.ports.log.warn({ peer, call: name, why: error.message }, 'peer refused')
        if (concernsUs(error) && !(await this.#isSo(error, peer)))
          throw new Unreachable(peer.url, `${error.code}, and that is not so`)
      }
      throw error
    }
  }

  /** The same; undefined when it does not answer, or refuses. */
  call<N extends keyof T & string>(peer: Peer, name: N, request: Request<T[N]>): Promise<Reply<T[N]> | undefined> {
    return this.attempt(() => this.reach(peer, name, request))
  }

  /**
   * What a peer answers; undefined when it does not, or refuses, unless that matters: what one peer has against it is no reason to give up.
   */
  async attempt<Answer>(ask: () => Promise<Answer>, matters = (_refusal: Refusal) => false): Promise<Answer | undefined> {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof Unreachable || error instanceof Refusal) || (error instanceof Refusal && matters(error)))
        throw error
      this.ports.log.debug({ why: error.message }, 'attempt given up')
      return undefined
    }
  }

  /** Whether a peer is there: whoever refuses is. */
  async isAlive<N extends keyof T & string>(peer: Peer, name: N, request: Request<T[N]>): Promise<boolean> {
    try {
      await this.reach(peer, name, request)
      return true
    } catch (error) {
      if (error instanceof Unreachable) return false
      if (error instanceof Refusal) return true
      throw error
    }
  }

  /** Those who are there, all asked at once. */
  protected async present(peers: readonly Peer[]): Promise<Peer[]> {
    const signs = await Promise.all(peers.map((peer) => this.isThere(peer)))
    return peers.filter((_, at) => signs[at])
  }

  /** Work that nobody waits for. */
  later(work: () => Promise<unknown>): void {
    this.attempt(work).catch((error: unknown) => this.ports.log.error({ err: error }, 'step failed'))
  }

  /** A lookup for maintenance; it asks by `reach`. @throws Refusal NO_ROUTE, ID_TAKEN, BAD_ID */
  seek(guide: Pick<Guide, 'local' | 'ask' | 'confirm'>, avoid: Iterable<Id> = []): Promise<Peer[]> {
    const { clock } = this.ports
    const all = { ...guide, evict: () => undefined, isSuspect: () => false, matters: concernsUs }
    return new Lookup(all, clock, { avoid, deadline: clock.now() + seekTimeoutMs }).window()
  }

  /** One of some by chance. */
  pick<One>(some: readonly One[]): One | undefined {
    return some[this.ports.random.below(Math.max(1, some.length))]
  }

  /** So that nodes do not march in step. */
  pause(): Promise<void> {
    return this.ports.clock.sleep(retryMs + this.ports.random.below(retryMs))
  }

  /** A peer that was reached for has not answered. */
  protected miss({ id }: Peer, _why: Unreachable): void {
    this.evict(id)
  }

  /** For so long there is no reason to ask it, unless it answers something. */
  protected quarantine(id: Id, ms: number): void {
    remember(this.#quarantine, id, this.ports.clock.now() + ms, quarantinedMost)
  }

  isQuarantined(id: Id): boolean {
    return (this.#quarantine.get(id) ?? 0) > this.ports.clock.now()
  }

  /** Whether what a peer has against this node is so: one that lies would keep out everyone. */
  async #isSo({ code, details: { by } }: Refusal, peer: Peer): Promise<boolean> {
    const { id, url } = this.me
    if (code === 'BAD_ID') return id !== this.#ids.of(url)
    if (!isPeer(by, id.length * 4) || by.id !== id || by.url === url || !this.isSound(by)) return false
    return by.url === peer.url || this.isThere(by)
  }
}

/**
 * What every node of an overlay is, whatever the geometry: itself, with its options and ports; whether it has its place in the network,
 * and how it comes by it; whom it has known; and what it believes of an id.
 */
import { Value } from 'typebox/value'
import type { Ports } from '../ports.ts'
import { Refusal, Unreachable } from '../protocol/errors.ts'
import type { Reply, Request, Table } from '../protocol/rpc.ts'
import { Peer } from '../protocol/schemas.ts'
import { distinct, type Id, shortId } from '../space/id.ts'
import { Acquaintances } from './acquaintances.ts'
import { Ids } from './ids.ts'
import { type Guide, Lookup } from './lookup.ts'
import type { SharedOptions } from './options.ts'
import type { Attributes, OverlaySetting, OverlayView } from './overlay.ts'

/** Between two rounds of contacts, or two attempts: this much, and as much again at random. */
const retryMs = 100
/** How long a lookup for maintenance may take in all: peers that name ever new silent ones must not keep us. */
const seekTimeoutMs = 10_000

/** That one has this id, and came first. */
export const idTaken = (holder: Peer): Refusal =>
  new Refusal('ID_TAKEN', `id ${shortId(holder.id)} is taken by ${holder.url}; start at another port`, { by: holder })

/** Whether a refusal is about whoever wants to join: nothing that another contact, or waiting, would cure. */
export const concernsUs = ({ code }: Refusal): boolean => code === 'ID_TAKEN' || code === 'BAD_ID'

export abstract class Resident<T extends Table, Options extends SharedOptions> {
  readonly me: Peer
  readonly options: Options
  readonly ports: Ports<T>
  /** What it knows of others. */
  abstract readonly table: { readonly revision: number }
  readonly acquaintances = new Acquaintances()
  readonly #changed: () => void
  /** Whom it was told to ask. */
  protected seeds: readonly Peer[] = []
  #member = false
  #leaving = false
  #passages = 0
  readonly #ids: Ids

  constructor({ me, options, ports, changed }: OverlaySetting<T, Options>) {
    this.me = me
    this.options = options
    this.ports = ports
    this.#changed = changed
    this.#ids = new Ids(ports.hash, me.id.length * 4, options.allowCustomIds)
  }

  /** What is this overlay's own of what /nodeinfo shows. */
  protected abstract readonly attributes: Attributes
  abstract neighbors(): Peer[]
  /** Asks a member for a sign of life: whoever refuses one lives. */
  abstract isThere(peer: Peer): Promise<boolean>
  /** One attempt to come in. False when the contact is there, and has not helped. @throws Unreachable, Refusal */
  protected abstract enterThrough(contact: Peer): Promise<boolean>
  /** Tells the neighbours, and goes out of the network. */
  protected abstract resign(): Promise<void>

  view(): OverlayView {
    const attributes = () => this.attributes
    return {
      degraded: this.neighbors().length + 1 < this.options.replicas,
      acquaintances: this.acquaintances.all(),
      get attributes() {
        return attributes()
      },
    }
  }

  /** Whether this node has its place; if not it answers nothing about it, which counts as dead. */
  get isMember(): boolean {
    return this.#member
  }

  /** Whether it is going, for good. */
  get isLeaving(): boolean {
    return this.#leaving
  }

  /** See Overlay.revision. */
  get revision(): number {
    return this.table.revision + this.#passages
  }

  /** @throws Refusal NOT_JOINED */
  assertMember(): void {
    if (!this.#member)
      throw new Refusal('NOT_JOINED', 'this node is not in the network yet; ask again in a second, or ask another')
  }

  /** What only members answer. @throws Refusal NOT_JOINED */
  asMember<Answer>(answer: () => Answer): Answer {
    this.assertMember()
    return answer()
  }

  /** Not any more once it is leaving. */
  enter(): void {
    if (!this.#leaving) this.#pass(true)
  }

  exit(): void {
    this.#pass(false)
  }

  /** To be called when what this node knows of others has changed. */
  noteChange(): void {
    this.#changed()
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
    if (this.isSound(peer)) this.acquaintances.introduce(peer, this.ports.clock.now())
  }

  admit(peer: Peer, _rttMs: number): void {
    if (this.isSound(peer)) this.acquaintances.admit(peer, this.ports.clock.now())
  }

  evict(id: Id): void {
    this.acquaintances.evict(id, this.ports.clock.now())
  }

  /** See Overlay.join. @throws Refusal ID_TAKEN, BAD_ID */
  async join(seeds: readonly Peer[]): Promise<void> {
    this.seeds = seeds.filter(({ id }) => id !== this.me.id)
    for (const seed of this.seeds) this.introduce(seed)
    const { foundAfterMs } = this.options
    if (seeds.length === 0) await this.found()
    // Of many who begin at the same time, and name each other, one is to be the first.
    else await this.comeIn(foundAfterMs + this.ports.random.below(foundAfterMs + 1))
  }

  async leave(): Promise<void> {
    this.#leaving = true
    if (this.#member) await this.resign()
  }

  /** A network of one. */
  protected async found(): Promise<void> {
    this.enter()
    this.ports.log.info({}, 'network founded')
  }

  /** Tries contacts, round after round, until one leads in; when none has answered for `patienceMs`, and none is there, founds a network of its own. */
  protected async comeIn(patienceMs: number): Promise<void> {
    const { clock } = this.ports
    let heard = clock.now()
    while (!this.#leaving) {
      let answered = false
      for (const contact of await this.order(this.contacts())) {
        if (this.#leaving) return
        const entered = await this.attempt(
          () => this.enterThrough(contact),
          (refusal) => {
            answered = true
            return concernsUs(refusal)
          },
        )
        if (entered) return
        if (entered === false) answered = true
      }
      // Whoever waits for the dead on our behalf answers too late, and is there all the same.
      const isOver = !answered && clock.now() - heard >= patienceMs
      if (isOver && (await this.present(this.contacts())).length === 0) return this.found()
      if (answered || isOver) heard = clock.now()
      await this.pause()
    }
  }

  /** Those who are there, all asked at once. */
  protected async present(peers: readonly Peer[]): Promise<Peer[]> {
    const signs = await Promise.all(peers.map((peer) => this.isThere(peer)))
    return peers.filter((_, at) => signs[at])
  }

  /** Whom to try first: by chance, so that one seed does not bear it all. */
  protected async order(contacts: readonly Peer[]): Promise<Peer[]> {
    const left = [...contacts]
    return contacts.map(() => left.splice(this.ports.random.below(left.length), 1)[0] as Peer)
  }

  /**
   * Asks a peer, and takes note when it does not answer; one that says something against this node which is not so has not.
   * @throws Unreachable, Refusal as Network.call
   */
  async reach<N extends keyof T & string>(peer: Peer, name: N, request: Request<T[N]>): Promise<Reply<T[N]>> {
    try {
      return await this.ports.network.call(peer, name, request)
    } catch (error) {
      if (error instanceof Unreachable) this.miss(peer)
      else if (error instanceof Refusal) {
        this.ports.log.warn({ peer, name, why: error.message }, 'peer refused')
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

  /** A peer that was reached for has not answered. */
  protected miss({ id }: Peer): void {
    this.evict(id)
  }

  /** Whom it may turn to for its place: those it was told to ask, and whoever was met or named. Each once, and not itself. */
  protected contacts(): Peer[] {
    const known = distinct([...this.seeds, ...this.acquaintances.all().map(({ peer }) => peer)])
    return known.filter(({ id }) => id !== this.me.id)
  }

  /** One of some by chance. */
  pick<One>(some: readonly One[]): One | undefined {
    return some[this.ports.random.below(Math.max(1, some.length))]
  }

  /** So that nodes do not march in step. */
  pause(): Promise<void> {
    return this.ports.clock.sleep(retryMs + this.ports.random.below(retryMs))
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

  /** Whether what a peer has against this node is so: one that lies would keep out everyone. */
  async #isSo({ code, details: { by } }: Refusal, peer: Peer): Promise<boolean> {
    const { id, url } = this.me
    if (code === 'BAD_ID') return id !== this.#ids.of(url)
    if (!Value.Check(Peer, by) || by.id !== id || by.url === url || !this.isSound(by)) return false
    return by.url === peer.url || this.isThere(by)
  }

  #pass(member: boolean): void {
    this.#member = member
    this.#passages++
    this.#changed()
  }
}

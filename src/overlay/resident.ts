/**
 * What every node of an overlay is, whatever the geometry: itself, with its options and ports; whether it has its place in the network;
 * whom it has known; and what it believes of an id.
 */
import type { Ports } from '../ports.ts'
import { Refusal, Unreachable } from '../protocol/errors.ts'
import type { Table } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import { idOf } from '../space/id.ts'
import { Acquaintances } from './acquaintances.ts'
import type { SharedOptions } from './options.ts'
import type { OverlaySetting } from './overlay.ts'

export class Resident<T extends Table, Options extends SharedOptions> {
  readonly me: Peer
  readonly options: Options
  readonly ports: Ports<T>
  readonly acquaintances = new Acquaintances()
  readonly #changed: () => void
  #member = false
  #passages = 0

  constructor({ me, options, ports, changed }: OverlaySetting<T, Options>) {
    this.me = me
    this.options = options
    this.ports = ports
    this.#changed = changed
  }

  /** Whether this node has its place; if not it answers nothing about it, which counts as dead. */
  get isMember(): boolean {
    return this.#member
  }

  /** Times that this node came into the network or went out of it. */
  get passages(): number {
    return this.#passages
  }

  /** @throws Refusal NOT_JOINED */
  assertMember(): void {
    if (!this.#member)
      throw new Refusal('NOT_JOINED', 'this node is not in the network yet; ask again in a second, or ask another')
  }

  enter(): void {
    this.#pass(true)
  }

  exit(): void {
    this.#pass(false)
  }

  /** To be called when what this node knows of others has changed. */
  noteChange(): void {
    this.#changed()
  }

  /** Whether an id is the hash of its url, as it has to be unless the network allows custom ids. */
  isSound({ id, url }: Peer): boolean {
    return this.options.allowCustomIds || id === this.#idOf(url)
  }

  /** @throws Refusal BAD_ID */
  assertSound(peer: Peer): void {
    const { id, url } = peer
    if (!this.isSound(peer))
      throw new Refusal('BAD_ID', `the id of ${url} is ${this.#idOf(url)}, the hash of its url, not ${id}`)
  }

  /** Whom it may turn to for its place: those it was told to ask, and whoever was met or named. Each once, and not itself. */
  contacts(seeds: readonly Peer[]): Peer[] {
    const known = new Map([...seeds, ...this.acquaintances.all().map(({ peer }) => peer)].map((peer) => [peer.id, peer]))
    known.delete(this.me.id)
    return [...known.values()]
  }

  /** Work that nobody waits for. */
  later(work: () => Promise<unknown>): void {
    const { log } = this.ports
    work().catch((error: unknown) => {
      if (error instanceof Refusal || error instanceof Unreachable) log.debug({ why: error.message }, 'step given up')
      else log.error({ err: error }, 'step failed')
    })
  }

  #idOf(url: string): string {
    return idOf(this.ports.hash(url), this.me.id.length * 4)
  }

  #pass(member: boolean): void {
    this.#member = member
    this.#passages++
    this.#changed()
  }
}

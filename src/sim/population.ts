/**
 * The nodes of a world and what befalls them: they start, die, start again, are stopped for a while; and what of it the
 * protocol is made for. No time passes here.
 */
import assert from 'node:assert/strict'
import { type NodeConfig, type NodeSettings, parseConfig } from '../node/config.ts'
import type { Snapshot } from '../overlay/chord/invariants.ts'
import type { Random } from '../ports.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Peer } from '../protocol/schemas.ts'
import { type Id, idOf, shortId } from '../space/id.ts'
import { mayFail, principalsOf } from './assumptions.ts'
import { History } from './history.ts'
import { epochMs, hash, type Host } from './host.ts'
import { Hosts } from './hosts.ts'
import { Ledger } from './ledger.ts'
import { SimNetwork } from './network.ts'
import { stream } from './random.ts'
import { Rings } from './rings.ts'
import { Timeline } from './timeline.ts'
import { calm, type Weather } from './weather.ts'

export interface WorldOptions {
  readonly seed: number
  /** Options of every node. */
  readonly settings?: Partial<NodeSettings>
  readonly weather?: Weather
  /** Whether messages are copied and checked against their rows. Without: several times faster. */
  readonly encode?: boolean
  /** Gets a line for every event that a node logs, and for every message that arrives. */
  readonly log?: (line: string) => void
}

export interface Newcomer {
  /** Where it lives; a fresh address without it. */
  readonly url?: string
  /** An id that is not the hash of the url. */
  readonly id?: Id
  readonly network?: string
  /** Whom it joins through; some members of its network without it. */
  readonly seeds?: readonly Peer[]
}

export class Population {
  readonly seed: number
  /** The id of the network that nodes belong to unless they are told otherwise. */
  readonly network: string
  readonly ledger = new Ledger()
  weather: Weather
  readonly #settings: Partial<NodeSettings>
  protected readonly timeline: Timeline
  readonly #config: NodeConfig
  protected readonly rings: Rings
  protected readonly history: History
  protected readonly net: SimNetwork
  readonly #hosts: Hosts
  readonly #random: Random
  protected readonly leaving = new Set<Id>()

  constructor({ seed, settings = {}, weather = calm, encode = true, log }: WorldOptions) {
    this.seed = seed
    this.weather = weather
    this.network = hash(`network of world ${seed}`).slice(0, 16)
    this.#settings = settings
    this.#random = stream(seed, 'world', 'choices')
    this.timeline = new Timeline(stream(seed, 'world', 'ties'))
    this.#config = this.#configOf('http://10.0.0.1:10000', {})
    this.rings = new Rings(this.#config.successors)
    const timeline = this.timeline
    const history = new History(seed, () => timeline.now, this.rings, log)
    this.history = history
    const net = new SimNetwork({
      timeline,
      trace: history.trace,
      log,
      encode,
      weather: () => this.weather,
      hostAt: (url) => this.#hosts.at(url),
      blame: (host, error) => history.blame(host, error),
    })
    this.net = net
    this.#hosts = new Hosts({
      seed,
      timeline,
      connect: (from, config) => net.connect(from, config, from.random('network')),
      touched: (host) => history.touch(host),
      blame: (host, error) => history.blame(host, error),
      note: (host, level, fields, event) => history.note(host, level, fields, event),
    })
  }

  /** Whether the ring's properties are demanded at every moment. */
  get demanding(): boolean {
    return this.history.demanding
  }

  set demanding(demanding: boolean) {
    this.history.demanding = demanding
  }

  get nowMs(): number {
    return this.timeline.now
  }

  /** Messages delivered so far. */
  get messages(): number {
    return this.net.messages
  }

  /** Of everything that has happened so far. */
  get hash(): string {
    return this.history.trace.hash
  }

  /** What the nodes of this world have in common. */
  get config(): NodeConfig {
    return this.#config
  }

  /** The hosts at which a node runs. */
  running(network = this.network): Host[] {
    return this.#hosts.running(network)
  }

  /** Ids of the members of the ring, in order. */
  members(network = this.network): readonly Id[] {
    this.history.look()
    return this.rings.members(network)
  }

  /** The ring as its members see it. */
  snapshot(network = this.network): Snapshot {
    this.history.look()
    return this.rings.snapshot(network)
  }

  peer(id: Id): Peer {
    return { id, url: this.host(id).url }
  }

  /** Where the node with that id lives, or lived last. */
  host(id: Id): Host {
    return this.#hosts.of(id)
  }

  /** A node for something that any node would do. */
  anyone(): Id {
    const ids = this.members()
    assert(ids.length > 0, 'there is no member')
    return ids[this.#random.below(ids.length)] as Id
  }

  /** Starts a node, which joins as time goes by. */
  add({ url = this.#hosts.freshUrl(), id, network = this.network, seeds }: Newcomer = {}): Id {
    const config = this.#configOf(url, { network, ...(id === undefined ? {} : { id, allowCustomIds: true }) })
    return this.#start(this.#hosts.place(url), config, seeds ?? this.#someMembers(network))
  }

  /** A node dies, at once and without a word; so does what it kept. */
  crash(id: Id): void {
    const host = this.host(id)
    this.history.mark(host, 'crash')
    this.end(host)
  }

  /** A node that is gone begins another life, with an empty store. */
  restart(id: Id, seeds?: readonly Peer[]): void {
    const host = this.host(id)
    assert(!host.node, `${shortId(id)} is running`)
    this.history.mark(host, 'restart')
    const config = this.#configOf(host.url, id === idOf(hash(host.url), id.length * 4) ? {} : { id, allowCustomIds: true })
    this.#start(host, config, seeds ?? this.#someMembers(this.network))
  }

  /** Stops a node as SIGSTOP does; it goes on later with what it believed. */
  pause(id: Id, ms: number): void {
    this.history.mark(this.host(id), 'pause')
    this.host(id).pause(ms)
  }

  /** Whether this member may fail now without breaking what the protocol assumes of the world. */
  mayFail(id: Id): boolean {
    return this.#allows(id, this.#going())
  }

  /**
   * Whether this member may leave now. That takes a while, in which lists are copied that still name it: the ring must be
   * large, and few may be going.
   */
  mayLeave(id: Id): boolean {
    const going = new Set(this.#going()).add(id)
    const { successors } = this.#config
    return this.principals(this.network) > 0 && going.size < successors - 1 && this.#allows(id, going)
  }

  /** Whether that node, gone, may come back: whoever still lists it might hear of its absence when it is a member again. */
  mayReturn(id: Id): boolean {
    return [...this.snapshot().values()].every(({ successors }) => !successors.includes(id))
  }

  #allows(id: Id, going: ReadonlySet<Id>): boolean {
    const network = this.host(id).node?.config.network ?? this.network
    const carried = this.net.carried(network)
    const snapshot = this.snapshot(network)
    return mayFail(id, { snapshot, carried, going, principals: this.principals(network) })
  }

  /** Principals that the ring must keep. */
  protected principals(network: string): number {
    const { rings } = this
    if (rings.principals(network) === 0) rings.grow(network, principalsOf(this.snapshot(network), this.net.carried(network)))
    return rings.principals(network)
  }

  /** Who has been asked to leave, and is still here. */
  #going(): ReadonlySet<Id> {
    for (const id of this.leaving) if (!this.host(id).node) this.leaving.delete(id)
    return this.leaving
  }

  #start(host: Host, config: NodeConfig, seeds: readonly Peer[]): Id {
    const node = host.boot(config, this.weather.skewMaxMs)
    const { id } = node.me
    this.leaving.delete(id)
    this.#hosts.settle(id, host)
    const { life } = host
    this.timeline.after(0, () =>
      host.during(life, () => {
        node.start(seeds).catch((error: unknown) => {
          if (life !== host.life) return
          if (!(error instanceof Refusal)) return this.history.blame(host, error)
          this.history.note(host, 'info', { why: error.message }, 'node gave up')
          host.kill()
        })
      }),
    )
    return id
  }

  protected end(host: Host): void {
    host.kill()
    this.ledger.releaseLost(host.store)
  }

  #configOf(url: string, more: Partial<NodeSettings>): NodeConfig {
    const [, port = ''] = /:(\d+)$/.exec(url) ?? []
    const node = { name: `node-${port}`, url, network: this.network, incarnation: epochMs + this.timeline.now }
    return parseConfig({ ...node, ...this.#settings, ...more })
  }

  /** As many members as a joiner is told of. */
  #someMembers(network: string): Peer[] {
    const ids = [...this.members(network)]
    const ways = Math.min(ids.length, 4)
    return Array.from({ length: ways }, () => this.peer(...(ids.splice(this.#random.below(ids.length), 1) as [Id])))
  }
}

/**
 * What a world is made of: time, places, messages, and what is written down of it. What befalls its nodes is another matter.
 */
import { type NodeConfig, type NodeSettings, parseConfig } from '../node/config.ts'
import type { Snapshot } from '../overlay/overlay.ts'
import type { Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { Clocks } from './clocks.ts'
import { SimDatagrams } from './datagrams.ts'
import type { Guard } from './guard.ts'
import { Guards } from './guards.ts'
import { History } from './history.ts'
import { epochMs, hash, type Host } from './host.ts'
import { Hosts, urlOf } from './hosts.ts'
import { type LatencyModel, latencyOf } from './latency.ts'
import { Law } from './law.ts'
import { Ledger } from './ledger.ts'
import { type NetworkSetting, SimNetwork } from './network.ts'
import { stream } from './random.ts'
import { Timeline } from './timeline.ts'
import { calm, delayMs, type Weather } from './weather.ts'

export interface WorldOptions {
  readonly seed: number
  /** Options of every node; nobody watches who is there unless they say so. */
  readonly settings?: Partial<NodeSettings>
  readonly weather?: Weather
  /** How far apart nodes are, beside what the weather does; as near as can be without it. */
  readonly latency?: LatencyModel
  /** Whether messages are copied and checked against their rows. Without: several times faster. */
  readonly encode?: boolean
  /** Gets a line for every event that a node logs, and for every message that arrives. */
  readonly log?: (line: string) => void
}

export class Ground {
  readonly seed: number
  /** The id of the network that nodes belong to unless they are told otherwise. */
  readonly network: string
  readonly ledger: Ledger
  readonly clocks: Clocks
  readonly law: Law
  weather: Weather
  readonly #settings: Partial<NodeSettings>
  protected readonly timeline: Timeline
  readonly #config: NodeConfig
  protected readonly guards: Guards
  protected readonly history: History
  protected readonly net: SimNetwork
  protected readonly places: Hosts
  /** Who has been asked to go, and what came of it. */
  protected readonly leaving = new Map<Id, { readonly state: string }>()

  constructor({ seed, settings = {}, weather = calm, latency, encode = true, log }: WorldOptions) {
    this.seed = seed
    this.weather = weather
    this.network = hash(`network of world ${seed}`).slice(0, 16)
    this.#settings = settings
    this.timeline = new Timeline(stream(seed, 'world', 'ties'))
    this.#config = this.configOf(urlOf(seed, 0), {})
    this.guards = new Guards(this.#config, (network) => this.net.carried(network))
    const timeline = this.timeline
    const history = new History(seed, () => timeline.now, this.guards, log)
    this.history = history
    const between = latency ? latencyOf(latency, seed) : () => 0
    const setting: NetworkSetting = {
      timeline,
      trace: history.trace,
      log,
      encode,
      weather: () => this.weather,
      travelMs: (from, to, random) => {
        const there = this.places.at(to)
        return delayMs(this.weather, random) + (there ? Math.round(between(from.index, there.index)) : 0)
      },
      hostAt: (url) => this.places.at(url),
      blame: (host, error) => history.blame(host, error),
    }
    const net = new SimNetwork(setting)
    const datagrams = new SimDatagrams({ ...setting, blocks: (from, to) => net.blocks(from, to) })
    this.net = net
    this.places = new Hosts({
      seed,
      timeline,
      weather: () => this.weather,
      connect: (from, config) => ({
        network: net.connect(from, config, from.random('network')),
        datagrams: datagrams.connect(from, config, from.random('datagrams')),
      }),
      touched: (host) => history.touch(host),
      departed: (host) => {
        this.accuse(this.ledger.lose(host.disk))
        this.ledger.repair()
      },
      blame: (host, error) => history.blame(host, error),
      note: (host, level, fields, event) => history.note(host, level, fields, event),
    })
    const { bits } = this.#config
    const stays = ({ id }: Host) => id !== undefined && this.guards.of(this.network).snapshot.has(id) && !this.going().has(id)
    this.ledger = new Ledger({
      bits,
      nowMs: () => epochMs + timeline.now,
      hosts: () => this.places.all(),
      stays,
      stops: ({ id }) => id !== undefined && this.isStopping(id),
      window: (key) => this.window(key),
    })
    this.clocks = new Clocks({
      nowMs: () => timeline.now,
      running: () => this.running(),
      stays,
      unsettled: () => this.ledger.unsettle(),
    })
    this.law = new Law({
      ledger: this.ledger,
      clocks: this.clocks,
      host: (id) => this.host(id),
      guard: (network) => this.guard(network),
      going: () => this.going(),
    })
  }

  /** Whether the network's properties are demanded at every moment. */
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

  /** Where nodes of that network live, or lived last. */
  hosts(network = this.network): Host[] {
    return [...this.places.all()].filter(({ last }) => last?.network === network)
  }

  /** The hosts at which a node runs. */
  running(network = this.network): Host[] {
    return this.places.running(network)
  }

  /** Ids of the members, in order. */
  members(network = this.network): readonly Id[] {
    return this.guard(network).ids
  }

  /** Those of the members that should hold a key, owner first. */
  window(key: Id): readonly Host[] {
    const hosts = this.guards.of(this.network).ids.map((id) => this.host(id))
    const peers = hosts.flatMap(({ id, url }) => (id === undefined ? [] : [{ id, url }]))
    const { overlay } = hosts.find(({ node }) => node)?.node ?? {}
    return (overlay?.place(key, peers, this.#config.replicas) ?? []).map(({ id }) => this.host(id))
  }

  /** What the members show. */
  snapshot(network = this.network): Snapshot {
    return this.guard(network).snapshot
  }

  protected guard(network: string): Guard {
    this.history.look()
    return this.guards.of(network)
  }

  peer(id: Id): Peer {
    return { id, url: this.host(id).url }
  }

  /** Undefined where nobody has lived. */
  at(url: string): Host | undefined {
    return this.places.at(url)
  }

  /** Where the node with that id lives, or lived last. */
  host(id: Id): Host {
    return this.places.of(id)
  }

  /** Who has been asked to go, and is still here; not who was refused, or has given it up. */
  going(): ReadonlySet<Id> {
    for (const [id, { state }] of this.leaving) {
      const { node } = this.host(id)
      if (!node || state === 'refused' || (state === 'answered' && node.state === 'ready')) this.leaving.delete(id)
    }
    return new Set(this.leaving.keys())
  }

  /** Whether it has been told to stop, and has not yet: what it keeps it will not pass on. */
  protected isStopping(id: Id): boolean {
    return this.going().has(id) && this.leaving.get(id)?.state === 'stopping'
  }

  /** Ends the run when something is wrong. */
  accuse(wrongs: readonly string[]): void {
    if (wrongs.length > 0) this.history.failure ??= this.history.error(wrongs.join('\n'))
  }

  protected configOf(url: string, more: Partial<NodeSettings>): NodeConfig {
    const [, port = ''] = /:(\d+)$/.exec(url) ?? []
    const node = { name: `node-${port}`, url, network: this.network, incarnation: epochMs + this.timeline.now }
    return parseConfig({ ...node, membership: 'off', ...this.#settings, ...more })
  }
}

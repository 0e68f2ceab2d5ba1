/**
 * One node without I/O: an overlay, the content it is trusted with, and what it answers.
 *
 * The service gives it sockets and a clock; the simulator gives it virtual time. Neither knows more of it than this.
 */
import { Content } from '../content/content.ts'
import type { ChordApi } from '../overlay/chord/api.ts'
import type { ServedOverlay } from '../overlay/overlay.ts'
import { overlays } from '../overlay/overlays.ts'
import type { Ports } from '../ports.ts'
import { type ClientApi, clientApi, type NodeInfo } from '../protocol/client-api.ts'
import { Refusal, Unreachable } from '../protocol/errors.ts'
import { type PeerApi, peerApi } from '../protocol/peer-api.ts'
import type { Handlers, Reply } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import { idOf } from '../space/id.ts'
import type { NodeConfig } from './config.ts'

/** All that a node answers. */
export type NodeApi = ClientApi & PeerApi & ChordApi
export const nodeApi: NodeApi = { ...clientApi, ...peerApi, ...overlays.chord.api }

/** joining → ready → leaving → left. A node that lost its place is joining again. */
export type NodeState = NodeInfo['state']

/** The release that this is; told in /nodeinfo. */
export const version = '0.1.0'

/** Times that a leaver tries to hand over the last of its content before it stays. */
const handOvers = 5

export class Node {
  readonly me: Peer
  readonly config: NodeConfig
  readonly handlers: Handlers<NodeApi>
  readonly overlay: ServedOverlay<ChordApi>
  readonly #content: Content
  readonly #ports: Ports<NodeApi>
  readonly #left: () => void
  #departure: 'none' | 'leaving' | 'left' = 'none'
  #stops: (() => void)[] = []

  /** @param left called once, when a leave that was asked for is over: nothing more is to be served */
  constructor(config: NodeConfig, ports: Ports<NodeApi>, left: () => void) {
    const { id = idOf(ports.hash(config.url), config.bits), url } = config
    this.me = { id, url }
    this.config = config
    this.#ports = ports
    this.#left = left
    this.overlay = overlays[config.overlay].create({
      me: this.me,
      options: config,
      ports,
      changed: () => this.#rehome(),
    })
    const graceMs = 2 * config.stabilizeEveryMs
    this.#content = new Content(this.me, this.overlay, ports, { ...config, graceMs }, () => this.#rehome())
    this.handlers = {
      ...this.overlay.handlers,
      ...this.#content.handlers,
      route: ({ key, count, avoid, mode }) => this.overlay.route(key, count, new Set(avoid), mode),
      nodeinfo: () => this.info(),
      members: () => this.#members(),
      leave: () => this.#leave(),
      healthz: () => ({ state: this.state }),
      readyz: () => this.#ready(),
    }
  }

  get state(): NodeState {
    if (this.#departure !== 'none') return this.#departure
    return this.overlay.view().joined ? 'ready' : 'joining'
  }

  /** What /nodeinfo answers. */
  info(): NodeInfo {
    const { network, name, overlay, bits, replicas, ownership, mode, incarnation } = this.config
    const { degraded, attributes } = this.overlay.view()
    return {
      network,
      name,
      ...this.me,
      overlay,
      bits,
      replicas,
      ownership,
      mode,
      version,
      incarnation,
      state: this.state,
      degraded,
      ...attributes,
      content: this.#content.counts(),
    }
  }

  /**
   * Joins through the seeds (founds a network without any) and starts the jobs; resolves once joined.
   * @throws Refusal ID_TAKEN: nothing that waiting would cure
   */
  async start(seeds: readonly Peer[]): Promise<void> {
    await this.overlay.join(seeds)
    if (this.#departure === 'none') this.#beginJobs()
  }

  /** Ends the jobs and tells the neighbours goodbye; keeps the content. What SIGTERM does. */
  async stop(): Promise<void> {
    if (this.#departure === 'none') this.#departure = 'leaving'
    this.#endJobs()
    await this.overlay.leave()
    try {
      await this.#content.holdings.flushed()
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      this.#ports.log.warn({ why: error.message }, 'content not flushed')
    }
  }

  #beginJobs(): void {
    const { clock } = this.#ports
    const { rehomeEveryMs } = this.config
    const jobs = [...this.overlay.jobs, { name: 'rehome', everyMs: rehomeEveryMs, run: () => this.#content.rehoming.review() }]
    this.#stops = jobs.map(({ name, everyMs, run }) => clock.every(everyMs, () => this.#attempt(name, run)))
  }

  #members(): Reply<ClientApi['members']> {
    const now = this.#ports.clock.now()
    const members = this.overlay.view().acquaintances.map(({ peer, alive, since }) => ({
      ...peer,
      name: nameOf(peer),
      state: alive ? 'alive' : 'dead',
      sinceMs: Math.floor(now - since),
    }))
    return {
      members: [
        { ...this.me, name: this.config.name, state: 'alive', sinceMs: Math.floor(now - this.config.incarnation) },
        ...members,
      ],
    }
  }

  #ready(): { state: NodeState } {
    const { state } = this
    if (state !== 'ready') throw new Refusal('NOT_JOINED', `this node is ${state}`, { state })
    return { state }
  }

  #leave(): { state: NodeState; toMove: number } {
    const toMove = this.#content.holdings.size
    if (this.#departure === 'none') {
      this.#ready()
      if (this.overlay.neighbors().length === 0)
        throw new Refusal(
          'LAST_NODE',
          'the last node has nobody to leave its content to; to end the network: npm run task killall',
        )
      this.#departure = 'leaving'
      this.#endJobs()
      void this.#attempt('leave', () => this.#depart())
    }
    return { state: this.state, toMove }
  }

  /** All content first; then the ring; then a while of answering those who have not heard. */
  async #depart(): Promise<void> {
    const { log, clock } = this.#ports
    const { moved, left } = await this.#handOver()
    if (left > 0) {
      log.warn({ left }, 'leave given up: nobody takes the content')
      return this.#stay()
    }
    await this.overlay.leave()
    log.info({ moved }, 'node left')
    await clock.sleep(this.config.stabilizeEveryMs)
    this.#departure = 'left'
    this.#left()
  }

  /** Hands the content over, refusing writes for the last of it. */
  async #handOver(): Promise<{ moved: number; left: number }> {
    const { rehoming, holdings } = this.#content
    try {
      holdings.accept('own')
      let { moved, left } = await rehoming.handOver()
      holdings.accept('nothing')
      // An heir may have gone itself, or be behind with its work: the ring has to hear of it first.
      for (let time = 0; time === 0 || (time < handOvers && left > 0); time++) {
        if (time > 0) await this.#ports.clock.sleep(this.config.stabilizeEveryMs)
        const more = await rehoming.handOver()
        moved += more.moved
        left = more.left
      }
      return { moved, left }
    } catch (error) {
      this.#stay()
      throw error
    }
  }

  /** Takes a leave back. */
  #stay(): void {
    this.#content.holdings.accept('all')
    this.#content.rehoming.resume()
    this.#departure = 'none'
    this.#beginJobs()
  }

  /** This node's id is another's now. Its content goes to the heirs all the same, however long that takes; then it stops. */
  async #retire(why: Refusal): Promise<void> {
    const { log, clock } = this.#ports
    log.error({ why: why.message }, 'id lost')
    this.#departure = 'leaving'
    this.#endJobs()
    this.#content.holdings.accept('nothing')
    while ((await this.#content.rehoming.handOver()).left > 0) await clock.sleep(this.config.stabilizeEveryMs)
    this.#departure = 'left'
    this.#left()
  }

  #rehome(): void {
    if (this.#departure === 'none') void this.#attempt('rehome', () => this.#content.rehoming.run())
  }

  #endJobs(): void {
    for (const stop of this.#stops) stop()
    this.#stops = []
  }

  /** Runs work that nobody waits for. That the world was in its way is no news. */
  async #attempt(name: string, run: () => Promise<unknown>): Promise<void> {
    try {
      await run()
    } catch (error) {
      if (error instanceof Refusal && error.code === 'ID_TAKEN' && this.#departure === 'none') return this.#retire(error)
      if (error instanceof Unreachable || error instanceof Refusal)
        this.#ports.log.debug({ name, why: error.message }, 'job given up')
      else this.#ports.log.error({ name, err: error }, 'job failed')
    }
  }
}

const nameOf = ({ url }: Peer): string => `node-${/:(\d+)$/.exec(url)?.[1] ?? url}`

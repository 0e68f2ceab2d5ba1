/**
 * One node without I/O: an overlay, the content it is trusted with, and what it answers.
 *
 * The service gives it sockets and a clock; the simulator gives it virtual time. Neither knows more of it than this.
 */
import { Content } from '../content/content.ts'
import { nobodyKnown } from '../membership/directory.ts'
import { assertMode } from '../overlay/lookup.ts'
import type { Overlay, OverlaySetting } from '../overlay/overlay.ts'
import { kindOf, modesOf, type OverlayApi } from '../overlay/overlays.ts'
import type { Ports, Sender } from '../ports.ts'
import type { NodeInfo } from '../protocol/client-api.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Packet } from '../protocol/packets.ts'
import type { Handlers } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import { type NodeApi, type NodeState, version } from './api.ts'
import { type NodeConfig, peerOf } from './config.ts'
import { Departure } from './departure.ts'
import { Lookout } from './lookout.ts'
import { membersOf, watchOf } from './members.ts'
import { Work } from './work.ts'

export class Node {
  readonly me: Peer
  readonly config: NodeConfig
  readonly handlers: Handlers<NodeApi>
  readonly overlay: Overlay
  readonly #content: Content
  readonly #lookout: Lookout
  readonly #ports: Ports<NodeApi>
  readonly #departure: Departure
  readonly #work: Work
  /** Whether it has had its place once, and does its work since: one may be a member of the overlay a moment before. */
  #begun = false

  /** @param left called once, when a leave that was asked for is over: nothing more is to be served */
  constructor(config: NodeConfig, given: Ports<NodeApi>, left: () => void) {
    this.me = peerOf(config, given.hash)
    this.config = config
    const changed = () => this.#rehome()
    this.#lookout = new Lookout(config, this.me, given, {
      overlay: () => this.overlay,
      isGoing: () => this.#departure.hasBegun,
      rehome: changed,
    })
    const { swim } = this.#lookout
    const ports = { ...given, network: this.#lookout.hinting(given.network) }
    this.#ports = ports
    const modes = modesOf(config.overlay)
    const overlay = kindOf(config.overlay).create({ me: this.me, options: config, ports, changed } satisfies OverlaySetting<
      never,
      NodeConfig
    > as never)
    this.overlay = overlay
    const graceMs = 2 * config.stabilizeEveryMs
    this.#content = new Content(this.me, overlay, ports, { ...config, modes, graceMs }, changed, swim ?? nobodyKnown)
    this.#departure = new Departure({
      content: this.#content,
      overlay,
      swim,
      ports,
      pauseMs: config.stabilizeEveryMs,
      beginWork: () => this.#beginWork(),
      endWork: () => this.#work.end(),
      left,
    })
    this.#work = new Work(ports, (why) => (this.#departure.hasBegun ? undefined : this.#departure.retire(why)))
    this.handlers = {
      ...(overlay.handlers as Handlers<OverlayApi>),
      ...this.#content.handlers,
      route: ({ key, count, avoid, mode }) => {
        assertMode(mode, modes)
        return this.overlay.route(key, count, new Set(avoid), mode)
      },
      nodeinfo: () => this.info(),
      members: () => ({ members: membersOf(config, this.me, swim, overlay, ports.clock.now()) }),
      sync: (request) => this.#lookout.watching().handlers.sync(request),
      tags: ({ tags }) => {
        this.#lookout.watching().describe(tags)
        return { tags }
      },
      leave: () => this.#leave(),
      healthz: () => ({ state: this.state }),
      readyz: () => this.#ready(),
    }
  }

  get state(): NodeState {
    const { state } = this.#departure
    if (state !== 'none') return state
    return this.#begun && this.overlay.isMember ? 'ready' : 'joining'
  }

  /** What /nodeinfo answers. */
  info(): NodeInfo {
    const { network, name, overlay, bits, replicas, mode, incarnation } = this.config
    const { swim } = this.#lookout
    return {
      network,
      name,
      ...this.me,
      overlay,
      bits,
      replicas,
      mode,
      version,
      incarnation,
      state: this.state,
      degraded: this.overlay.isDegraded,
      ...this.overlay.attributes,
      content: this.#content.counts(),
      ...(swim ? { membership: watchOf(swim) } : {}),
    }
  }

  /** A packet that belongs to this network and is for this node. */
  hear(packet: Packet, from: Sender): void {
    this.#beat()
    this.#lookout.swim?.hear(packet, from)
  }

  /**
   * Joins through the seeds (founds a network without any) and starts the jobs; resolves once joined.
   * @throws Refusal ID_TAKEN: nothing that waiting would cure
   */
  async start(seeds: readonly Peer[]): Promise<void> {
    await this.overlay.join(seeds)
    if (this.#departure.hasBegun) return
    this.#begun = true
    this.#beginWork()
    this.#lookout.swim?.start(seeds, this.overlay.hasFounded)
  }

  /** Ends the jobs and tells the neighbours goodbye; keeps the content. What SIGTERM does. */
  async stop(): Promise<void> {
    this.#departure.stop()
    this.#lookout.swim?.stop()
    await this.overlay.leave()
    try {
      await this.#content.holdings.flushed()
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      this.#ports.log.warn({ why: error.message }, 'content not flushed')
    }
  }

  #beginWork(): void {
    const { rehomeEveryMs } = this.config
    this.#beat()
    // The passes are not waited for: as long as somebody has no room they do not end, and the others are to be compared with all the same.
    const review = () => {
      this.#lookout.look()
      if (!this.#lookout.isCutOff) this.#content.rehoming.review()
      this.#rehome()
      return Promise.resolve()
    }
    this.#work.begin([
      ...this.overlay.jobs,
      { name: 'rehome', everyMs: rehomeEveryMs, run: review },
      // By itself: the others take as long as those who do not answer.
      { name: 'beat', everyMs: this.#beatMs, run: () => Promise.resolve(this.#beat()) },
    ])
  }

  /** Whoever sleeps for as long as a call is waited for is to know of it: others go on without it. */
  get #beatMs(): number {
    const { stabilizeEveryMs, callTimeoutMs } = this.config
    return Math.min(stabilizeEveryMs, Math.ceil((2 * callTimeoutMs) / 3))
  }

  /** A job and each packet show that this node is awake. */
  #beat(): void {
    if (this.#content.rehoming.beat(this.#beatMs)) this.#rehome()
  }

  #ready(): { state: NodeState } {
    const { state } = this
    if (state !== 'ready') throw new Refusal('NOT_JOINED', `this node is ${state}`, { state })
    return { state }
  }

  #leave(): { state: NodeState; toMove: number } {
    const toMove = this.#content.holdings.records.size
    if (!this.#departure.hasBegun) {
      this.#ready()
      if (this.overlay.neighbors().length === 0)
        throw new Refusal(
          'LAST_NODE',
          'the last node has nobody to leave its content to; to end the network: npm run task killall, or stop its process',
        )
      void this.#work.attempt('leave', () => this.#departure.leave())
    }
    return { state: this.state, toMove }
  }

  #rehome(): void {
    // What it has lost, if only for a moment, others may have been given more of, whether or not anyone asks meanwhile.
    this.#content.holdings.cells.all()
    if (this.#departure.hasBegun || this.#lookout.isCutOff) return
    void this.#work.attempt('rehome', () => this.#content.rehoming.run())
  }
}

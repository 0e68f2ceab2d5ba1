/**
 * One node without I/O: an overlay, the content it is trusted with, and what it answers.
 *
 * The service gives it sockets and a clock; the simulator gives it virtual time. Neither knows more of it than this.
 */
import { Content } from '../content/content.ts'
import { nobodyKnown } from '../membership/directory.ts'
import type { MemberEvent } from '../membership/members.ts'
import { parseTags } from '../membership/options.ts'
import { Swim } from '../membership/swim.ts'
import { assertMode } from '../overlay/lookup.ts'
import type { Overlay, OverlaySetting } from '../overlay/overlay.ts'
import { kindOf, type OverlayApi } from '../overlay/overlays.ts'
import type { Ports, Sender } from '../ports.ts'
import type { NodeInfo } from '../protocol/client-api.ts'
import { Refusal, Unreachable } from '../protocol/errors.ts'
import type { Packet } from '../protocol/packets.ts'
import type { Handlers, Network } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import { idOf } from '../space/id.ts'
import { type NodeApi, type NodeState, version } from './api.ts'
import type { NodeConfig } from './config.ts'
import { Departure } from './departure.ts'
import { membersOf, watchOf } from './members.ts'

export class Node {
  readonly me: Peer
  readonly config: NodeConfig
  readonly handlers: Handlers<NodeApi>
  readonly overlay: Overlay
  readonly #content: Content
  readonly #swim: Swim | undefined
  readonly #ports: Ports<NodeApi>
  readonly #departure: Departure
  #cutOff = false
  /** Whether it has had its place once, and does its work since: one may be a member of the overlay a moment before. */
  #begun = false
  #stops: (() => void)[] = []

  /** @param left called once, when a leave that was asked for is over: nothing more is to be served */
  constructor(config: NodeConfig, given: Ports<NodeApi>, left: () => void) {
    const { id = idOf(given.hash(config.url), config.bits), url } = config
    this.me = { id, url }
    this.config = config
    const ports = { ...given, network: this.#hinting(given.network) }
    this.#ports = ports
    this.#swim = config.membership === 'off' ? undefined : this.#watcher(given)
    const { modes, create } = kindOf(config.overlay)
    const changed = () => this.#rehome()
    const overlay = create({ me: this.me, options: config, ports, changed } satisfies OverlaySetting<
      never,
      NodeConfig
    > as never)
    this.overlay = overlay
    const graceMs = 2 * config.stabilizeEveryMs
    const directory = this.#swim ?? nobodyKnown
    this.#content = new Content(this.me, this.overlay, ports, { ...config, modes, graceMs }, changed, directory)
    this.#departure = new Departure({
      content: this.#content,
      overlay,
      swim: this.#swim,
      ports,
      pauseMs: config.stabilizeEveryMs,
      work: (on) => (on ? this.#beginJobs() : this.#endJobs()),
      left,
    })
    this.handlers = {
      ...(overlay.handlers as Handlers<OverlayApi>),
      ...this.#content.handlers,
      route: ({ key, count, avoid, mode }) => {
        assertMode(mode, modes)
        return this.overlay.route(key, count, new Set(avoid), mode)
      },
      nodeinfo: () => this.info(),
      members: () => ({ members: membersOf(config, this.me, this.#swim, overlay, ports.clock.now()) }),
      sync: (request) => this.#watching().handlers.sync(request),
      tags: ({ tags }) => {
        this.#watching().describe(tags)
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
    const { degraded, attributes } = this.overlay.view()
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
      degraded,
      ...attributes,
      content: this.#content.counts(),
      ...(this.#swim ? { membership: watchOf(this.#swim) } : {}),
    }
  }

  /** A packet that belongs to this network and is for this node. */
  hear(packet: Packet, from: Sender): void {
    this.#beat()
    this.#swim?.hear(packet, from)
  }

  /**
   * Joins through the seeds (founds a network without any) and starts the jobs; resolves once joined.
   * @throws Refusal ID_TAKEN: nothing that waiting would cure
   */
  async start(seeds: readonly Peer[]): Promise<void> {
    await this.overlay.join(seeds)
    if (this.#departure.hasBegun) return
    this.#begun = true
    this.#beginJobs()
    this.#swim?.start(seeds)
  }

  /** Ends the jobs and tells the neighbours goodbye; keeps the content. What SIGTERM does. */
  async stop(): Promise<void> {
    this.#departure.stop()
    this.#swim?.stop()
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
    const { rehomeEveryMs, stabilizeEveryMs } = this.config
    // The passes are not waited for: as long as somebody has no room they do not end, and the others are to be compared with all the same.
    const review = () => {
      this.#lookWhetherCutOff()
      if (!this.#cutOff) this.#content.rehoming.review()
      this.#rehome()
      return Promise.resolve()
    }
    const jobs = [
      ...this.overlay.jobs,
      { name: 'rehome', everyMs: rehomeEveryMs, run: review },
      // By itself: the others take as long as those who do not answer.
      { name: 'beat', everyMs: stabilizeEveryMs, run: () => Promise.resolve(this.#beat()) },
    ]
    this.#stops = jobs.map(({ name, everyMs, run }) => clock.every(everyMs, () => this.#attempt(name, run)))
  }

  /** A job and each packet show that this node is awake. */
  #beat(): void {
    if (this.#content.rehoming.beat(this.config.stabilizeEveryMs / 2)) this.#rehome()
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
          'the last node has nobody to leave its content to; to end the network: npm run task killall',
        )
      void this.#attempt('leave', () => this.#departure.leave())
    }
    return { state: this.state, toMove }
  }

  #rehome(): void {
    if (!this.#departure.hasBegun && !this.#swim?.isCutOff) void this.#attempt('rehome', () => this.#content.rehoming.run())
  }

  /** @param ports those without hints: what fails here is known here */
  #watcher(ports: Ports<NodeApi>): Swim {
    const { name, overlay, incarnation, tags } = this.config
    return new Swim({
      me: this.me,
      incarnation,
      meta: { name, overlay, version, tags: parseTags(tags) ?? {} },
      options: this.config,
      ports,
      accepts: (peer) => this.overlay.isSound(peer),
      neighbors: () => this.overlay.neighbors(),
      notify: (event) => this.#heed(event),
    })
  }

  /** What membership says is a hint: to route around, and to look who is there. */
  #heed({ kind, member }: MemberEvent): void {
    const { id, url, state, incarnation } = member
    const { log } = this.#ports
    if (id === this.me.id) {
      if (kind === 'conflict') log.warn({ url }, 'another node claims the id of this one')
      return
    }
    if (kind === 'conflict') return log.warn({ peer: id, url }, 'two nodes claim one id')
    if (kind === 'update' || kind === 'reap') return
    log.info({ peer: id, url, incarnation }, `member ${kind === 'join' ? 'joined' : kind === 'left' ? 'left' : `is ${kind}`}`)
    if (this.#departure.hasBegun) return
    if (state === 'dead' || state === 'left') this.overlay.evict(id)
    if (state === 'alive') this.overlay.introduce({ id, url })
    this.#lookWhetherCutOff()
  }

  /** Whoever is cut off would copy everything to those who are left beside it; afterwards there is something to do. */
  #lookWhetherCutOff(): void {
    const cutOff = this.#swim?.isCutOff ?? false
    if (cutOff === this.#cutOff) return
    this.#cutOff = cutOff
    const { log } = this.#ports
    if (cutOff)
      return log.warn({}, 'most members fell silent at once: this node is cut off, and repairs nothing for half a minute')
    log.info({}, 'not cut off any more, or the others are dead')
    this.#rehome()
  }

  /** @throws Refusal BAD_REQUEST where nobody watches */
  #watching(): Swim {
    if (this.#swim) return this.#swim
    throw new Refusal('BAD_REQUEST', 'this network runs with membership=off: boot one without that')
  }

  /** Whoever answered is there; a call that failed is a hint to probe, never a verdict. */
  #hinting(network: Network<NodeApi>): Network<NodeApi> {
    return {
      call: (peer, name, request) => {
        const { clock } = this.#ports
        const began = clock.now()
        const answered = () => {
          this.overlay.admit(peer, clock.now() - began)
          this.#swim?.answered(peer.id)
        }
        const reply = network.call(peer, name, request)
        reply.then(answered, (error: unknown) => {
          if (error instanceof Unreachable) this.#swim?.hint(peer.id)
          else if (error instanceof Refusal) answered()
        })
        return reply
      },
    }
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
      if (error instanceof Refusal && error.code === 'ID_TAKEN' && !this.#departure.hasBegun)
        return this.#departure.retire(error)
      if (error instanceof Unreachable || error instanceof Refusal)
        this.#ports.log.debug({ name, why: error.message }, 'job given up')
      else this.#ports.log.error({ name, err: error }, 'job failed')
    }
  }
}

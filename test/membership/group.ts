/**
 * A process group: SWIM cores and nothing else, over a light network in virtual time, so that many trials with many members are
 * cheap. Packets are shared, not copied; whole nodes, with copies and checks, run in the simulator (test/sim/membership.test.ts).
 */
import type { Member, MemberEvent } from '../../src/membership/members.ts'
import type { MembershipOptions } from '../../src/membership/options.ts'
import type { SwimApi } from '../../src/membership/setting.ts'
import { Swim } from '../../src/membership/swim.ts'
import { parseConfig } from '../../src/node/config.ts'
import type { Clock, Random } from '../../src/ports.ts'
import { Refusal, Unreachable } from '../../src/protocol/errors.ts'
import type { Packet, Update } from '../../src/protocol/packets.ts'
import type { Network } from '../../src/protocol/rpc.ts'
import type { Peer } from '../../src/protocol/schemas.ts'
import { epochMs } from '../../src/sim/host.ts'
import { happens, stream } from '../../src/sim/random.ts'
import { Timeline } from '../../src/sim/timeline.ts'

export interface GroupSetting {
  readonly seed: number
  readonly size: number
  readonly options?: Partial<MembershipOptions>
  /** Of packets; calls over HTTP are not lost. */
  readonly lossPerMille?: number
  /** Whether calls over HTTP are answered. Without, packets alone decide who is alive. */
  readonly http?: boolean
  /** Whether all begin their periods, and their rounds of gossip, at the same moments. Without: each when it likes. */
  readonly inStep?: boolean
}

/** One way: a round trip is 2 ms. */
const delayMs = 1
const callTimeoutMs = 1500

export class Group {
  readonly seed: number
  readonly options: MembershipOptions
  readonly processes: readonly Process[]
  readonly timeline: Timeline
  lossPerMille: number
  http: boolean
  /** Whether what one process says to another is swallowed. */
  blocks: (from: Process, to: Process) => boolean = () => false
  /** Told of every packet that is sent. */
  watch: (packet: Packet, from: Process, to: Process | undefined) => void = () => undefined
  readonly inStep: boolean
  readonly #random: Random
  readonly #byUrl = new Map<string, Process>()

  constructor({ seed, size, options = {}, lossPerMille = 0, http = true, inStep = false }: GroupSetting) {
    this.seed = seed
    this.options = parseConfig({ name: 'x', url: urlOf(1), network: '0'.repeat(16), incarnation: 0, ...options })
    this.lossPerMille = lossPerMille
    this.http = http
    this.inStep = inStep
    this.timeline = new Timeline(stream(seed, 'group', 'ties'))
    this.#random = stream(seed, 'group', 'network')
    const width = Math.max(2, 2 * Math.ceil(Math.log2(size + 1) / 8))
    const peers = Array.from({ length: size }, (_, at) => ({ id: at.toString(16).padStart(width, '0'), url: urlOf(at) }))
    this.processes = peers.map((peer) => new Process(this, peer))
    for (const process of this.processes) this.#byUrl.set(process.peer.url, process)
  }

  get nowMs(): number {
    return this.timeline.now
  }

  get up(): Process[] {
    return this.processes.filter(({ isUp }) => isUp)
  }

  /** All know all, and start. */
  introduce(): void {
    const members = this.processes.map(({ self }) => self)
    for (const { swim } of this.processes) {
      void swim.handlers.sync({ members })
      swim.start([])
    }
  }

  /** All know all, and nobody has anything more to say. */
  async gather(): Promise<void> {
    this.introduce()
    await this.hush()
  }

  /** Each starts with the first as its seed, and they find each other. */
  begin(): void {
    for (const { swim } of this.processes) swim.start([(this.processes[0] as Process).peer])
  }

  /** Lets time pass until no update has travelled for two periods. */
  async hush(): Promise<void> {
    const { watch } = this
    const { probeEveryMs, gossipEveryMs } = this.options
    const quietMs = 2 * Math.max(probeEveryMs, gossipEveryMs)
    let lastMs = this.nowMs
    this.watch = (packet, from, to) => {
      watch(packet, from, to)
      if (packet.updates.length > 0) lastMs = this.nowMs
    }
    while (this.nowMs - lastMs <= quietMs) await this.run(quietMs / 2)
    this.watch = watch
  }

  async run(ms: number): Promise<void> {
    await this.timeline.run(ms, () => false)
  }

  /** Lets time pass until something holds. @returns how long that took */
  async until(holds: () => boolean, withinMs: number, seen: () => string = () => ''): Promise<number> {
    const began = this.nowMs
    let held = holds()
    if (!held) await this.timeline.run(withinMs, () => (held = holds()))
    if (!held) throw new Error(`seed ${this.seed}: not within ${withinMs} ms: ${seen()}`)
    return this.nowMs - began
  }

  /** Whether each that is up has that member in this state. */
  allHave(id: string, state: Update['state']): boolean {
    return this.up.every(({ peer, swim }) => peer.id === id || swim.get(id)?.state === state)
  }

  /** Whether all that are up have each other alive, and nobody else. */
  get isWhole(): boolean {
    const { up } = this
    const ids = up.map(({ peer }) => peer.id).join()
    return up.every(({ swim }) => {
      const live = swim.members().filter(({ state }) => state === 'alive')
      return (
        live
          .map(({ id }) => id)
          .sort()
          .join() === ids && swim.peers.length === up.length
      )
    })
  }

  send(from: Process, to: Peer, packet: Packet): void {
    const receiver = this.#byUrl.get(to.url)
    from.sent++
    this.watch(packet, from, receiver)
    if (!receiver || this.blocks(from, receiver) || happens(this.#random, this.lossPerMille)) return
    const { peer, incarnation } = from
    const sender = { ...peer, incarnation }
    this.#carry(from, receiver, () => {
      if (receiver.peer.id === to.id) receiver.swim.hear(packet, sender)
    })
  }

  /** An answer, or that there is none: at once from a host where nobody listens, after a while from a silent one. */
  call(from: Process, to: Peer, name: keyof SwimApi, request: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const fail = (isRefused: boolean) => () => reject(new Unreachable(to.url, 'nobody answers', { isRefused }))
      from.after(callTimeoutMs, fail(false))
      const receiver = this.#byUrl.get(to.url)
      if (!receiver || !this.http || this.blocks(from, receiver)) return
      if (!receiver.isUp) return from.after(2 * delayMs, fail(true))
      this.#carry(from, receiver, () => {
        try {
          const reply =
            name === 'sync' ? receiver.swim.handlers.sync(request as Parameters<typeof receiver.swim.handlers.sync>[0]) : {}
          if (!this.blocks(receiver, from)) this.#carry(receiver, from, () => resolve(reply))
        } catch (error) {
          if (!(error instanceof Refusal)) throw error
          this.#carry(receiver, from, () => reject(error))
        }
      })
    })
  }

  #carry(from: Process, to: Process, hear: () => void): void {
    const { life } = to
    const leavesMs = from.listensFrom(this.nowMs)
    const arrivesMs = to.listensFrom(leavesMs + delayMs)
    this.timeline.after(arrivesMs - this.nowMs, () => to.during(life, hear))
  }
}

export class Process {
  readonly peer: Peer
  /** Of all lives. */
  readonly events: MemberEvent[] = []
  /** Probes that have failed. */
  failures = 0
  /** Packets. */
  sent = 0
  swim: Swim
  life = 0
  isUp = true
  incarnation = epochMs
  /** By how much its clock is ahead. */
  aheadMs = 0
  /** When its network card works: from that moment on, asked at a moment. */
  listensFrom: (ms: number) => number = (ms) => ms
  #pausedUntil = 0
  readonly #group: Group

  constructor(group: Group, peer: Peer) {
    this.peer = peer
    this.#group = group
    this.swim = this.#born()
  }

  /** What it says of itself. */
  get self(): Member {
    return this.swim.get(this.peer.id) as Member
  }

  /** Ends it, without a word. */
  crash(): void {
    this.life++
    this.isUp = false
  }

  /** Begins another life. */
  restart(seeds: readonly Peer[]): void {
    this.crash()
    this.isUp = true
    this.incarnation = epochMs + this.#group.nowMs + this.aheadMs
    this.events.length = 0
    this.swim = this.#born()
    this.swim.start(seeds)
  }

  /** Stops it as SIGSTOP does. */
  pause(ms: number): void {
    this.#pausedUntil = this.#group.nowMs + ms
  }

  after(ms: number, run: () => void): void {
    const { life } = this
    this.#group.timeline.after(ms, () => this.during(life, run))
  }

  during(life: number, run: () => void): void {
    if (life !== this.life || !this.isUp) return
    const waitMs = this.#pausedUntil - this.#group.nowMs
    if (waitMs > 0) this.#group.timeline.after(waitMs, () => this.during(life, run))
    else run()
  }

  #born(): Swim {
    const { peer, incarnation } = this
    const group = this.#group
    const { options } = group
    return new Swim({
      me: peer,
      incarnation,
      meta: { name: 'x', overlay: 'chord', version: '1', tags: {} },
      options,
      ports: {
        network: { call: (to, name, request) => group.call(this, to, name, request) } as Network<SwimApi>,
        datagrams: { send: (to, packet) => group.send(this, to, packet) },
        clock: this.#clock(),
        random: this.#random(stream(group.seed, `${peer.id}#${this.life}`, 'swim')),
        log: {
          debug: (_, event) => {
            if (event === 'probe failed') this.failures++
          },
          info: () => undefined,
          warn: () => undefined,
          error: () => undefined,
        },
      },
      accepts: () => true,
      neighbors: () => [],
      notify: (event) => this.events.push(event),
    })
  }

  #clock(): Clock {
    const group = this.#group
    const { life } = this
    const phases = stream(group.seed, `${this.peer.id}#${life}`, 'phases')
    return {
      now: () => epochMs + group.nowMs,
      wall: () => epochMs + group.nowMs + this.aheadMs,
      sleep: (ms) =>
        new Promise((resolve) => {
          if (life === this.life) this.after(ms, resolve)
        }),
      every: (periodMs, job) => {
        let stopped = false
        let busy = false
        const turn = () => {
          if (stopped) return
          this.after(periodMs, turn)
          if (busy) return
          busy = true
          void job().then(() => {
            busy = false
          })
        }
        this.after(phases.below(periodMs), turn)
        return () => {
          stopped = true
        }
      },
    }
  }

  /** Where all go in step, what would be a random phase is the time until the next beat. */
  #random(random: Random): Random {
    const { inStep, options, timeline } = this.#group
    if (!inStep) return random
    const beats = [options.probeEveryMs, options.gossipEveryMs]
    return { below: (limit) => (beats.includes(limit) ? limit - 1 - (timeline.now % limit) : random.below(limit)) }
  }
}

const urlOf = (at: number): string => `http://10.0.0.1:${at + 1}`

/** What the events of a process say of the others, one after the other. */
export const replayed = (events: readonly MemberEvent[], me: string): Map<string, Update> => {
  const view = new Map<string, Update>()
  for (const { kind, member } of events) {
    if (member.id === me || kind === 'conflict') continue
    if (kind === 'reap') view.delete(member.id)
    else view.set(member.id, member)
  }
  return view
}

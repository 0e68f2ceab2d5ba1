/**
 * Probing: one member in every period, in turn; whoever is silent is asked through others too, before it is suspected.
 *
 * The turn is round-robin over a shuffled list, so that each is probed within 2N − 1 periods. SWIM (DSN'02) §3.1, §4.3. A helper that
 * gets no answer says so: silence of the helpers too means that it is this node that hears nothing. Lifeguard §IV-A.
 */
import type { Sender } from '../ports.ts'
import { Refusal, Unreachable } from '../protocol/errors.ts'
import type { Packet } from '../protocol/packets.ts'
import type { Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import type { Drift } from './drift.ts'
import { isLive, type Member } from './members.ts'
import type { Membership, SwimSetting } from './setting.ts'

/** A helper says that it got no answer when this part of its time is over, so that it is heard before the judgement. */
const nackPart = 0.8

/** One question on its way: a ping, and what it asks the helpers. */
interface Probe {
  readonly target: Member
  /** When it was sent. */
  readonly sentAt: number
  /** Members asked to ping it as well. */
  readonly helpers: Map<Id, Peer>
  /** Those who have said that it does not answer them. */
  readonly nacks: Set<Id>
  readonly answered: () => void
}

export class Prober {
  readonly #swim: Membership
  readonly #setting: SwimSetting
  readonly #drift: Drift
  readonly #probes = new Map<number, Probe>()
  /** Whom to probe in this round, the next one last. */
  #round: Id[] = []
  readonly #inRound = new Set<Id>()
  /** When each was probed out of turn, by the clock. */
  readonly #hurried = new Map<Id, number>()
  /** Those who are only heard over HTTP. */
  readonly #unheard = new Set<Id>()
  #seq: number

  constructor(swim: Membership, setting: SwimSetting, drift: Drift) {
    this.#swim = swim
    this.#drift = drift
    this.#setting = setting
    this.#seq = setting.ports.random.below(1_000_000)
  }

  start(): void {
    this.#swim.later(() => this.#run())
  }

  /** A new member has a random place in the round. */
  enlist(id: Id): void {
    if (this.#inRound.has(id)) return
    this.#inRound.add(id)
    this.#round.splice(this.#setting.ports.random.below(this.#round.length + 1), 0, id)
  }

  /** Probes a member out of turn, once a period. */
  hurry(member: Member): void {
    const now = this.#setting.ports.clock.now()
    const { probeEveryMs } = this.#setting.options
    for (const [id, at] of this.#hurried) if (now - at >= probeEveryMs) this.#hurried.delete(id)
    if (this.#hurried.has(member.id) || [...this.#probes.values()].some(({ target }) => target.id === member.id)) return
    this.#hurried.set(member.id, now)
    this.#swim.later(() => this.#probe(member))
  }

  hear(packet: Packet, from: Sender): void {
    const { id: me } = this.#setting.me
    switch (packet.type) {
      case 'ping':
        if (packet.target !== me) return this.#swim.drop('not for me')
        return this.#send(from, { type: 'ack', seq: packet.seq, target: me, now: this.#wall })
      case 'pingReq':
        return this.#help(packet.seq, packet.target, from)
      case 'ack':
        return this.#hearAck(packet, from)
      case 'nack':
        return this.#hearNack(packet.seq, packet.target, from)
      case 'gossip':
        return
    }
  }

  async #run(): Promise<void> {
    const { ports, options } = this.#setting
    await ports.clock.sleep(ports.random.below(options.probeEveryMs))
    while (this.#swim.isRunning) {
      const began = ports.clock.now()
      const target = this.#next()
      if (target) await this.#probe(target)
      // A node that doubts itself probes less often: it would accuse others of its own slowness.
      const periodMs = options.probeEveryMs * (this.#swim.health + 1)
      await this.#rest(Math.min(periodMs, Math.max(0, began + periodMs - ports.clock.now())))
    }
  }

  /** The next in turn who is there. */
  #next(): Member | undefined {
    for (let wrapped = false; ; ) {
      const id = this.#round.pop()
      if (id === undefined) {
        if (wrapped) return undefined
        wrapped = true
        this.#shuffle()
        continue
      }
      const member = this.#swim.get(id)
      if (member && isLive(member)) return member
      this.#inRound.delete(id)
      this.#unheard.delete(id)
    }
  }

  #shuffle(): void {
    this.#inRound.clear()
    this.#round = []
    for (const { id } of this.#swim.live()) this.enlist(id)
  }

  /** @returns whether it took so much longer that it tells of this node rather than of others */
  async #rest(ms: number): Promise<boolean> {
    const { clock } = this.#setting.ports
    const began = clock.now()
    await clock.sleep(ms)
    const late = clock.now() - began - ms > this.#setting.options.probeTimeoutMs
    if (late) this.#swim.doubt(1)
    return late
  }

  async #probe(target: Member): Promise<void> {
    const { ports, options } = this.#setting
    const { probeEveryMs, probeTimeoutMs, indirectProbes } = options
    const seq = ++this.#seq
    let heard = false
    const answer = new Promise<false>((resolve) => {
      this.#probes.set(seq, {
        target,
        sentAt: this.#setting.ports.clock.now(),
        helpers: new Map(),
        nacks: new Set(),
        answered: () => {
          heard = true
          resolve(false)
        },
      })
    })
    const probe = this.#probes.get(seq) as Probe
    try {
      this.#send(target, { type: 'ping', seq, target: target.id })
      // What this node was too slow to hear says nothing of the other one.
      if (await Promise.race([answer, this.#rest(probeTimeoutMs)])) return
      if (!heard) {
        for (const { id, url } of this.#swim.find(indirectProbes, ({ id, state }) => state === 'alive' && id !== target.id))
          probe.helpers.set(id, { id, url })
        for (const helper of probe.helpers.values()) this.#send(helper, { type: 'pingReq', seq, target: target.id })
        this.#swim.later(() => this.#knock(target, probe))
        if (await Promise.race([answer, this.#rest(probeEveryMs - probeTimeoutMs)])) return
      }
      if (!this.#swim.isRunning) return
      if (heard) return this.#swim.doubt(-1)
      const { helpers, nacks } = probe
      this.#swim.doubt(helpers.size > 0 ? helpers.size - nacks.size : 1)
      ports.log.debug({ peer: target.id, helpers: helpers.size, nacks: nacks.size }, 'probe failed')
      this.#swim.suspect(target)
    } finally {
      this.#probes.delete(seq)
    }
  }

  /** The same question over HTTP: where that is answered, it is the packets that do not get through. */
  async #knock(target: Member, probe: Probe): Promise<void> {
    const { network, log } = this.#setting.ports
    const { id, url } = target
    try {
      await network.call({ id, url }, 'healthz', {})
    } catch (error) {
      if (!(error instanceof Unreachable || error instanceof Refusal)) throw error
      if (error instanceof Unreachable && error.isRefused) this.#swim.noteListening(id, false)
      return
    }
    this.#swim.answered(id)
    if (![...this.#probes.values()].includes(probe)) return
    if (!this.#unheard.has(id)) log.warn({ peer: id }, 'member answers over HTTP but not over UDP; let UDP through on its port')
    this.#unheard.add(id)
    probe.answered()
  }

  /** Pings for someone else, and tells it what came of that. */
  #help(seq: number, targetId: Id, asker: Sender): void {
    const target = this.#swim.get(targetId)
    if (!target || !isLive(target) || targetId === this.#setting.me.id) return this.#swim.drop('unknown target')
    const { clock } = this.#setting.ports
    const { probeEveryMs, probeTimeoutMs } = this.#setting.options
    const own = ++this.#seq
    let heard = false
    this.#probes.set(own, {
      target,
      sentAt: this.#setting.ports.clock.now(),
      helpers: new Map(),
      nacks: new Set(),
      answered: () => {
        heard = true
        this.#probes.delete(own)
        this.#send(asker, { type: 'ack', seq, target: targetId, now: this.#wall })
      },
    })
    this.#send(target, { type: 'ping', seq: own, target: targetId })
    this.#swim.later(async () => {
      await clock.sleep(nackPart * (probeEveryMs - probeTimeoutMs))
      if (heard || !this.#swim.isRunning) return
      this.#send(asker, { type: 'nack', seq, target: targetId })
      await clock.sleep(probeTimeoutMs)
      this.#probes.delete(own)
    })
  }

  #hearAck({ seq, target, now }: Packet & { type: 'ack' }, from: Sender): void {
    const probe = this.#probes.get(seq)
    if (!probe || target !== probe.target.id || !this.#wasAsked(probe, from)) return this.#swim.drop('stray ack')
    this.#unheard.delete(target)
    // On its way back it took about half of the time.
    if (from.id === target) {
      const member = this.#swim.get(target)
      // Of one that is gone by now no other word would ever come, and nobody would say that it is gone.
      if (member && isLive(member)) this.#drift.hear(target, now, (probe.sentAt + this.#setting.ports.clock.now()) / 2)
      this.#swim.noteListening(target, true)
    }
    probe.answered()
  }

  #hearNack(seq: number, targetId: Id, from: Sender): void {
    const probe = this.#probes.get(seq)
    if (!probe || targetId !== probe.target.id || !isOf(probe.helpers.get(from.id), from)) return this.#swim.drop('stray nack')
    probe.nacks.add(from.id)
  }

  #wasAsked({ target, helpers }: Probe, from: Sender): boolean {
    return isOf(target.id === from.id ? target : helpers.get(from.id), from)
  }

  get #wall(): number {
    return Math.floor(this.#setting.ports.clock.wall())
  }

  #send({ id, url }: Peer, question: Question): void {
    const packet = { ...question, updates: this.#swim.updatesFor(id) }
    this.#setting.ports.datagrams.send({ id, url }, packet)
  }
}

type Question = Unridden<Exclude<Packet, { type: 'gossip' }>>
/** Before updates ride on it. */
type Unridden<P> = P extends Packet ? Omit<P, 'updates'> : never

const isOf = (peer: Peer | undefined, { id, url }: Sender): boolean => peer !== undefined && peer.id === id && peer.url === url

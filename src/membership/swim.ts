/**
 * Who is alive: SWIM (DSN'02) with Lifeguard (arXiv 1707.00788), between this node's member table and the packets of the others.
 *
 * In every period one member is pinged, in turn. Who does not answer, nor to those who are asked to ping it too, is suspected; who
 * does not refute that in time is dead. What changes rides on these packets, and on rounds of gossip; now and then two members
 * exchange all they know, so that what nobody repeats any more is heard as well, and those whom a split has parted meet again.
 */
import type { Sender } from '../ports.ts'
import type { Packet, Update } from '../protocol/packets.ts'
import type { PeerApi } from '../protocol/peer-api.ts'
import type { Handlers } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { Calls } from './calls.ts'
import type { Directory } from './directory.ts'
import { Drift } from './drift.ts'
import { Gossip } from './gossip.ts'
import { Hearsay } from './hearsay.ts'
import { asUpdate, isLive, type Member, type MemberEvent, Members } from './members.ts'
import { Prober } from './prober.ts'
import { cutOffMs, Reunions, settleMsOf } from './reunions.ts'
import { Self } from './self.ts'
import type { Membership, SwimSetting } from './setting.ts'
import { Sync } from './sync.ts'

/** How long one who leaves waits until it has told everyone. */
const leaveTimeoutMs = 5000
/** Members that are told directly of who comes or goes; others hear of it from them. */
const toldMost = 64

export class Swim implements Directory, Membership {
  readonly handlers: Handlers<Pick<PeerApi, 'sync'>>
  readonly #setting: SwimSetting
  readonly #self: Self
  readonly #reunions: Reunions
  readonly #members: Members
  readonly #gossip: Gossip
  readonly #hearsay: Hearsay
  readonly #prober: Prober
  readonly #sync: Sync
  readonly #drift: Drift
  #state: 'idle' | 'running' | 'leaving' | 'stopped' = 'idle'
  #stops: (() => void)[] = []
  #peers: readonly Peer[] | undefined
  readonly #calls = new Calls()

  constructor(setting: SwimSetting) {
    this.#setting = setting
    this.#self = new Self(setting)
    this.#reunions = new Reunions({
      settleMs: settleMsOf(setting.options),
      knowsOthers: () => this.#sync.knowsOthers || this.#now >= this.#self.member.settledAt,
      isRefused: (id) => this.#calls.isRefused(id),
    })
    this.#members = new Members((event) => this.#changed(event), this.#reunions)
    this.#gossip = new Gossip(this, setting)
    this.#hearsay = new Hearsay(setting, this.#self, this.#members, this.#gossip)
    this.#drift = new Drift(setting.ports.clock, setting.ports.log)
    this.#prober = new Prober(this, setting, this.#drift)
    this.#sync = new Sync(this, setting, this.#reunions)
    this.handlers = { sync: ({ members }) => this.#sync.answer(members) }
  }

  /**
   * Begins to probe and to gossip; exchanges members with the seeds until one answers.
   * @param hasFounded whether nobody else was in its network when it came in
   */
  start(seeds: readonly Peer[], hasFounded = false): void {
    const { clock } = this.#setting.ports
    const { syncEveryMs, reconnectEveryMs } = this.#setting.options
    this.#state = 'running'
    this.#self.begin(hasFounded)
    this.#gossip.start()
    this.#gossip.tell(this.#self.member)
    this.#prober.start()
    this.#sync.start(seeds)
    this.#stops = [
      clock.every(syncEveryMs, () => this.#sync.exchange()),
      clock.every(reconnectEveryMs, () => this.#sync.reconnect()),
    ]
  }

  /** A packet that belongs to this network and is for this node. */
  hear(packet: Packet, from: Sender): void {
    if (this.#state !== 'running' && this.#state !== 'leaving') return
    for (const update of packet.updates) this.take(update)
    this.#prober.hear(packet, from)
  }

  /** Tells everyone that this node goes for good; resolves when they have been told. */
  async leave(): Promise<void> {
    if (this.#state !== 'running') return
    const { clock } = this.#setting.ports
    this.#state = 'leaving'
    this.#say('left')
    for (const until = clock.now() + leaveTimeoutMs; !this.#gossip.isOver && clock.now() < until; ) {
      if (this.live().length === 0) break
      await clock.sleep(this.#setting.options.gossipEveryMs)
    }
    this.#end()
  }

  /** Tells everyone that this node stops, and ends its loops. It may come back. */
  stop(): void {
    if (this.#state === 'running') this.#say('dead')
    this.#end()
  }

  /** A call to it has failed: it is probed out of turn. */
  hint(id: Id, isRefused = false): void {
    if (isRefused) this.noteListening(id, false)
    const member = this.#members.get(id)
    if (this.#state !== 'running' || !member || !isLive(member)) return
    this.#calls.miss(id)
    this.hurry(member)
  }

  /** It has answered a call. */
  answered(id: Id): void {
    this.#calls.answer(id)
    const member = this.#members.get(id)
    // Whoever is dead hears of it from the probe, and refutes it.
    if (this.isRunning && member?.state === 'dead') this.hurry(member)
  }

  noteListening(id: Id, listens: boolean): void {
    if (listens) this.#calls.hear(id)
    else if (this.#members.get(id)) this.#calls.refuse(id)
  }

  hurry(member: Member): void {
    this.#prober.hurry(member)
  }

  get isRunning(): boolean {
    return this.#state === 'running'
  }

  get isKnown(): boolean {
    return this.isRunning && this.#sync.isKnown
  }

  get peers(): readonly Peer[] {
    this.#peers ??= [...this.live(), ...(this.isRunning ? [this.#self.member] : [])]
      .map(({ id, url }) => ({ id, url }))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
    return this.#peers
  }

  isSuspect(id: Id): boolean {
    return this.#gossip.isSuspect(id) || this.#calls.areInVain(id)
  }

  isDead(id: Id): boolean {
    return this.#members.get(id)?.state === 'dead'
  }

  get health(): number {
    return this.#self.health
  }

  /**
   * Whether more than half of the others have fallen silent at about the same time: it is rather this node that is cut off, but for those of
   * whom their machines say that they are not there.
   */
  get isCutOff(): boolean {
    return this.#members.areMostSilent(this.#now - cutOffMs, (id) => this.#calls.isRefused(id))
  }

  /** Of only one other its machine may say that it is not there: nothing was acknowledged without this node. */
  get isAccompanied(): boolean {
    const others = this.isKnown ? this.live() : []
    return others.length > 1 || others.some(({ id }) => !this.#calls.isRefused(id)) || this.isCutOff
  }

  get reunitedAt(): number {
    return this.#reunions.lastAt
  }

  /** Packets and updates that were not heeded, by reason. */
  get drops(): ReadonlyMap<string, number> {
    return this.#hearsay.drops
  }

  get aheadMs(): number {
    return this.#drift.aheadMs
  }

  members(): readonly Member[] {
    return [this.#self.member, ...this.#members.all()]
  }

  get(id: Id): Member | undefined {
    return id === this.#setting.me.id ? this.#self.member : this.#members.get(id)
  }

  live(): readonly Member[] {
    return this.#members.live()
  }

  find(count: number, isWanted: (member: Member) => boolean): Member[] {
    return this.#members.sample(count, isWanted, this.#setting.ports.random)
  }

  /** See Self.describe. */
  describe(tags: Readonly<Record<string, string>>): void {
    this.#self.describe(tags)
    this.#gossip.tell(this.#self.member)
  }

  take(update: Update): void {
    const member = this.learn(update)
    if (member) this.#gossip.tell(member)
  }

  learn(update: Update): Member | undefined {
    return this.#hearsay.learn(update)
  }

  suspect({ id, url, incarnation }: Member): void {
    const known = this.#members.get(id)
    if (known?.incarnation !== incarnation) return
    this.take({ id, url, incarnation, state: 'suspect', from: this.#setting.me.id })
  }

  doubt(by: number): void {
    this.#self.doubt(by)
  }

  later(work: () => Promise<unknown>): void {
    work().catch((error: unknown) => this.#setting.ports.log.error({ err: error }, 'membership failed'))
  }

  announce(): void {
    const updates = [asUpdate(this.#self.member, this.#now)]
    for (const { id, url } of this.find(toldMost, isLive))
      this.#setting.ports.datagrams.send({ id, url }, { type: 'gossip', updates })
    this.#gossip.tell(this.#self.member)
  }

  drop(reason: string): void {
    this.#hearsay.drop(reason)
  }

  updatesFor(to: Id): Update[] {
    return this.#gossip.updatesFor(to)
  }

  get #now(): number {
    return this.#setting.ports.clock.now()
  }

  #changed(event: MemberEvent): void {
    this.#peers = undefined
    if (event.kind === 'join') this.#prober.enlist(event.member.id)
    this.#calls.heed(event)
    if (!isLive(event.member)) this.#drift.forget(event.member.id)
    this.#setting.notify(event)
  }

  /** Tells others that this node goes. */
  #say(state: 'dead' | 'left'): void {
    this.#peers = undefined
    this.#self.go(state)
    this.announce()
  }

  #end(): void {
    this.#state = 'stopped'
    this.#gossip.end()
    for (const stop of this.#stops) stop()
    this.#stops = []
  }

  reap(): void {
    this.#members.reap(this.#now - this.#setting.options.tombstoneMs)
  }
}

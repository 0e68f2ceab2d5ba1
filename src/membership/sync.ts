/**
 * Anti-entropy: two members exchange all they know, over HTTP. Gossip alone leaves some uninformed where packets are lost, and
 * those whom a split has parted for long would never meet again.
 */
import { Refusal, Unreachable } from '../protocol/errors.ts'
import type { Update } from '../protocol/packets.ts'
import type { Reply } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import { asUpdate, isLive } from './members.ts'
import { reunionMs, type Reunions } from './reunions.ts'
import type { Membership, SwimApi, SwimSetting } from './setting.ts'

/** Networks up to so large exchange in every period; each doubling adds one to it. */
const smallNetwork = 32
/** Between two rounds of seeds that did not answer, and how many there are; after that one is tried now and then. */
const retryMs = 500
const retries = 60

export class Sync {
  readonly #swim: Membership
  readonly #setting: SwimSetting
  readonly #reunions: Reunions
  #seeds: readonly Peer[] = []
  #isKnown = false
  #knowsOthers = false
  #turn = 0

  constructor(swim: Membership, setting: SwimSetting, reunions: Reunions) {
    this.#swim = swim
    this.#setting = setting
    this.#reunions = reunions
  }

  /** Whether somebody has told of all members. */
  get isKnown(): boolean {
    return this.#isKnown
  }

  /** Whether somebody has told of one who has been there for a while. */
  get knowsOthers(): boolean {
    return this.#knowsOthers
  }

  start(seeds: readonly Peer[]): void {
    this.#seeds = seeds.filter(({ id }) => id !== this.#setting.me.id)
    if (this.#seeds.length === 0) this.#isKnown = true
    else this.#swim.later(() => this.#introduce())
  }

  /** With someone alive, at random. */
  async exchange(): Promise<void> {
    this.#swim.reap()
    const live = this.#swim.live().length
    const every = live < smallNetwork ? 1 : Math.ceil(Math.log2(live + 1)) - Math.log2(smallNetwork) + 1
    if (this.#turn++ % every !== 0) return
    const [other] = this.#swim.find(1, ({ state }) => state === 'alive')
    if (other) await this.#with(other)
  }

  /**
   * With someone dead, who may be on the other side of a split; and with a seed, or a neighbour in the overlay, that is not known to
   * live: two halves that never knew each other have nobody dead in common.
   */
  async reconnect(): Promise<void> {
    const [dead] = this.#swim.find(1, ({ state }) => state === 'dead')
    if (dead) await this.#with(dead)
    const strangers = [...this.#seeds, ...this.#setting.neighbors()].filter(({ id }) => {
      const member = this.#swim.get(id)
      return !member || (!isLive(member) && id !== dead?.id)
    })
    const stranger = strangers[this.#setting.ports.random.below(Math.max(1, strangers.length))]
    if (stranger) await this.#with(stranger)
  }

  /** What the caller knows is merged, and everything answered that is known then. */
  answer(members: readonly Update[]): Reply<SwimApi['sync']> {
    for (const update of members) this.#swim.take(this.#milder(update))
    this.#noteTold(members)
    if (members.length > 1) this.#isKnown = true
    const reunitedMs = Math.max(0, Math.floor(this.#setting.ports.clock.now() - this.#reunions.lastAt))
    return { members: this.#all(), ...(reunitedMs < reunionMs ? { reunitedMs } : {}) }
  }

  /** Until a seed has answered. What it tells, the others know. */
  async #introduce(): Promise<void> {
    const { clock } = this.#setting.ports
    for (let round = 0; round < retries && this.#swim.isRunning; round++) {
      for (const seed of this.#seeds) {
        const told = await this.#with(seed, (update) => this.#swim.learn(update))
        if (!told) continue
        // Who comes while parts meet cannot tell them apart.
        this.#reunions.learn(clock.now() - (told.reunitedMs ?? Infinity))
        return this.#swim.announce()
      }
      await clock.sleep(retryMs)
    }
  }

  /** @param heed each that it tells of; by default it is told on */
  async #with(
    { id, url }: Peer,
    heed: (update: Update) => unknown = (it) => this.#swim.take(it),
  ): Promise<Reply<SwimApi['sync']> | undefined> {
    const { network, log } = this.#setting.ports
    try {
      const told = await network.call({ id, url }, 'sync', { members: this.#all() })
      if (!this.#swim.isRunning) return undefined
      this.#swim.answered(id)
      for (const update of told.members) heed(this.#milder(update))
      this.#noteTold(told.members)
      this.#isKnown = true
      return told
    } catch (error) {
      if (!(error instanceof Unreachable || error instanceof Refusal)) throw error
      if (error instanceof Unreachable && error.isRefused) this.#swim.noteListening(id, false)
      log.debug({ peer: id, why: error.message }, 'members not exchanged')
      return undefined
    }
  }

  #noteTold(members: readonly Update[]): void {
    this.#knowsOthers ||= members.some(({ settled }) => settled)
  }

  /** What another one has as dead is only suspected where it was thought alive: the one concerned shall have its say. */
  #milder(update: Update): Update {
    if (update.state !== 'dead' || update.id === this.#setting.me.id) return update
    const known = this.#swim.get(update.id)
    return known && isLive(known) ? { ...update, state: 'suspect' } : update
  }

  #all(): Update[] {
    const now = this.#setting.ports.clock.now()
    return this.#swim.members().map((member) => asUpdate(member, now))
  }
}

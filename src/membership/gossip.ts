/**
 * Gossip: what is news rides on every packet, and on rounds of its own while there is any. The rounds are also when suspicions run
 * out: they are made while there is news, or a suspect.
 */
import { packetBytes, type Update } from '../protocol/packets.ts'
import { jsonBytes } from '../protocol/utf8.ts'
import type { Id } from '../space/id.ts'
import { Broadcasts } from './broadcasts.ts'
import { asUpdate, isLive, type Member, type Told } from './members.ts'
import type { Membership, SwimSetting } from './setting.ts'
import { Suspicion, suspicionBounds } from './suspicion.ts'

/** Of a datagram, for the header, the signature, and what surrounds the updates. */
const overheadBytes = 300
/** A node whose timers come so many periods late has slept, or was stopped. */
const sleeperPeriods = 3

export class Gossip {
  readonly #swim: Membership
  readonly #setting: SwimSetting
  readonly #broadcasts: Broadcasts
  readonly #suspicions = new Map<Id, Suspicion>()
  #state: 'still' | 'resting' | 'going round' | 'ended' = 'still'

  constructor(swim: Membership, setting: SwimSetting) {
    this.#swim = swim
    this.#setting = setting
    this.#broadcasts = new Broadcasts(setting.me.id)
  }

  /** Nothing is gossiped before this. */
  start(): void {
    this.#state = 'resting'
  }

  end(): void {
    this.#state = 'ended'
  }

  /** Whether nothing is left to tell. */
  get isOver(): boolean {
    return this.#broadcasts.isEmpty
  }

  isSuspect(id: Id): boolean {
    return this.#suspicions.has(id)
  }

  tell(said: Told | Member): void {
    this.#broadcasts.add(asUpdate(said, this.#setting.ports.clock.now()))
    this.#go()
  }

  /** Something has been learnt of another member, by what somebody said. */
  learn({ id, state, from = id }: Member, said: Update['state']): void {
    if (state !== 'suspect') this.#suspicions.delete(id)
    else if (said === 'suspect' || !this.#suspicions.has(id))
      this.#suspicions.set(id, new Suspicion(from, this.#bounds(), this.#setting.ports.clock.now()))
    // A suspicion runs out by itself.
    if (state === 'suspect') this.#go()
  }

  /** Another one suspects it too: that shortens the suspicion, and is worth telling. Lifeguard §IV-B. */
  confirm(update: Update): void {
    if (update.from !== undefined && this.#suspicions.get(update.id)?.confirm(update.from)) this.tell(update)
  }

  /** See Membership.updatesFor. */
  updatesFor(to: Id): Update[] {
    const member = this.#swim.get(to)
    const warning =
      member && (member.state === 'suspect' || member.state === 'dead')
        ? asUpdate(member, this.#setting.ports.clock.now())
        : undefined
    const room = packetBytes - overheadBytes - (warning ? jsonBytes(warning) + 1 : 0)
    const sendsMost = this.#setting.options.retransmitMult * Math.ceil(Math.log10(this.#swim.live().length + 2))
    const news = this.#broadcasts.take(room, sendsMost)
    return warning ? [warning, ...news.filter(({ id }) => id !== to)] : news
  }

  #bounds(): ReturnType<typeof suspicionBounds> {
    return suspicionBounds(this.#swim.live().length + 1, this.#setting.options)
  }

  #go(): void {
    if (this.#state !== 'resting') return
    this.#state = 'going round'
    this.#swim.later(() => this.#goRound())
  }

  async #goRound(): Promise<void> {
    const { clock, random } = this.#setting.ports
    const { gossipEveryMs, probeEveryMs } = this.#setting.options
    let waitMs = random.below(gossipEveryMs)
    try {
      while (this.#state === 'going round' && (this.#suspicions.size > 0 || !this.#broadcasts.isEmpty)) {
        const began = clock.now()
        await clock.sleep(waitMs)
        const lateMs = clock.now() - began - waitMs
        // This node has slept: nobody's time has run out meanwhile.
        if (lateMs > sleeperPeriods * probeEveryMs)
          for (const suspicion of this.#suspicions.values()) suspicion.postpone(lateMs)
        this.#judge()
        this.#tellSome()
        waitMs = gossipEveryMs
      }
    } finally {
      if (this.#state === 'going round') this.#state = 'resting'
    }
  }

  #tellSome(): void {
    if (this.#broadcasts.isEmpty) return
    const { gossipNodes, gossipToDeadMs } = this.#setting.options
    const since = this.#setting.ports.clock.now() - gossipToDeadMs
    for (const { id, url } of this.#swim.find(gossipNodes, (member) => isLive(member) || isLately(member, since))) {
      const updates = this.updatesFor(id)
      if (updates.length > 0) this.#setting.ports.datagrams.send({ id, url }, { type: 'gossip', updates })
    }
  }

  /** Declares those dead whose time has run out; who is soon to be is asked once more, in case its refutation was lost. */
  #judge(): void {
    const now = this.#setting.ports.clock.now()
    for (const [id, { deadline }] of this.#suspicions) {
      const member = this.#swim.get(id)
      if (!member) continue
      if (deadline <= now) this.#swim.take({ ...asUpdate(member, now), state: 'dead', from: this.#setting.me.id })
      else if (deadline - now < this.#setting.options.probeEveryMs) this.#swim.hurry(member)
    }
  }
}

const isLately = ({ state, since }: Member, then: number): boolean => state === 'dead' && since > then

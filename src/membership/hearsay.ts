/** What others say of members: whether it is heeded, what of it is news, and what this node has to say to what it hears of itself. */
import type { Update } from '../protocol/packets.ts'
import type { Id } from '../space/id.ts'
import type { Gossip } from './gossip.ts'
import type { Member, Members } from './members.ts'
import { isTooLong } from './meta.ts'
import type { Self } from './self.ts'
import type { SwimSetting } from './setting.ts'

/**
 * How far clocks may differ: more than a century, since one that was never set says 1970. An accusation is accepted up to this far
 * ahead, a refutation twice as far: so each accepted accusation can be refuted.
 */
const skewMs = 2 ** 42

export class Hearsay {
  /** Packets and updates that were not heeded, by reason. */
  readonly drops = new Map<string, number>()
  readonly #setting: SwimSetting
  readonly #self: Self
  readonly #members: Members
  readonly #gossip: Gossip

  constructor(setting: SwimSetting, self: Self, members: Members, gossip: Gossip) {
    this.#setting = setting
    this.#self = self
    this.#members = members
    this.#gossip = gossip
  }

  /** See Membership.learn. */
  learn(update: Update): Member | undefined {
    const now = this.#setting.ports.clock.now()
    const fault = this.#faultIn(update, now)
    if (fault !== undefined) this.drop(fault)
    else if (this.#isOwn(update.id)) this.#hearOfSelf(update)
    else return this.#merge(update, now)
    return undefined
  }

  /** See Membership.drop. */
  drop(reason: string): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1)
  }

  #isOwn(id: Id): boolean {
    return id === this.#setting.me.id
  }

  /** Why this is not heeded, news or not. */
  #faultIn({ id, url, incarnation, state, meta }: Update, now: number): string | undefined {
    const own = this.#isOwn(id)
    const known = this.#members.get(id)
    const ahead = state === 'alive' || own ? 2 * skewMs : skewMs
    // At the edge it says nothing to what is said of this node: others would take the refutation for implausible.
    if (own) return incarnation >= Math.floor(now) + ahead ? 'implausible' : undefined
    if (incarnation > now + ahead && incarnation > (known?.incarnation ?? -1)) return 'implausible'
    if (meta && isTooLong(meta)) return 'implausible'
    return known?.url !== url && !this.#setting.accepts({ id, url }) ? 'bad id' : undefined
  }

  /** @returns the member where it was news */
  #merge(update: Update, now: number): Member | undefined {
    const outcome = this.#members.merge(update, now)
    const member = this.#members.get(update.id)
    if (outcome === 'news' && member) {
      this.#gossip.learn(member, update.state)
      return member
    }
    if (outcome === 'full' || outcome === 'conflict') this.drop(outcome)
    else this.#confirm(update)
    return undefined
  }

  /** An accusation is refuted by a newer incarnation, as is what an earlier life has left behind. SWIM §4.2. */
  #hearOfSelf({ incarnation, state, url }: Update): void {
    const self = this.#self.member
    if (url !== self.url && state === 'alive' && incarnation >= self.incarnation) {
      const { id, since, settledAt } = self
      this.#setting.notify({ kind: 'conflict', member: { id, url, incarnation, state, since, settledAt } })
      this.drop('conflict')
    }
    // Whoever goes has said so itself.
    if (self.state !== 'alive') return
    const news = incarnation > self.incarnation || (incarnation === self.incarnation && state !== 'alive')
    // Whoever accuses a former incarnation has missed the refutation.
    if (!news) return state === 'alive' ? undefined : this.#gossip.tell(self)
    this.#self.doubt(1)
    this.#self.restate(incarnation + 1)
    this.#gossip.tell(this.#self.member)
  }

  #confirm(update: Update): void {
    const known = this.#members.get(update.id)
    if (update.state === 'suspect' && known?.state === 'suspect' && known.incarnation === update.incarnation)
      this.#gossip.confirm(update)
  }
}

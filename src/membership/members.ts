/**
 * The table of members: what is believed of each, and when an update is news.
 *
 * Updates are ordered by (incarnation, state), and the greatest wins: whoever has heard the same has the same table, in whatever
 * order and however often it came. Only a member itself makes a new incarnation. SWIM (DSN'02) §4.2.
 */
import type { Random } from '../ports.ts'
import { membersMost, memberStates, type Update } from '../protocol/packets.ts'
import type { Id } from '../space/id.ts'
import type { Reunions } from './reunions.ts'

/** What is said of a member, but for how long it has been there. */
export type Told = Omit<Update, 'settled'>

/** As this node believes it to be; all times are by its own `Clock.now`. */
export interface Member extends Told {
  /** Since when it is in this state here. */
  readonly since: number
  /** When it has been there, in this life, for long enough that all have heard of it. */
  readonly settledAt: number
}

/** One change of the table; those of one node, replayed on an empty view, give its members. */
export interface MemberEvent {
  readonly kind: 'join' | 'alive' | 'suspect' | 'dead' | 'left' | 'update' | 'conflict' | 'reap'
  readonly member: Member
}

/**
 * A life begins with the time in ms for its incarnation, and each refutation adds one: whoever was dead and is alive with one that is
 * greater by so much was started again.
 */
const lifeLeast = 1000
interface Entry {
  member: Member
  /** Of the incarnation that `meta` is of. */
  metaIncarnation: number
  /** Whether it was ever said to be alive: accusations alone make no member. */
  vouched: boolean
  /** An incarnation of the last life of which more was heard than suspicion. */
  life?: number
  /** Where another one claims the id. */
  rival?: string
}

/**
 * What is said of a member. What it tells of itself goes with its being alive: whoever is accused may have told something else since, and
 * whoever is gone tells nothing.
 */
export const asUpdate = (
  { id, url, incarnation, state, from, meta, settledAt = Infinity }: Told & { readonly settledAt?: number },
  now: number,
): Update => ({
  id,
  url,
  incarnation,
  state,
  ...(from === undefined ? {} : { from }),
  ...(meta === undefined || state !== 'alive' ? {} : { meta }),
  ...(settledAt <= now && state === 'alive' ? { settled: true } : {}),
})

export const isLive = ({ state }: Told): boolean => state === 'alive' || state === 'suspect'

/** Whether an update is news to someone who believes the other. */
export const supersedes = (update: Told, known: Told): boolean =>
  update.incarnation > known.incarnation ||
  (update.incarnation === known.incarnation && memberStates.indexOf(update.state) > memberStates.indexOf(known.state))

export class Members {
  readonly #entries = new Map<Id, Entry>()
  /** Those who are alive or suspected. */
  readonly #living = new Map<Id, Member>()
  /** The same as a list, until one comes or goes. */
  #live: readonly Member[] | undefined
  /** Those who are suspected or dead: few, and asked about at every change. */
  readonly #fallen = new Map<Id, Member>()
  readonly #told: (event: MemberEvent) => void
  readonly #reunions: Reunions

  constructor(told: (event: MemberEvent) => void, reunions: Reunions) {
    this.#told = told
    this.#reunions = reunions
  }

  /** In the order in which they were first heard of; not those of whom only accusations were heard. */
  all(): Member[] {
    const members: Member[] = []
    for (const { member, vouched } of this.#entries.values()) if (vouched) members.push(member)
    return members
  }

  /** Those who are alive, or suspected. */
  live(): readonly Member[] {
    this.#live ??= [...this.#living.values()]
    return this.#live
  }

  /** At most so many at random, of those that are wanted. */
  sample(count: number, isWanted: (member: Member) => boolean, random: Random): Member[] {
    const candidates = this.all().filter(isWanted)
    const found: Member[] = []
    while (found.length < count && candidates.length > 0) {
      const at = random.below(candidates.length)
      found.push(candidates[at] as Member)
      candidates[at] = candidates.at(-1) as Member
      candidates.pop()
    }
    return found
  }

  /**
   * Whether more than half have fallen silent: are suspected, or have died since then.
   * @param isRefused whether it is known that nobody listens there
   */
  areMostSilent(since: number, isRefused: (id: Id) => boolean): boolean {
    let well = this.#living.size
    let silent = 0
    for (const { id, state, from, since: changed } of this.#fallen.values()) {
      const isSuspect = state === 'suspect'
      if (isSuspect) well--
      // Whoever says goodbye is not silent.
      const counts = isSuspect || (changed >= since && from !== undefined)
      if (counts && !isRefused(id)) silent++
    }
    return silent > well
  }

  get(id: Id): Member | undefined {
    const entry = this.#entries.get(id)
    return entry?.vouched ? entry.member : undefined
  }

  /**
   * Merges an update. `news`: it has changed what is believed; `stale`: nothing; `conflict`: another node claims the id of one that
   * lives; `full`: there is no room for another member.
   */
  merge(update: Update, now: number): 'news' | 'stale' | 'conflict' | 'full' {
    const entry = this.#entries.get(update.id)
    if (!entry) return this.#admit(update, now)
    const { member, vouched } = entry
    if (isLive(member) && vouched && member.url !== update.url) {
      if (update.state !== 'alive' || update.incarnation <= member.incarnation) return 'stale'
      if (entry.rival !== update.url) this.#notify({ kind: 'conflict', member: { ...update, since: now, settledAt: Infinity } })
      entry.rival = update.url
      return 'conflict'
    }
    entry.vouched ||= update.state === 'alive'
    const news = supersedes(update, member)
    const appears = entry.vouched && !vouched
    const tells = update.meta !== undefined && update.incarnation > entry.metaIncarnation
    if (!news && !appears && !tells) return 'stale'
    if (tells) entry.metaIncarnation = update.incarnation
    const meta = tells ? update.meta : member.meta
    if (news && member.state === 'dead' && isLive(update) && isOfLife(update, member.incarnation))
      this.#reunions.noteReturn(member.id, now - member.since, now)
    const since = news && update.state !== member.state ? now : member.since
    const settledAt = this.#settledAt(entry, update, now)
    entry.member = { ...(news ? toldIn(update) : member), ...(meta === undefined ? {} : { meta }), since, settledAt }
    if (!entry.vouched) return 'stale'
    this.#notify({ kind: kindOf(vouched ? member : undefined, entry.member), member: entry.member })
    return 'news'
  }

  /** Forgets those who have been dead, or gone, for so long. */
  reap(before: number): void {
    for (const entry of this.#entries.values()) if (isAbsent(entry) && entry.member.since < before) this.#forget(entry)
  }

  #forget({ member, vouched }: Entry): void {
    this.#entries.delete(member.id)
    if (vouched) this.#notify({ kind: 'reap', member })
  }

  /** When it counts as settled, by the last that was heard of it. */
  #settledAt(entry: Entry, update: Update, now: number): number {
    const { life, member } = entry
    // Whoever is only suspected may be heard of for the first time yet.
    if (update.state === 'suspect') return member.settledAt
    entry.life = Math.max(life ?? 0, update.incarnation)
    if (life !== undefined && isOfLife(update, life)) return member.settledAt
    const isSettled = update.settled === true
    if (update.state === 'alive') this.#reunions.noteLife(member.id, isSettled, now)
    return isSettled ? now : now + this.#reunions.settleMs
  }

  #notify(event: MemberEvent): void {
    const { kind, member } = event
    // A conflict tells of another one with that id.
    if (kind !== 'conflict') {
      this.#live = undefined
      put(this.#living, member, isLive(member))
      put(this.#fallen, member, kind !== 'reap' && (member.state === 'suspect' || member.state === 'dead'))
    }
    this.#told(event)
  }

  #admit(update: Update, now: number): 'news' | 'stale' | 'full' {
    // An accusation of someone unknown is not worth anyone's place.
    if (this.#entries.size >= membersMost && (update.state !== 'alive' || !this.#makeRoom())) return 'full'
    const vouched = update.state === 'alive'
    const member = { ...toldIn(update), since: now, settledAt: Infinity }
    const entry: Entry = { member, vouched, metaIncarnation: update.meta ? update.incarnation : -1 }
    entry.member = { ...member, settledAt: this.#settledAt(entry, update, now) }
    this.#entries.set(update.id, entry)
    if (!vouched) return 'stale'
    this.#notify({ kind: 'join', member: entry.member })
    return 'news'
  }

  /** Forgets one who is not there: of those whom nobody vouched for the oldest, or who has been gone longest. */
  #makeRoom(): boolean {
    let first: Entry | undefined
    for (const one of this.#entries.values()) if (isAbsent(one) && (!first || goesBefore(one, first))) first = one
    if (!first) return false
    this.#forget(first)
    return true
  }
}

const toldIn = ({ settled: _, ...told }: Update): Told => told

const isOfLife = ({ incarnation }: Update, life: number): boolean => incarnation - life < lifeLeast

const isAbsent = ({ member, vouched }: Entry): boolean => !vouched || !isLive(member)

const goesBefore = (a: Entry, b: Entry): boolean => (a.vouched === b.vouched ? a.member.since < b.member.since : b.vouched)

const put = (members: Map<Id, Member>, member: Member, belongs: boolean): void => {
  if (belongs) members.set(member.id, member)
  else members.delete(member.id)
}

const kindOf = (before: Member | undefined, { state }: Member): MemberEvent['kind'] => {
  if (state !== 'alive') return state
  if (!before || !isLive(before)) return 'join'
  return before.state === 'suspect' ? 'alive' : 'update'
}

/**
 * The properties of a ring, kept up to date: what one change can have broken is examined, not the whole ring.
 *
 * It knows only whether all is well. What is wrong, the predicates of overlay/chord/invariants.ts say.
 */
import { type RingEntry, type Snapshot, skippedBy } from '../overlay/chord/invariants.ts'
import type { Id } from '../space/id.ts'
import { between } from '../space/ring.ts'

class Member implements RingEntry {
  readonly id: Id
  successors: readonly Id[] = []
  predecessor: Id
  /** The first live successor; itself when the list is empty. */
  best: Member | undefined
  ordered = true
  skips: readonly Id[] = []
  /** The walk that came by last. */
  walk = 0

  constructor(id: Id) {
    this.id = id
    this.predecessor = id
  }
}

export class RingWatch {
  readonly #members = new Map<Id, Member>()
  /** Ids in order; made again after someone came or went. */
  #sorted: Id[] | undefined
  /** How many lists skip a member. */
  readonly #skippers = new Map<Id, number>()
  #disordered = 0
  /** Whether the first live successors are those of the last walk, which found one ordered ring. */
  #walked = false
  #walk = 0
  /** Where the ring was last found not to be ideal. */
  #flaw = 0

  get snapshot(): Snapshot {
    return this.#members
  }

  /** The members in order. */
  get ids(): readonly Id[] {
    this.#sorted ??= this.#begin()
    return this.#sorted
  }

  set(id: Id, { successors, predecessor }: RingEntry): void {
    let member = this.#members.get(id)
    if (!member) {
      member = new Member(id)
      this.#members.set(id, member)
      this.#sorted = undefined
    }
    Object.assign(member, { successors, predecessor })
    if (this.#sorted) this.#examine(member, this.#sorted)
  }

  delete(id: Id): void {
    if (this.#members.delete(id)) this.#sorted = undefined
  }

  /** Whether checkRing would find nothing; with `principals`, whether there are also that many of them. */
  holds(principals = 0): boolean {
    this.#sorted ??= this.#begin()
    if (this.#disordered > 0) return false
    this.#walked ||= this.#isOneOrderedRing()
    return this.#walked && this.#members.size - this.#skippers.size >= principals
  }

  /** Whether checkIdeal would find nothing. */
  isIdeal(listLength: number): boolean {
    const { ids } = this
    for (let turn = 0; turn < ids.length; turn++) {
      const at = (this.#flaw + turn) % ids.length
      if (this.#isIdealAt(at, Math.min(listLength, ids.length - 1))) continue
      this.#flaw = at
      return false
    }
    return true
  }

  #isIdealAt(at: number, length: number): boolean {
    const ids = this.#sorted ?? []
    const { successors, predecessor } = this.#members.get(ids[at] ?? '') ?? {}
    if (successors?.length !== length || predecessor !== ids.at(at - 1)) return false
    for (let index = 0; index < length; index++) if (successors[index] !== ids[(at + 1 + index) % ids.length]) return false
    return true
  }

  #begin(): Id[] {
    const sorted = [...this.#members.keys()].sort()
    this.#skippers.clear()
    this.#disordered = 0
    for (const member of this.#members.values()) {
      Object.assign(member, { best: undefined, ordered: true, skips: [] })
      this.#examine(member, sorted)
    }
    this.#walked = false
    return sorted
  }

  #examine(member: Member, sorted: readonly Id[]): void {
    const { id, successors } = member
    const best = successors.length === 0 ? member : this.#firstLive(successors)
    if (best !== member.best) this.#walked = false
    member.best = best
    const ordered = successors.every(
      (successor, at) => successor !== id && (at === 0 || between(id, successors[at - 1] ?? id, successor)),
    )
    if (ordered !== member.ordered) this.#disordered += ordered ? -1 : 1
    member.ordered = ordered
    for (const skipped of member.skips) this.#count(skipped, -1)
    member.skips = skippedBy(sorted, id, successors)
    for (const skipped of member.skips) this.#count(skipped, 1)
  }

  #firstLive(successors: readonly Id[]): Member | undefined {
    for (const successor of successors) {
      const member = this.#members.get(successor)
      if (member) return member
    }
    return undefined
  }

  #count(id: Id, change: number): void {
    const count = (this.#skippers.get(id) ?? 0) + change
    if (count > 0) this.#skippers.set(id, count)
    else this.#skippers.delete(id)
  }

  /**
   * Every walk by first live successors ends on the same ring, which goes around the circle once. Members off it are then
   * skipped by the ring member before them, so that PrincipalsInRing needs no look of its own.
   */
  #isOneOrderedRing(): boolean {
    const before = this.#walk
    let rings = 0
    for (const start of this.#members.values()) {
      if (start.walk > before) continue
      const walk = ++this.#walk
      let at = start
      while (at.walk <= before) {
        at.walk = walk
        if (!at.best) return false
        at = at.best
      }
      if (at.walk === walk && (++rings > 1 || turnsOf(at) > 1)) return false
    }
    return rings === 1 || this.#members.size === 0
  }
}

/** How often a ring goes around the circle. */
const turnsOf = (start: Member): number => {
  let turns = 0
  let at = start
  do {
    const next: Member = at.best ?? at
    if (next.id <= at.id) turns++
    at = next
  } while (at !== start)
  return turns
}

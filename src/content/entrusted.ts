/**
 * What others have by now of what this node holds: what may be dropped here in the end, or left behind. Known by arcs, not by
 * records: whatever comes in under a key makes a hole there.
 */
import { Arcs } from '../space/arcs.ts'
import type { Id } from '../space/id.ts'
import { type Arc, inArc } from '../space/ring.ts'

interface Entry {
  readonly arcs: Arcs
  /** Since when they have it, by `Clock.now`. */
  readonly since: number
}

export class Entrusted {
  readonly #graceMs: number
  #entries: readonly Entry[] = []
  /** Keys under which something came in since others were asked. */
  readonly #holes = new Set<Id>()
  /** Those of them that came while others are being asked. */
  #fresh: Set<Id> | undefined
  /** Keys under which something came in later than the rest of their arcs, and since when others have that, while it is not settled. */
  readonly #late = new Map<Id, number>()

  /** @param graceMs for which others are to have had something before it is settled */
  constructor(graceMs: number) {
    this.#graceMs = graceMs
  }

  /** Something came in under a key. */
  touch(key: Id): void {
    this.#fresh?.add(key)
    if (this.#entries.some(({ arcs }) => arcs.has(key))) this.#holes.add(key)
  }

  /** To be called before others are asked what they have; `note` ends it. */
  begin(): void {
    this.#fresh = new Set()
  }

  /** Those who were asked have all that was here on these arcs, and on nothing else of the arc they were asked about. */
  note(asked: Arc, had: Arcs, now: number): void {
    const elsewhere = Arcs.of([asked])
    const kept = this.#entries.map(({ arcs, since }) => ({ arcs: arcs.without(elsewhere).plus(arcs.within(had)), since }))
    const before = kept.reduce((all, { arcs }) => all.plus(arcs), Arcs.none)
    this.#entries = [...kept, { arcs: had.without(before), since: now }].filter(({ arcs }) => !arcs.isEmpty)
    for (const [key, since] of this.#late) if (since <= now - this.#graceMs) this.#late.delete(key)
    for (const key of this.#holes)
      if (inArc(asked.from, key, asked.to)) {
        this.#holes.delete(key)
        this.#late.set(key, now)
      }
    for (const key of this.#fresh ?? []) this.#holes.add(key)
    this.#fresh = undefined
  }

  /** What this node holds itself is nobody else's to keep for it. */
  takeBack(held: Arcs): void {
    this.#entries = this.#entries
      .map(({ arcs, since }) => ({ arcs: arcs.without(held), since }))
      .filter(({ arcs }) => !arcs.isEmpty)
    for (const key of this.#holes) if (held.has(key)) this.#holes.delete(key)
    for (const key of this.#late.keys()) if (held.has(key)) this.#late.delete(key)
  }

  /** Whether others have all that is here under a key. */
  has(key: Id): boolean {
    return !this.#holes.has(key) && this.#entries.some(({ arcs }) => arcs.has(key))
  }

  /** Whether they have had it for the grace period. */
  isSettled(key: Id, now: number): boolean {
    const since = now - this.#graceMs
    return (
      !this.#holes.has(key) && (this.#late.get(key) ?? since) <= since && this.#before(since).some(({ arcs }) => arcs.has(key))
    )
  }

  /** Of which arcs others have all, but for keys under which something came in since. */
  arcs(): Arcs {
    return unionOf(this.#entries)
  }

  /** Of which they have had it for the grace period, but for such keys. */
  settled(now: number): Arcs {
    return unionOf(this.#before(now - this.#graceMs))
  }

  #before(time: number): readonly Entry[] {
    return this.#entries.filter(({ since }) => since <= time)
  }

  /** Keys on an arc under which something came in since. */
  holesOn({ from, to }: Arc): number {
    let holes = 0
    for (const key of this.#holes) if (inArc(from, key, to)) holes++
    return holes
  }

  clear(): void {
    this.#entries = []
    this.#holes.clear()
    this.#late.clear()
  }
}

const unionOf = (entries: readonly Entry[]): Arcs => entries.reduce((all, { arcs }) => all.plus(arcs), Arcs.none)

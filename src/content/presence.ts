/**
 * How long this node has been there, told by when it was known to have everything, and what follows for deletions.
 *
 * A tombstone is needed as long as someone who has not heard of it may come back. Time in which this node was away does not
 * count: after a week in which nobody ran, all deletions of the week before are news to somebody.
 */
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { jsonIn } from '../protocol/utf8.ts'
import { Arcs } from '../space/arcs.ts'
import type { Arc } from '../space/ring.ts'
import { isWithin } from './completeness.ts'
import { tombstoneHorizonMs } from './record.ts'

/** Presence goes on when the last note of it is no longer ago. */
const gapMostMs = 10 * 60_000
/**
 * A node that comes back may have a part of its place at first. For so long after it has everything of that part, what it knew of the rest
 * in its former life still counts.
 */
const settlingMs = 5000
/** Between two notes of it. */
const noteEveryMs = 60_000
/** What is noted of times further ahead was noted by a clock that was wrong. Less, and the clocks of two lives may just differ. */
const aheadMostMs = 3600_000

const Memo = Type.Object({
  /** Deletions before that it may never have heard of, ms since 1970. Lives of before did not note it. */
  knowsFrom: Type.Optional(Type.Number()),
  /** Of presence, oldest first: [from, to], ms since 1970. */
  times: Type.Array(Type.Tuple([Type.Number(), Type.Number()])),
  /** What was complete in the end. */
  complete: Type.Array(Type.Object({ from: Type.String(), to: Type.String() })),
  /** How many shared it. */
  window: Type.Integer(),
})
type Memo = Static<typeof Memo>

type Times = Memo['times']

/** What another says of deletions, ms since 1970. */
export interface Hearsay {
  /** Those before that it need not remember. */
  readonly forgotten: number
  /** Those since then it knows; undefined: it may not, for it has not had everything. */
  readonly knowsFrom: number | undefined
}

export class Presence {
  /** Of an earlier life. */
  readonly #former: Memo | undefined
  #knew: Arcs
  /** When this life had everything that it held for the first time, ms since 1970. */
  #wholeSince: number | undefined
  /** Undefined where nothing is known yet. */
  #knowsFrom: number | undefined
  #forgotten: number | undefined
  #times: Times
  #said = ''

  /**
   * @param memo what `note` gave, in an earlier life; one that a disk has spoilt is none
   * @param newestMs of the stamps in a store that has records: a life that ended before anything was noted had come so far
   */
  constructor(memo: string | undefined, newestMs?: number) {
    this.#former = memo === undefined ? undefined : memoIn(memo)
    this.#knew = Arcs.of(this.#former?.complete ?? [])
    this.#knowsFrom = this.#former && (this.#former.knowsFrom ?? this.#former.times.at(-1)?.[0])
    this.#times = this.#former?.times ?? (newestMs === undefined ? [] : [[newestMs, newestMs]])
  }

  /** Whether there was an earlier life, or this one has had everything before. */
  get isBack(): boolean {
    return this.#times.length > 0
  }

  /** Until when this node had everything on an arc in an earlier life, ms since 1970; 0 when it did not. */
  knew(arc: Arc, now: number): number {
    return this.#isSettling(now) && this.#knew.covers(arc) ? latestUntil(now, this.#former?.times ?? []) : 0
  }

  /** How many shared what it had then. */
  get formerWindow(): number {
    return this.#former?.window ?? 0
  }

  /** Of what one whom this node has compared with does not know it may not have heard either; a newcomer forgets no more than all of them. */
  hear({ forgotten, knowsFrom }: Hearsay): void {
    this.#forgotten = Math.min(this.#forgotten ?? forgotten, forgotten)
    if (knowsFrom !== undefined) this.#knowsFrom = Math.max(this.#knowsFrom ?? 0, knowsFrom)
  }

  /** This node has everything now. Returns what is to be remembered, if that is something new. */
  note(now: number, complete: readonly Arc[], window: number): string | undefined {
    this.#wholeSince ??= now
    if (!this.#isSettling(now)) this.#knew = Arcs.none
    const what = JSON.stringify({ complete, window })
    if (Math.abs(now - (this.#times.at(-1)?.[1] ?? 0)) < noteEveryMs && what === this.#said) return undefined
    const times = timesUntil(now, this.#times)
    const last = times.at(-1)
    this.#said = what
    this.#knowsFrom ??= 0
    const forgotten = this.#forgotten ?? 0
    const begin: Times = [[forgotten, forgotten + tombstoneHorizonMs]]
    const [from, before]: [number, Times] = !last
      ? [now, begin]
      : now - last[1] > gapMostMs
        ? [now, times]
        : [Math.min(last[0], now), times.slice(0, -1)]
    this.#times = [...before, [from, now]]
    while (this.#times.length > 1 && lengthOf(this.#times.slice(1)) >= tombstoneHorizonMs) this.#times = this.#times.slice(1)
    return JSON.stringify({ knowsFrom: this.#knowsFrom, times: this.#times, complete, window })
  }

  /** Whether it may not have its whole place yet. Later others may have taken over, and gone again, since it began. */
  #isSettling(now: number): boolean {
    return isWithin(settlingMs, this.#wholeSince ?? now, now)
  }

  /** Until when this node was there, if it has been away for longer than deletions are remembered. */
  awaySince(now: number): number | undefined {
    const newest = this.#times.at(-1)?.[1]
    // What this life has noted itself lies ahead since its clock was set back.
    if (newest === undefined || (this.#said !== '' && newest > now)) return undefined
    const last = latestUntil(now, this.#times)
    return now - last > tombstoneHorizonMs ? last : undefined
  }

  /** All deletions since then are known here; Infinity: none, for who has yet to hear from others. */
  get knowsFrom(): number {
    return this.#knowsFrom === undefined ? Infinity : Math.max(this.#knowsFrom, this.forgetsBefore)
  }

  /** Deletions before that need not be remembered any more; 0: all of them must be. */
  get forgetsBefore(): number {
    let rest = tombstoneHorizonMs
    for (const [from, to] of this.#times.toReversed()) {
      if (to - from >= rest) return to - rest
      rest -= to - from
    }
    return 0
  }
}

const memoIn = (text: string): Memo | undefined => {
  const memo = jsonIn(text)
  return Value.Check(Memo, memo) ? memo : undefined
}

/** The last moment of `timesUntil`; 0 when there is none. Asked for every record that is read. */
const latestUntil = (now: number, times: Times): number => {
  const until = now + aheadMostMs
  const last = times.findLast(([from]) => from <= until)
  return last ? Math.min(last[1], until) : 0
}

/** What lies ahead was noted by a clock that was, and is no presence. */
const timesUntil = (now: number, times: Times): Times => {
  const until = now + aheadMostMs
  return times.filter(([from]) => from <= until).map(([from, to]) => [from, Math.min(to, until)])
}

const lengthOf = (times: Times): number => times.reduce((sum, [from, to]) => sum + to - from, 0)

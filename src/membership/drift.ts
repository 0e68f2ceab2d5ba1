/**
 * How far this node's clock is from most others', by what they say when they answer a ping.
 *
 * The middle of all clocks, this one among them, is the time of the network: as long as fewer than half are wrong everybody finds the same.
 * All of them are held against what runs on evenly here: whoever's clock is set knows what time it is all the same.
 */
import type { Clock, Log } from '../ports.ts'
import type { Id } from '../space/id.ts'
import { remember } from '../space/memory.ts'

/** Of so many others the last word counts. */
const othersMost = 63
/** Stamps are made for clocks that differ by less. */
const usualMs = 60_000
/** Of two clocks nobody knows which is wrong. */
const clocksLeast = 3
/** Less is no setting of this clock. */
const setLeastMs = 1000

export class Drift {
  /** By how much even time is ahead of the clock of each, the one heard last at the end. */
  readonly #aheads = new Map<Id, number>()
  /** By how much it is ahead of this node's clock, as it was when the clocks were judged last. */
  #own: number
  /** Those of them who are gone. */
  readonly #gone = new Set<Id>()
  readonly #clock: Pick<Clock, 'now' | 'wall'>
  readonly #log: Log
  #aheadMs = 0

  constructor(clock: Pick<Clock, 'now' | 'wall'>, log: Log) {
    this.#clock = clock
    this.#log = log
    this.#own = this.#ownNow
  }

  /** By how much this node's clock is ahead of the network's time, or, negative, behind; 0 as long as that is no more than usual. */
  get aheadMs(): number {
    if (Math.abs(this.#ownNow - this.#own) > setLeastMs) this.#judge()
    return this.#aheadMs
  }

  /** What one that is gone has said counts only as long as those who are there are too few to tell. */
  forget(id: Id): void {
    if (!this.#aheads.has(id)) return
    this.#gone.add(id)
    this.#judge()
  }

  /** One has told its time. @param at by `Clock.now`, when that was so */
  hear(id: Id, wall: number, at: number): void {
    this.#gone.delete(id)
    remember(this.#aheads, id, at - wall, othersMost)
    this.#judge()
  }

  get #ownNow(): number {
    return this.#clock.now() - this.#clock.wall()
  }

  #judge(): void {
    this.#own = this.#ownNow
    for (const id of this.#gone) {
      if (this.#aheads.size + 1 <= clocksLeast) break
      this.#aheads.delete(id)
      this.#gone.delete(id)
    }
    const clocks = [this.#own, ...this.#aheads.values()].sort((a, b) => a - b)
    const byMs = medianOf(clocks) - this.#own
    const was = this.#aheadMs
    this.#aheadMs = clocks.length >= clocksLeast && Math.abs(byMs) > usualMs ? Math.round(byMs) : 0
    const { aheadMs } = this
    if (was === 0 && aheadMs !== 0)
      this.#log.warn(
        { aheadMs },
        'the clock of this node is not that of most others: set it right; until then it goes by theirs',
      )
    if (was !== 0 && aheadMs === 0) this.#log.info({}, 'the clock of this node is that of most others again')
  }
}

/** Of an even number the mean of the two in the middle, so that two halves meet there. */
const medianOf = (sorted: readonly number[]): number => {
  const at = (sorted.length - 1) / 2
  return ((sorted[Math.floor(at)] as number) + (sorted[Math.ceil(at)] as number)) / 2
}

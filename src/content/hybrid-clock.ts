/**
 * A hybrid logical clock: stamps that follow the wall clock, and never fall behind a stamp that was seen.
 *
 * Kulkarni et al., OPODIS'14. A stamp is 12 hex digits of milliseconds and 4 of a counter, so that texts order as stamps do.
 *
 * Stamps far ahead of the wall clock were given when clocks were wrong. They lead no other away: only what is to replace what has such a
 * stamp gets one too.
 */
import type { Clock } from '../ports.ts'

const digits = 16
const counterDigits = 4

/** Stamps far ahead that a clock remembers to have given: what one of them is for has been written, or given up, long before it is forgotten. */
const farGivenMost = 1000

/** No clock is a century ahead, but for one that was never set: a later stamp would leave none that comes after it. */
export const stampMostMs = 2 ** 42

/** How far ahead of the wall clock a stamp may be. */
export const stampAheadMs = 5 * 60_000

export class HybridClock {
  readonly #clock: Pick<Clock, 'now'>
  /** The latest that were given or seen: of those that are not far ahead, and of those that are. */
  #near = ''
  #far = ''
  /** Far ahead, given of late, oldest first. */
  readonly #farGiven = new Set<string>()

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /**
   * A stamp later than any that this clock has given or seen, but for those far ahead: `'019aa3f1c2d00000'`.
   * @param after a stamp that it is to be later than; one that is far ahead it comes just after
   */
  next(after?: string): string {
    const now = Math.floor(this.#clock.now())
    // What was not far ahead when it was given may be so since this clock was set right.
    if (isAhead(this.#near, now)) [this.#far, this.#near] = [later(this.#far, this.#near), '']
    if (after !== undefined) this.observe(after, now)
    if (after !== undefined && isAhead(after, now)) return this.#nextFar(after)
    const ms = now.toString(16).padStart(digits - counterDigits, '0')
    // What was stamped before, while the clock was ahead, is not stamped again.
    const wall = ms + (ms <= this.#far.slice(0, -counterDigits) ? '8' : '0') + '0'.repeat(counterDigits - 1)
    this.#near = wall > this.#near ? wall : oneMore(this.#near)
    return this.#near
  }

  /** Just after the one that it is to be later than: those who have that take no stamp that is much later, whatever else was seen. */
  #nextFar(after: string): string {
    let stamp = oneMore(after)
    while (this.#farGiven.has(stamp)) stamp = oneMore(stamp)
    this.#farGiven.add(stamp)
    for (const oldest of this.#farGiven) {
      if (this.#farGiven.size <= farGivenMost) break
      this.#farGiven.delete(oldest)
    }
    this.#far = later(this.#far, stamp)
    return stamp
  }

  observe(stamp: string, now = this.#clock.now()): void {
    if (!isAhead(stamp, now)) this.#near = later(this.#near, stamp)
    else this.#far = later(this.#far, stamp)
  }
}

/** The wall clock's part of a stamp, ms since 1970. */
export const stampMs = (stamp: string): number => Number.parseInt(stamp.slice(0, -counterDigits), 16)

/** Whether a stamp is further ahead of a time than any right clock's. */
export const isAhead = (stamp: string, now: number): boolean => stampMs(stamp) > now + stampAheadMs

const later = (a: string, b: string): string => (a > b ? a : b)

const oneMore = (stamp: string): string => (BigInt(`0x${stamp}`) + 1n).toString(16).padStart(digits, '0')

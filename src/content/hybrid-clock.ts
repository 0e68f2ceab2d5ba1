/**
 * A hybrid logical clock: stamps that follow the wall clock, and never fall behind a stamp that was seen.
 *
 * Kulkarni et al., OPODIS'14. A stamp is 12 hex digits of milliseconds and 4 of a counter, so that texts order as stamps do.
 */
import type { Clock } from '../ports.ts'

const counterDigits = 4
const counterLimit = 16 ** counterDigits

export class HybridClock {
  readonly #clock: Pick<Clock, 'now'>
  #ms = 0
  #counter = 0

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** A stamp later than any that this clock has given or seen: `'019aa3f1c2d00000'`. */
  next(): string {
    const now = Math.floor(this.#clock.now())
    if (now > this.#ms) this.#set(now, 0)
    else this.#set(this.#ms, this.#counter + 1)
    return this.#ms.toString(16).padStart(12, '0') + this.#counter.toString(16).padStart(counterDigits, '0')
  }

  observe(stamp: string): void {
    const ms = stampMs(stamp)
    const counter = Number.parseInt(stamp.slice(-counterDigits), 16)
    if (ms > this.#ms || (ms === this.#ms && counter > this.#counter)) this.#set(ms, counter)
  }

  #set(ms: number, counter: number): void {
    this.#ms = counter < counterLimit ? ms : ms + 1
    this.#counter = counter < counterLimit ? counter : 0
  }
}

/** The wall clock's part of a stamp, ms since 1970. */
export const stampMs = (stamp: string): number => Number.parseInt(stamp.slice(0, -counterDigits), 16)

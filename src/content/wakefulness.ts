/**
 * Whether this node has slept, and has not heard yet what was written and deleted meanwhile: a process can be stopped, or starved, for as long as
 * others need to go on without it, and does not know.
 */
import type { Clock } from '../ports.ts'

/**
 * A beat is late once so many times the usual time between two has passed since the last one: if this node was stopped for so long, others
 * may have acknowledged without it.
 */
const lateMost = 1.5

export class Wakefulness {
  readonly #clock: Pick<Clock, 'now' | 'wall'>
  /** By which time the next beat is to have come. */
  #lateAt = { now: Infinity, wall: Infinity }
  /** How long after the last it may come. */
  #graceMs = Infinity
  #sleeps = 0
  /** How many of these it has made up for. */
  #madeUp = 0

  constructor(clock: Pick<Clock, 'now' | 'wall'>) {
    this.#clock = clock
  }

  /** How often it has slept. */
  get sleeps(): number {
    this.#look()
    return this.#sleeps
  }

  /** Its own word does not count: others may know better. */
  get isBehind(): boolean {
    return this.sleeps > this.#madeUp
  }

  /** It is awake. @param everyMs between two beats */
  beat(everyMs: number): void {
    this.#look()
    this.#graceMs = lateMost * everyMs
    this.#await()
  }

  /** It has compared all that it holds with others since it had slept so often. */
  makeUp(sleeps: number): void {
    this.#madeUp = sleeps
  }

  #look(): void {
    const { now, wall } = this.#lateAt
    if (this.#clock.now() <= now && this.#clock.wall() <= wall) return
    this.#sleeps++
    // It may be stopped again before the next beat.
    this.#await()
  }

  #await(): void {
    this.#lateAt = { now: this.#clock.now() + this.#graceMs, wall: this.#clock.wall() + this.#graceMs }
  }
}

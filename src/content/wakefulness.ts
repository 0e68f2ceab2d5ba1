/**
 * Whether this node has slept, and has not heard yet what was written and deleted meanwhile: a process can be stopped, or starved, for as long as
 * others need to go on without it, and does not know.
 */
import type { Clock } from '../ports.ts'

/** How often it is to show that it is awake. */
export const beatMs = 500
/** Later than that, others have acknowledged without it; a node that is merely busy is as late only when it turns requests away. */
const lateMs = 1000

export class Wakefulness {
  readonly #clock: Pick<Clock, 'now'>
  /** Undefined before the first beat. */
  #seenAt: number | undefined
  #sleeps = 0
  /** How many of these it has made up for. */
  #madeUp = 0

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** How often it has slept. */
  get sleeps(): number {
    if (this.#isLate) this.beat()
    return this.#sleeps
  }

  /** Its own word does not count: others may know better. */
  get isBehind(): boolean {
    return this.sleeps > this.#madeUp
  }

  /** It is awake. */
  beat(): void {
    if (this.#isLate) this.#sleeps++
    this.#seenAt = this.#clock.now()
  }

  /** It has compared all that it holds with others since it had slept so often. */
  makeUp(sleeps: number): void {
    this.#madeUp = sleeps
  }

  /** Nobody beats any more: there is nothing to hold. */
  rest(): void {
    this.#seenAt = undefined
  }

  get #isLate(): boolean {
    return this.#seenAt !== undefined && this.#clock.now() - this.#seenAt > beatMs + lateMs
  }
}

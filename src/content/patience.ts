/**
 * Many short waits of the same length, most of which are over before they end: one sleep at a time serves them all. Whoever wakes late was
 * busy itself, and has answers to read: each waits once more, or a node that has much to do would ask for even more.
 */
import type { Clock } from '../ports.ts'

interface Wait {
  until: number
  /** Whether it has waited once more. */
  isExtended: boolean
  /** Undefined once it is called off. */
  wake: (() => void) | undefined
}

export class Patience {
  readonly #clock: Pick<Clock, 'now' | 'sleep'>
  readonly #ms: number
  /** In the order of their ends. */
  #waits: Wait[] = []
  #watching = false

  constructor(clock: Pick<Clock, 'now' | 'sleep'>, ms: number) {
    this.#clock = clock
    this.#ms = ms
  }

  /** Calls back once the time is up, unless it is called off before. Returns how to call it off. */
  wait(wake: () => void): () => void {
    const wait: Wait = { until: this.#clock.now() + this.#ms, isExtended: false, wake }
    this.#waits.push(wait)
    if (!this.#watching) void this.#watch()
    return () => {
      wait.wake = undefined
    }
  }

  async #watch(): Promise<void> {
    this.#watching = true
    for (let next = this.#next(); next; next = this.#next()) {
      const { until } = next
      await this.#clock.sleep(Math.max(1, until - this.#clock.now()))
      const now = this.#clock.now()
      if (now - until > this.#ms) this.#extend(now + this.#ms)
    }
    this.#watching = false
  }

  #extend(until: number): void {
    for (const wait of this.#waits) {
      if (wait.isExtended) continue
      wait.isExtended = true
      wait.until = Math.max(wait.until, until)
    }
    this.#waits.sort((a, b) => a.until - b.until)
  }

  /** Wakes those whose time is up. */
  #next(): Wait | undefined {
    const now = this.#clock.now()
    this.#waits = this.#waits.filter((wait) => {
      if (wait.wake && wait.until > now) return true
      wait.wake?.()
      return false
    })
    return this.#waits[0]
  }
}

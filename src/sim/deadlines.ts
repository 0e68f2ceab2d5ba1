/**
 * The time-outs of one host's calls. All are equally long, so they end in the order in which they began: one entry on the
 * timeline waits for the first of them, and what was answered in time costs nothing later.
 */
import type { Host } from './host.ts'

interface Waiting {
  readonly at: number
  /** Undefined once there is an answer. */
  expire: (() => void) | undefined
}

export class Deadlines {
  readonly #host: Host
  readonly #now: () => number
  readonly #ms: number
  #waiting: Waiting[] = []
  #armed = false

  constructor(host: Host, now: () => number, ms: number) {
    this.#host = host
    this.#now = now
    this.#ms = ms
  }

  /** @returns how to end the wait; false when it is over already */
  begin(expire: () => void): () => boolean {
    const waiting: Waiting = { at: this.#now() + this.#ms, expire }
    this.#waiting.push(waiting)
    this.#arm(this.#ms)
    return () => {
      const inTime = waiting.expire !== undefined
      waiting.expire = undefined
      return inTime
    }
  }

  #arm(ms: number): void {
    if (this.#armed) return
    this.#armed = true
    this.#host.after(ms, () => this.#sweep())
  }

  #sweep(): void {
    this.#armed = false
    const now = this.#now()
    const left = this.#waiting.findIndex(({ at, expire }) => at > now && expire)
    const over = left < 0 ? this.#waiting : this.#waiting.slice(0, left)
    this.#waiting = left < 0 ? [] : this.#waiting.slice(left)
    for (const waiting of over) {
      waiting.expire?.()
      waiting.expire = undefined
    }
    const [first] = this.#waiting
    if (first) this.#arm(first.at - now)
  }
}

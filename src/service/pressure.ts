/**
 * How late this process is: the mean delay of its event loop over the last second, sampled ten times a second.
 *
 * The library for this samples a hundred times a second, which is most of what an idle node would cost.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'

const resolutionMs = 100
const windowMs = 1000
/** Later than this, new requests are turned away: who asks gives up soon after anyway. */
const overloadedMs = 1000

export class Pressure {
  readonly #histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  readonly #timer = setInterval(() => this.#sample(), windowMs).unref()
  #delayMs = 0

  constructor() {
    this.#histogram.enable()
  }

  get delayMs(): number {
    return this.#delayMs
  }

  get overloaded(): boolean {
    return this.#delayMs > overloadedMs
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#histogram.disable()
  }

  #sample(): void {
    // The histogram holds the time between two samples, which is never under its resolution.
    this.#delayMs = this.#histogram.count === 0 ? 0 : Math.max(0, this.#histogram.mean / 1e6 - resolutionMs)
    this.#histogram.reset()
  }
}

/**
 * What time it is for a node: what the clock of its machine says, but never going back. When that is set forward so is this; when it is set
 * back this goes at half the speed until the two agree.
 */

/** Less is no difference. */
const noticedMs = 2

export class SteadyTime {
  readonly #wall: () => number
  readonly #run: () => number
  #originMs: number
  /** When the time was asked for last, by the one that runs on evenly. */
  #askedMs: number

  /**
   * @param wall what the clock of the machine says, ms since 1970
   * @param run runs on evenly, whatever is set, ms since any moment
   */
  constructor(wall: () => number, run: () => number) {
    this.#wall = wall
    this.#run = run
    this.#askedMs = run()
    this.#originMs = wall() - this.#askedMs
  }

  /** By how much it is ahead of a wall clock that was set back. */
  get aheadMs(): number {
    const run = this.#run()
    return this.#originAt(run) + run - this.#wall()
  }

  /** ms since 1970, with fractions where the even one has them. */
  now(): number {
    const run = this.#run()
    this.#originMs = this.#originAt(run)
    this.#askedMs = run
    return this.#originMs + run
  }

  #originAt(run: number): number {
    const wall = this.#wall()
    const aheadMs = this.#originMs + run - wall
    if (aheadMs <= -noticedMs) return wall - run
    return aheadMs < noticedMs ? this.#originMs : this.#originMs - Math.min(aheadMs, (run - this.#askedMs) / 2)
  }
}

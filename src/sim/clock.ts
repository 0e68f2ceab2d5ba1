/**
 * The clock port of one life, as src/service/clock.ts is: when the machine's clock is set forward so is this one; when it is set back this
 * one goes at half the speed until the two agree.
 */
import type { Clock, Random } from '../ports.ts'

/** What a clock needs of the machine, and of the life that it belongs to. */
export interface Machine {
  /** Runs on evenly, ms. */
  run(): number
  /** What the clock of the machine says, ms since 1970. */
  wall(): number
  /** Runs something of that life, unless it has ended by then. */
  after(ms: number, run: () => void): void
  blame(error: unknown): void
}

/** Less is no difference. */
const noticedMs = 2

export class SimClock implements Clock {
  readonly #machine: Machine
  readonly #phases: Random
  #originMs: number
  #askedMs: number

  constructor(machine: Machine, phases: Random) {
    this.#machine = machine
    this.#phases = phases
    this.#askedMs = machine.run()
    this.#originMs = machine.wall() - this.#askedMs
  }

  /** By how much it is ahead of the machine's, which was set back. */
  get aheadMs(): number {
    return this.#originNow() + this.#machine.run() - this.#machine.wall()
  }

  now(): number {
    this.#originMs = this.#originNow()
    this.#askedMs = this.#machine.run()
    return this.#originMs + this.#askedMs
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#machine.after(ms, resolve))
  }

  every(periodMs: number, job: () => Promise<void>): () => void {
    let stopped = false
    let busy = false
    const turn = () => {
      if (stopped) return
      this.#machine.after(periodMs, turn)
      if (busy) return
      busy = true
      job().then(
        () => {
          busy = false
        },
        (error: unknown) => this.#machine.blame(error),
      )
    }
    this.#machine.after(this.#phases.below(periodMs), turn)
    return () => {
      stopped = true
    }
  }

  #originNow(): number {
    const run = this.#machine.run()
    const wall = this.#machine.wall()
    const aheadMs = this.#originMs + run - wall
    if (aheadMs <= -noticedMs) return wall - run
    return aheadMs >= noticedMs ? this.#originMs - Math.min(aheadMs, (run - this.#askedMs) / 2) : this.#originMs
  }
}

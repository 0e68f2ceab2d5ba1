/** The clock port of one life, in virtual time. */
import { SteadyTime } from '../node/steady-time.ts'
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

export class SimClock implements Clock {
  readonly #machine: Machine
  readonly #phases: Random
  readonly #beganAt: number
  readonly #time: SteadyTime

  constructor(machine: Machine, phases: Random) {
    this.#machine = machine
    this.#phases = phases
    this.#beganAt = machine.wall() - machine.run()
    this.#time = new SteadyTime(
      () => machine.wall(),
      () => machine.run(),
    )
  }

  /** By how much it is ahead of the machine's, which was set back. */
  get aheadMs(): number {
    return this.#time.aheadMs
  }

  now(): number {
    return this.#beganAt + this.#machine.run()
  }

  wall(): number {
    return this.#time.now()
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
}

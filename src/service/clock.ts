/**
 * The clock port in real time. Periods of whole seconds are counted in the beats of one heart: timers, which a node-cron task brings back
 * into time every minute, so that all nodes of a machine wake it at once. A plain timer runs the rest.
 *
 * node-cron goes by the wall clock. When that is set back its task waits for the time to come again, and when it is set forward it looks
 * at each minute that was left out: so the task is made anew whenever a beat finds the wall clock set.
 */
import { schedule } from 'node-cron'
import { randomInt } from 'node:crypto'
import os from 'node:os'
import { SteadyTime } from '../node/steady-time.ts'
import type { Clock, Log } from '../ports.ts'

const beatMs = 1000
/** What parts the wall clock by more from one that runs on evenly: somebody has set it, or the machine has slept. */
const setLeastMs = 1000
/** A timer that is to wait for longer would not wait at all. */
const timerMostMs = 2 ** 31 - 1

export class ServiceClock implements Clock {
  readonly #log: Log
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #stops = new Set<() => void>()
  /** What is to be done at a beat, by what wants to be asked. */
  readonly #onBeat = new Set<(beat: number) => void>()
  /** Stops it, once it beats. */
  #heart: (() => void) | undefined
  #stopped = false
  readonly #beganAt = wallOrigin()
  /** As it was last. */
  #origin = this.#beganAt
  /** What the machine has slept since then: it stands still in performance.now(), and so do timers. */
  #sleptMs = 0
  #upAheadMs = upAhead()
  readonly #time = new SteadyTime(
    () => Date.now(),
    () => performance.now(),
  )

  constructor(log: Log) {
    this.#log = log
  }

  now(): number {
    const origin = wallOrigin()
    if (Math.abs(origin - this.#origin) > setLeastMs) {
      this.#origin = origin
      const upAheadMs = upAhead()
      if (upAheadMs - this.#upAheadMs > setLeastMs) this.#sleptMs += upAheadMs - this.#upAheadMs
      this.#upAheadMs = upAheadMs
    }
    return this.#beganAt + performance.now() + this.#sleptMs
  }

  wall(): number {
    return this.#time.now()
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      // Timers run before sockets are read: what has arrived meanwhile is heard first.
      const wake = () => setImmediate(() => this.#stopped || resolve())
      if (ms === 0) wake()
      else this.#after(ms, wake)
    })
  }

  every(periodMs: number, job: () => Promise<void>): () => void {
    if (this.#stopped) return () => {}
    const run = exclusively(job, (error) => this.#log.error({ err: error }, 'job failed'))
    const end = periodMs % beatMs === 0 ? this.#byBeats(periodMs / beatMs, run) : this.#byTimer(periodMs, run)
    const stop = () => {
      end()
      this.#stops.delete(stop)
    }
    this.#stops.add(stop)
    return stop
  }

  /** Ends every schedule and every sleep. */
  stop(): void {
    this.#stopped = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    for (const stop of this.#stops) stop()
    this.#heart?.()
  }

  #after(ms: number, action: () => void): NodeJS.Timeout | undefined {
    if (this.#stopped) return undefined
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer)
        action()
      },
      Math.min(ms, timerMostMs),
    )
    this.#timers.add(timer)
    return timer
  }

  #cancel(timer: NodeJS.Timeout | undefined): void {
    clearTimeout(timer)
    if (timer) this.#timers.delete(timer)
  }

  #byTimer(periodMs: number, run: () => void): () => void {
    const begin = setTimeout(() => {
      run()
      repeat = setInterval(run, periodMs)
    }, randomInt(periodMs))
    let repeat: NodeJS.Timeout | undefined
    return () => {
      clearTimeout(begin)
      clearInterval(repeat)
    }
  }

  /** All nodes of a machine feel their beats at once: which beat, and how long after it, is the phase of this schedule. */
  #byBeats(beats: number, run: () => void): () => void {
    const first = randomInt(beats)
    const phaseMs = randomInt(beatMs)
    let waiting: NodeJS.Timeout | undefined
    const feel = (beat: number) => {
      if (beat % beats === first) waiting = this.#after(phaseMs, run)
    }
    this.#onBeat.add(feel)
    this.#heart ??= this.#startHeart()
    return () => {
      this.#cancel(waiting)
      this.#onBeat.delete(feel)
    }
  }

  #startHeart(): () => void {
    let number = 0
    let next: NodeJS.Timeout | undefined
    const beat = () => {
      if (Math.abs(wallOrigin() - origin) > beatMs) renew()
      number++
      for (const feel of this.#onBeat) feel(number)
      next = this.#after(beatMs, beat)
    }
    const tick = () => {
      this.#cancel(next)
      beat()
    }
    const begin = () => schedule('* * * * *', tick, { suppressMissedWarning: true, logger: asCronLogger(this.#log) })
    const renew = () => {
      void task.destroy()
      task = begin()
      origin = wallOrigin()
    }
    let origin = wallOrigin()
    let task = begin()
    next = this.#after(0, beat)
    return () => void task.destroy()
  }
}

/** By how much the time since the machine was started is ahead of what stands still while it sleeps. */
const upAhead = (): number => 1000 * os.uptime() - performance.now()

/** By how much the wall clock is ahead of the one that runs on evenly. */
const wallOrigin = (): number => Date.now() - performance.now()

/** Starts the job unless its last run is under way; a failure does not end the schedule. */
const exclusively = (job: () => Promise<void>, failed: (error: unknown) => void): (() => void) => {
  let running = false
  return () => {
    if (running) return
    running = true
    job()
      .catch(failed)
      .finally(() => {
        running = false
      })
  }
}

const asCronLogger = (log: Log) => ({
  info: (message: string) => log.debug({}, message),
  warn: (message: string) => log.warn({}, message),
  error: (message: string | Error, error?: Error) => log.error({ err: error ?? message }, 'scheduler failed'),
  debug: (message: string | Error) => log.debug({}, String(message)),
})

/**
 * How hard this process has it: how full its memory is of what is still used, which takes a collection of what is not to know; and how
 * late it is, the mean delay of its event loop over the last second, sampled ten times a second while requests come, and once a second
 * otherwise. To wake ten times a second for nothing else is a sixth of what an idle node of fifty costs.
 */
import { Session } from 'node:inspector'
import { getHeapStatistics } from 'node:v8'
import { Refusal } from '../protocol/errors.ts'

const windowMs = 1000
const samples = 10
/** In a window; the upkeep of a network that is at rest makes fewer. */
const requestsLeast = 20
/**
 * Later than this for so many windows in a row, new requests are turned away: who asks gives up soon after anyway. A process that only
 * stood still once, with its machine perhaps, has soon done what came meanwhile.
 */
const overloadedMs = 1000
const overloadedWindows = 2
/** The part of the memory that may be used: what is under way needs some yet. */
const heapPart = 1 / 2
/** Requests between two looks at the memory. */
const requestsBetween = 64
/** Between two collections for the sake of such a look, at the least; and the part of the time that they may take. */
const collectMs = 3000
const collectPart = 1 / 20

/** What whoever is turned away is told. */
export const overloaded = (): Refusal =>
  new Refusal('OVERLOADED', 'this node is alive and behind with its work; try again in a second')

export class Pressure {
  #timer: NodeJS.Timeout | undefined
  /** Since the window began. */
  #requests = 0
  #delayMs = 0
  /** Windows in a row that were too late. */
  #late = 0
  #isCrowded = false
  /** No collection before that. */
  #restUntil = -Infinity

  constructor() {
    this.#watch()
  }

  get delayMs(): number {
    return this.#delayMs
  }

  get overloaded(): boolean {
    return this.#isCrowded || this.#late >= overloadedWindows
  }

  /** A request has come. */
  note(): void {
    if (this.#requests++ % requestsBetween === 0) this.#look()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #look(): void {
    const began = performance.now()
    if (!isFull()) this.#isCrowded = false
    else if (began > this.#restUntil) {
      this.#restUntil = Infinity
      collect(() => {
        const now = performance.now()
        this.#restUntil = now + Math.max(collectMs, (now - began) / collectPart)
        this.#isCrowded = isFull()
      })
    }
  }

  /** One window, and the next. */
  #watch(): void {
    const everyMs = this.#requests < requestsLeast ? windowMs : windowMs / samples
    this.#requests = 0
    const end = performance.now() + windowMs
    let taken = 0
    let lateMs = 0
    const wait = () => {
      const due = performance.now() + everyMs
      this.#timer = setTimeout(() => {
        const now = performance.now()
        taken++
        lateMs += Math.max(0, now - due)
        if (now < end) return wait()
        this.#delayMs = lateMs / taken
        this.#late = this.#delayMs > overloadedMs ? this.#late + 1 : 0
        // Of those who are turned away few come again.
        if (this.#isCrowded) this.#look()
        this.#watch()
      }, everyMs).unref()
    }
    wait()
  }
}

const isFull = (): boolean => {
  const { used_heap_size, external_memory, heap_size_limit } = getHeapStatistics()
  return used_heap_size + external_memory > heapPart * heap_size_limit
}

/** Frees all that nothing refers to any more, which V8 leaves where it is as long as there is room; calls back after that. */
const collect = (done: () => void): void => {
  const session = new Session()
  session.connect()
  session.post('HeapProfiler.collectGarbage', () => {
    // Within its own callback that would keep the process from ending.
    setImmediate(() => session.disconnect())
    done()
  })
}

/**
 * Virtual time: whole milliseconds, what is to happen at each, and nothing between two instants.
 *
 * What happens at one instant happens in an order that the seed draws, so that many seeds explore many orders. After
 * the entries of an instant the promises they woke are run to the end, by one turn of the event loop, and only when that
 * has added nothing more for the same instant does time move.
 */
import type { Random } from '../ports.ts'
import { poison, realSetImmediate } from './ambient.ts'
import { Heap } from './heap.ts'

/** Between two immediates all promises run to the end, and only between two turns of the event loop is the system asked for news. */
const turnsAtOnce = 64

interface Entry {
  readonly tie: number
  readonly run: () => void
}

export class Timeline {
  readonly #ties: Random
  /** At which instants anything is to happen. */
  readonly #instants = new Heap<number>((a, b) => a < b)
  readonly #entries = new Map<number, Heap<Entry>>()
  #now = 0
  #goOn: () => void = () => undefined
  #ordered = 0

  constructor(ties: Random) {
    this.#ties = ties
  }

  /** Milliseconds since the world began. */
  get now(): number {
    return this.#now
  }

  /** @param ties draws the place among what happens at the same instant */
  after(ms: number, run: () => void, ties = this.#ties): void {
    const at = this.#now + ms
    let entries = this.#entries.get(at)
    if (!entries) {
      entries = new Heap(before)
      this.#entries.set(at, entries)
      this.#instants.push(at)
    }
    entries.push({ tie: ties.below(0x1_0000_0000), run })
  }

  /**
   * Lets so much time pass, or less.
   * @param enough asked after each turn of an instant; time stands still once it says so
   */
  async run(ms: number, enough: () => boolean): Promise<void> {
    const until = this.#now + ms
    const restore = poison()
    try {
      for (let at = this.#instants.first; at !== undefined && at <= until; at = this.#instants.first) {
        this.#now = at
        const entries = this.#entries.get(at)
        for (let next = entries?.pop(); next; next = entries?.pop()) next.run()
        this.#instants.pop()
        this.#entries.delete(at)
        await this.#turn()
        if (enough()) return
      }
      this.#now = until
    } finally {
      restore()
    }
  }

  /** Lets the promises that wait run to the end. */
  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#goOn = resolve
      if (this.#ordered > 0) return
      this.#ordered = turnsAtOnce
      for (let turn = 0; turn < turnsAtOnce; turn++)
        realSetImmediate(() => {
          this.#ordered--
          this.#goOn()
        })
    })
  }
}

const before = (a: Entry, b: Entry): boolean => a.tie < b.tie

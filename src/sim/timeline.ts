/**
 * Virtual time: whole milliseconds, a heap of what is to happen, and nothing between two instants.
 *
 * What happens at one instant happens in an order that the seed draws, so that many seeds explore many orders. After
 * the entries of an instant the promises they woke are run to the end, by one turn of the event loop, and only when that
 * has added nothing more for the same instant does time move.
 */
import type { Random } from '../ports.ts'
import { poison, realSetImmediate } from './ambient.ts'

/** Between two immediates all promises run to the end, and only between two turns of the event loop is the system asked for news. */
const turnsAtOnce = 64

interface Entry {
  readonly at: number
  readonly tie: number
  readonly run: () => void
}

export class Timeline {
  readonly #ties: Random
  readonly #heap: Entry[] = []
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
    this.#push({ at: this.#now + ms, tie: ties.below(0x1_0000_0000), run })
  }

  /**
   * Lets so much time pass, or less.
   * @param enough asked after each turn of an instant; time stands still once it says so
   */
  async run(ms: number, enough: () => boolean): Promise<void> {
    const until = this.#now + ms
    const restore = poison()
    try {
      for (let first = this.#heap[0]; first && first.at <= until; first = this.#heap[0]) {
        this.#now = first.at
        for (let next: Entry | undefined = first; next?.at === this.#now; next = this.#heap[0]) {
          this.#pop()
          next.run()
        }
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

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.length
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (!above || !before(entry, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    let at = 0
    for (;;) {
      const left = heap[2 * at + 1]
      const right = heap[2 * at + 2]
      if (!left) break
      const [child, below] = right && before(right, left) ? [2 * at + 2, right] : [2 * at + 1, left]
      if (!before(below, last)) break
      heap[at] = below
      at = child
    }
    heap[at] = last
  }
}

const before = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.tie < b.tie)

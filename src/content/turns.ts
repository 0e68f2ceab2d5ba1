/** So many at a time; whoever comes when all of these are taken waits for its turn. */
export class Turns {
  #free: number
  /** In the order in which they came. */
  readonly #waiting: (() => void)[] = []

  constructor(most: number) {
    this.#free = most
  }

  get waiting(): number {
    return this.#waiting.length
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free++
    }
  }
}

/** How often each whole number was seen. */
export class Tally {
  readonly #times: number[] = []
  #count = 0
  #sum = 0

  add(value: number): void {
    this.#times[value] = (this.#times[value] ?? 0) + 1
    this.#count++
    this.#sum += value
  }

  get mean(): number {
    return this.#sum / this.#count
  }

  get max(): number {
    return this.#times.length - 1
  }

  /** What part of all was this value. */
  share(value: number): number {
    return (this.#times[value] ?? 0) / this.#count
  }

  /** The least value that at least this part of all does not exceed. */
  percentile(part: number): number {
    let seen = 0
    for (let value = 0; value < this.#times.length; value++) {
      seen += this.#times[value] ?? 0
      if (seen >= part * this.#count) return value
    }
    return this.max
  }
}

/** Mean of a few measurements, and how far a single one strays from it (standard deviation). */
export const spread = (values: readonly number[]): { mean: number; sd: number } => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, sd: Math.sqrt(squares / Math.max(1, values.length - 1)) }
}

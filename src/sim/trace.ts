/**
 * The hash of everything that was delivered, in order: two runs that differ in one event differ in it.
 *
 * It need not withstand anyone, only be fast: two lanes of FNV-1a.
 */
export class Trace {
  #even = 0x811c9dc5
  #odd = 0x1000193
  #events = 0

  /** How many events were added. */
  get events(): number {
    return this.#events
  }

  /** 16 hex digits. */
  get hash(): string {
    return [this.#even, this.#odd].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('')
  }

  add(at: number, from: number, to: number, event: string): void {
    this.#events++
    this.#fold(at)
    this.#fold(from)
    this.#fold(to)
    // As #fold does; most of what is folded are letters, and fields would be written for each.
    let [even, odd] = [this.#even, this.#odd]
    for (let index = 0; index < event.length; index++) {
      const word = event.charCodeAt(index)
      even = Math.imul(even ^ word, 0x1000193)
      odd = Math.imul((odd ^ word) + 0x9e3779b9, 0x85ebca6b)
    }
    this.#even = even
    this.#odd = odd
  }

  #fold(word: number): void {
    this.#even = Math.imul(this.#even ^ word, 0x1000193)
    this.#odd = Math.imul((this.#odd ^ word) + 0x9e3779b9, 0x85ebca6b)
  }
}

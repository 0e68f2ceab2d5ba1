/**
 * What leaves at the end of a turn of the event loop, one after the other.
 *
 * The first write to a process that waits wakes it, and those that follow at once find it awake. Answers that left one by one, each
 * when it was ready, would wake whoever asks for each of them: of a lookup at its owner that was more than half of its CPU.
 */
export class TurnEnd {
  #waiting: (() => void)[] = []

  /** Runs that at the end of the turn, after all that came before it. */
  add(leave: () => void): void {
    if (this.#waiting.length === 0) setImmediate(() => this.#leave())
    this.#waiting.push(leave)
  }

  #leave(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const leave of waiting) leave()
  }
}

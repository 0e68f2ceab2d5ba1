/** A disk that takes nothing: said once when that begins, and once when both files of a store are written again. */
import type { Log } from '../ports.ts'

type Part = 'journal' | 'tree'

export class Trouble {
  readonly #log: Log
  readonly #failing = new Set<Part>()

  constructor(log: Log) {
    this.#log = log
  }

  get #isOver(): boolean {
    return this.#failing.size === 0
  }

  begin(what: Part, error: unknown): void {
    if (this.#isOver) this.#log.error({ err: error, what }, 'disk takes nothing')
    this.#failing.add(what)
  }

  end(what: Part): void {
    if (this.#failing.delete(what) && this.#isOver) this.#log.info({}, 'disk takes writes again')
  }
}

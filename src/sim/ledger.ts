/**
 * What the network has promised: every acknowledged write, until a failure takes a copy.
 *
 * A write whose outcome nobody knows leaves the ledger: it may have happened or not, and both are right.
 */
import type { MemoryStore } from '../content/memory-store.ts'

export class Ledger {
  /** By index: the value that was acknowledged; null once its deletion was. */
  readonly #promises = new Map<string, string | null>()
  #losses = 0

  promise(index: string, value: string | null): void {
    this.#promises.set(index, value)
  }

  /** Takes a promise back. */
  release(index: string): void {
    this.#promises.delete(index)
  }

  /** Undefined when nothing is promised. */
  promised(index: string): string | null | undefined {
    return this.#promises.get(index)
  }

  /** Stores that were lost so far. */
  get losses(): number {
    return this.#losses
  }

  get size(): number {
    return this.#promises.size
  }

  *[Symbol.iterator](): Iterator<readonly [index: string, value: string | null]> {
    yield* this.#promises
  }

  /** A node died with its store. With one copy of everything, that may have been the one that counts. */
  releaseLost(lost: MemoryStore): void {
    this.#losses++
    for (const { index } of lost.scan(undefined, lost.size)) this.release(index)
  }
}

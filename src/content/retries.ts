/**
 * When an operation that failed is tried again. Windows are short of nodes for a moment when some have died, or came a moment ago, and a node
 * is in no ring on its way from one into another: that is waited for before whoever asked is told.
 */
import type { Overlay } from '../overlay/overlay.ts'
import type { Clock } from '../ports.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Finder } from './finder.ts'

/** Before it is tried again. */
const retryMs = 150
/** What fails now may work in a moment. */
const passing: ReadonlySet<string> = new Set(['NOT_ENOUGH_COPIES', 'INCONCLUSIVE', 'NO_ROUTE'])

export class Retries {
  readonly #overlay: Pick<Overlay, 'isLeaving' | 'isMoving'>
  readonly #finder: Pick<Finder, 'reunionLeftMs'>
  readonly #clock: Clock
  readonly #withinMs: number

  /** @param withinMs for how long one operation is tried again */
  constructor(
    overlay: Pick<Overlay, 'isLeaving' | 'isMoving'>,
    finder: Pick<Finder, 'reunionLeftMs'>,
    clock: Clock,
    withinMs: number,
  ) {
    this.#overlay = overlay
    this.#finder = finder
    this.#clock = clock
    this.#withinMs = withinMs
  }

  /** @throws what the last attempt has thrown */
  async of<T>(attempt: () => Promise<T>): Promise<T> {
    const until = this.#clock.now() + this.#withinMs
    for (let waitMs = retryMs / 2; ; ) {
      try {
        return await attempt()
      } catch (error) {
        if (!(error instanceof Refusal) || !this.#mayPass(error) || this.#clock.now() + retryMs > until) throw error
        // While rings become one only what one is enough for can be said: that may be soon, and else not before it is over.
        const leftMs = error.code === 'INCONCLUSIVE' ? Math.min(this.#finder.reunionLeftMs, until - this.#clock.now()) : 0
        waitMs = Math.max(retryMs, Math.min(2 * waitMs, leftMs))
      }
      await this.#clock.sleep(waitMs)
    }
  }

  /** Whoever goes does not wait. */
  #mayPass({ code }: Refusal): boolean {
    const { isLeaving, isMoving } = this.#overlay
    return !isLeaving && (passing.has(code) || (code === 'NOT_JOINED' && isMoving))
  }
}

/**
 * A suspicion: how long a suspect may stay silent before it is declared dead.
 *
 * The more members independently suspect it, the shorter the wait: many witnesses, little doubt. An accuser whom nobody confirms may
 * be the one who is cut off, and waits longest. Lifeguard (arXiv 1707.00788) §IV-B; SWIM (DSN'02) §4.2 uses one fixed time-out.
 */
import type { Id } from '../space/id.ts'

/**
 * @param confirmations independent accusers besides the first, 0..k
 * @returns ms from the first suspicion, within [minMs, maxMs]
 */
export const suspicionTimeoutMs = (confirmations: number, k: number, minMs: number, maxMs: number): number => {
  if (k < 1) return minMs
  const doubt = 1 - Math.log(confirmations + 1) / Math.log(k + 1)
  return Math.max(minMs, minMs + doubt * (maxMs - minMs))
}

/** The shortest and the longest suspicion in a network of so many members, and how many confirmations make it the shortest. */
export const suspicionBounds = (
  members: number,
  { probeEveryMs, suspicionMult, suspicionMaxMult }: { probeEveryMs: number; suspicionMult: number; suspicionMaxMult: number },
): { minMs: number; maxMs: number; k: number } => {
  const minMs = suspicionMult * Math.max(1, Math.log10(Math.max(1, members))) * probeEveryMs
  return { minMs, maxMs: suspicionMaxMult * minMs, k: Math.max(0, Math.min(suspicionMult - 2, members - 2)) }
}

export class Suspicion {
  readonly #accusers: Set<Id>
  readonly #bounds: ReturnType<typeof suspicionBounds>
  #began: number

  constructor(accuser: Id, bounds: ReturnType<typeof suspicionBounds>, now: number) {
    this.#accusers = new Set([accuser])
    this.#bounds = bounds
    this.#began = now
  }

  /** By the clock. */
  get deadline(): number {
    const { k, minMs, maxMs } = this.#bounds
    return this.#began + suspicionTimeoutMs(this.#accusers.size - 1, k, minMs, maxMs)
  }

  /** Whether it is news that this member suspects it too: its first word, while words still count. */
  confirm(accuser: Id): boolean {
    if (this.#accusers.has(accuser) || this.#accusers.size > this.#bounds.k) return false
    this.#accusers.add(accuser)
    return true
  }

  /** This node has slept: nobody could be heard meanwhile. */
  postpone(ms: number): void {
    this.#began += ms
  }
}

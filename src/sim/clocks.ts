/**
 * What time it is for the nodes of a world, as far as anyone can say. Every clock is a little wrong; those that somebody has set are very
 * wrong, and their nodes go by the time of most others as soon as they have heard it (decision 023).
 */
import type { Host } from './host.ts'

/** Moments, ms of virtual time, between which something is, for all that is certain. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

export const anyTime: Span = { fromMs: -Number.MAX_VALUE, toMs: Number.MAX_VALUE }
/** Later than any time. */
export const never: Span = { fromMs: Number.POSITIVE_INFINITY, toMs: Number.POSITIVE_INFINITY }

/** Within which a node has heard what time it is for most others. */
const heardWithinMs = 30_000
/** A node whose clock differs from most others' by less goes by its own. */
const usualMs = 60_000
/** Less is no difference. */
const straysLeastMs = 2

/** What clocks must know of their world. */
export interface Wearers {
  nowMs(): number
  running(): readonly Host[]
  /** Whether the node there runs, and means to stay. */
  stays(host: Host): boolean
  /** From now on nobody can say by what time anything was done that is under way. */
  unsettled(): void
}

export class Clocks {
  readonly #world: Wearers
  /** How far behind and ahead clocks are that nobody has set. */
  #skews: Span = { fromMs: 0, toMs: 0 }
  /** Whether anybody has set one. */
  #wasSet = false
  #clearAtMs = Number.NEGATIVE_INFINITY

  constructor(world: Wearers) {
    this.#world = world
  }

  /** From when on every node knows what time it is for most others. */
  get clearAtMs(): number {
    return this.#clearAtMs
  }

  /** What time it may be for whoever does something, from that moment to the other. */
  between(fromMs: number, toMs = this.#world.nowMs()): Span {
    if (fromMs < this.#clearAtMs) return anyTime
    const moreMs = this.#wasSet ? usualMs : 0
    return { fromMs: fromMs + this.#skews.fromMs - moreMs, toMs: toMs + this.#skews.toMs + moreMs }
  }

  /** Somebody has set a clock. */
  noteSet(): void {
    this.#wasSet = true
    this.#unsettle()
  }

  /** A node has begun a life: it has heard nobody yet. */
  noteLife({ skewMs }: Host): void {
    this.#skews = { fromMs: Math.min(this.#skews.fromMs, skewMs), toMs: Math.max(this.#skews.toMs, skewMs) }
    if (this.#world.running().some(strays)) this.#unsettle()
  }

  /** Whether fewer than half are wrong once that node is there and its clock is, or once it is not there. */
  mayStray(host: Host): boolean {
    return this.#wrong(host) + 1 < this.#right(host)
  }

  maySpare(host: Host): boolean {
    const wrong = this.#wrong(host)
    return wrong === 0 || wrong < this.#right(host)
  }

  #wrong(but: Host): number {
    return this.#world.running().filter((host) => host !== but && strays(host)).length
  }

  #right(but: Host): number {
    return this.#world.running().filter((host) => host !== but && !strays(host) && this.#world.stays(host)).length
  }

  #unsettle(): void {
    this.#clearAtMs = this.#world.nowMs() + heardWithinMs
    this.#world.unsettled()
  }
}

const strays = ({ strayMs }: Host): boolean => Math.abs(strayMs) >= straysLeastMs

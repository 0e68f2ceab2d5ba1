/**
 * What this node may say of what it holds. Its word counts where it has had everything, and not while it may have missed something: it has
 * slept, was away for too long, or had no room for what came. Nothing here asks anyone.
 */
import type { Clock, Store } from '../ports.ts'
import type { Digest, Standing } from '../protocol/peer-api.ts'
import type { StoredRecord } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import type { Arc } from '../space/ring.ts'
import type { Cells } from './cells.ts'
import { stampMs } from './hybrid-clock.ts'
import { Outdated } from './outdated.ts'
import { Presence } from './presence.ts'
import { Wakefulness } from './wakefulness.ts'

/** More than any clock is wrong, and less than any absence that matters: stamps before that were given before the absence. */
const settledMs = 3600_000

export class Testimony {
  readonly wakefulness: Wakefulness
  /** How long it has been there, and what it remembers of an earlier life. */
  readonly presence: Presence
  readonly #cells: Cells
  readonly #store: Store
  readonly #time: Pick<Clock, 'now'>
  readonly #outdated: Outdated
  #doubtUntil: number | undefined

  /** @param newestMs of the stamps in the store, ms since 1970; undefined: it has no records */
  constructor(
    cells: Cells,
    store: Store,
    { clock, time }: { clock: Pick<Clock, 'now' | 'wall'>; time: Pick<Clock, 'now'> },
    newestMs: number | undefined,
  ) {
    this.#cells = cells
    this.#store = store
    this.#time = time
    this.wakefulness = new Wakefulness(clock)
    this.presence = new Presence(store.memo, newestMs)
    this.#outdated = new Outdated(store)
  }

  /**
   * This node was away for longer than deletions are remembered: what it has with stamps up to then (ms since 1970) may have been
   * deleted and forgotten meanwhile. It shows none of it before those who were there have been asked.
   */
  get doubtUntil(): number | undefined {
    const now = this.#time.now()
    if (this.#doubtUntil === undefined && this.presence.awaySince(now) !== undefined) {
      this.#doubtUntil = now - settledMs
      this.#cells.completeness.forget()
    }
    return this.#doubtUntil
  }

  doubts({ version }: StoredRecord): boolean {
    const { doubtUntil } = this
    return doubtUntil !== undefined && stampMs(version.hlc) <= doubtUntil
  }

  /** Something newer was refused for want of room. @param ours what is here */
  noteOutdated(ours: StoredRecord): void {
    this.#outdated.note(ours)
  }

  /** Whether this node's word on a key counts. */
  vouchesFor(key: Id): boolean {
    return this.#cells.vouchesFor(key) && this.#isUpToDate(key)
  }

  /**
   * What this node may say of a key. Whoever does not show all that it has, has what is not true any more, or has slept, vouches for nothing.
   * @param told as for `Cells.standing`
   */
  standing(key: Id, told?: readonly Id[]): Standing {
    const standing = this.#cells.standing(key, told)
    const isSure = this.doubtUntil === undefined && this.#isUpToDate(key)
    return isSure ? standing : { ...standing, complete: false }
  }

  /** What this node may say of an arc to another: see the row `digest`. */
  claims(arc: Arc, by: Id): Omit<Digest, 'parts'> {
    // Looked at first: from then on nothing is complete. Nor has anyone had everything who has slept.
    const doubting = this.doubtUntil !== undefined
    const nothing = this.wakefulness.isBehind ? { complete: [], witnessed: [] } : {}
    return {
      ...this.#cells.claims(arc, by),
      ...nothing,
      doubting,
      forgotten: this.forgetsBefore,
      knowsFrom: this.knowsFrom,
      knew: Math.floor(this.presence.knew(arc, this.#time.now())),
    }
  }

  /** All deletions since then are known here, ms since 1970. */
  get knowsFrom(): number {
    return Math.floor(Math.min(this.presence.knowsFrom, this.#time.now()))
  }

  /** Deletions before that need not be remembered any more, ms since 1970. */
  get forgetsBefore(): number {
    return this.presence.forgetsBefore
  }

  /** Notes that this node is there, and has everything; nothing is in doubt any more. */
  async notePresence(): Promise<void> {
    this.#doubtUntil = undefined
    const complete = this.#cells.all().map(({ from, to }) => ({ from, to }))
    const window = Math.max(0, ...this.#cells.all().map((cell) => cell.window.length))
    const memo = this.presence.note(Math.floor(this.#time.now()), complete, window)
    if (memo === undefined) return
    this.#store.remember(memo)
    await this.#store.flushed()
  }

  /** Whether nothing newer was refused there, nor can have been written while this node slept. */
  #isUpToDate(key: Id): boolean {
    return !this.#outdated.has(key) && !this.wakefulness.isBehind
  }
}

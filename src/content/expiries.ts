/** When values expire: their places by the minute, so that what is over is found without a look at all the rest. */
import type { StoredRecord } from '../protocol/schemas.ts'
import { cursorOf } from './record.ts'

const minuteMs = 60_000

export class Expiries {
  /** By the minute, in ms since 1970 divided by its length. */
  readonly #minutes = new Map<number, Set<string>>()

  /** To be called for a record that has come, and for one that has gone with `by` = -1. */
  note(record: StoredRecord, by: 1 | -1): void {
    const { value, expiresAt } = record
    if (value === null || expiresAt === undefined) return
    const minute = Math.floor(expiresAt / minuteMs)
    const cursors = this.#minutes.get(minute)
    if (by === 1 && cursors) cursors.add(cursorOf(record))
    else if (by === 1) this.#minutes.set(minute, new Set([cursorOf(record)]))
    else if (cursors?.delete(cursorOf(record)) && cursors.size === 0) this.#minutes.delete(minute)
  }

  /** The cursors of so many, at most, that expire in minutes that are over by then, ms since 1970. */
  before(time: number, most: number): string[] {
    const some: string[] = []
    for (const [minute, cursors] of this.#minutes) {
      if ((minute + 1) * minuteMs > time) continue
      for (const cursor of cursors) {
        if (some.length === most) return some
        some.push(cursor)
      }
    }
    return some
  }

  /** Of those that `before` has named: whatever is there now is not what expires then. */
  forget(cursors: readonly string[], time: number): void {
    for (const [minute, expiring] of this.#minutes) {
      if ((minute + 1) * minuteMs > time) continue
      for (const cursor of cursors) expiring.delete(cursor)
      if (expiring.size === 0) this.#minutes.delete(minute)
    }
  }
}

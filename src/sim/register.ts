/**
 * What clients have done under one index, and so what a read may find there.
 *
 * Writes overlap, clocks differ, and of some writes nobody knows what came of them. What is certain: a write that began after
 * another was acknowledged comes after it, by whatever clock.
 */
import { compareVersions } from '../content/record.ts'
import type { StoredRecord, Version } from '../protocol/schemas.ts'
import { anyTime, never, type Span } from './clocks.ts'
import type { Disk } from './disk.ts'

/** A number that grows with everything that clients begin and end. */
export type Tick = number

/** When all who had something are gone those who are left wait for them, README says half a minute, before they take their own word. */
const waitMs = 25_000
/** But for what was written in the seconds before, while others took their places. */
const freshMs = 5000

/** One write as its client sees it. */
export class Write {
  /** Null: a deletion. */
  readonly value: string | null
  readonly began: Tick
  /** Infinity until it is acknowledged. */
  acknowledged: Tick = Number.POSITIVE_INFINITY
  /** The same in virtual time. */
  acknowledgedMs = Number.POSITIVE_INFINITY
  /** Until when it may still take its effect, for all that is certain: Infinity when nobody knows. */
  settled: Tick = Number.POSITIVE_INFINITY
  version: Version | undefined
  /** When it is over, by the time of its nodes. */
  expires = never
  /** Whether it was acknowledged when those who had something were no longer waited for: of them it knew nothing. */
  isApart = false
  /** Copies that were acknowledged, or counted later. */
  copies = 0
  /** Disks that were lost with a copy, or are down with one. */
  readonly lost = new Set<Disk>()
  /** Before it is acknowledged: disks that were lost, or are down, and what version they had there. */
  readonly gone = new Map<Disk, Version>()

  constructor(value: string | null, began: Tick) {
    this.value = value
    this.began = began
  }
}

export class Register {
  readonly index: string
  /** What a person asks for. */
  readonly what: What
  /** At the first, nothing is there. */
  #writes: Write[]
  /** Of the acknowledged writes the one with the latest version: what must not be lost. */
  #newest: Write | undefined
  /** Since when, if there was a moment when nobody who ran had the newest; -Infinity when that may have been taken for its loss. */
  #doubtfulSinceMs: number | undefined

  constructor(index: string, what: What) {
    this.index = index
    this.what = what
    const nothing = new Write(null, -1)
    this.#writes = [nothing]
    nothing.acknowledged = nothing.settled = -1
  }

  get newest(): Write | undefined {
    return this.#newest
  }

  /**
   * Whether what reads find can be judged while nodes come and go. What is stored by its content, once deleted, may be seen again until
   * all have heard of it.
   */
  isJudged(nowMs: number): boolean {
    const wasDeleted = this.#writes.some(({ value, began }) => value === null && began >= 0)
    return this.#isWaitedFor(nowMs) && ('name' in this.what || !wasDeleted)
  }

  /**
   * Whether reads may not fail either: somebody who stays has had it all the time, and one is enough, as it is for what is stored by
   * its content.
   */
  get isAtHand(): boolean {
    return this.#doubtfulSinceMs === undefined && 'value' in this.what && this.underWay.length === 0
  }

  /** Whether something was stored here more than once. */
  get wasRewritten(): boolean {
    return this.#writes.filter(({ value }) => value !== null).length > 1
  }

  /** All that was ever here, and may be at that time; null: nothing. */
  everything(time: Span): (string | null)[] {
    return this.#writes.flatMap((write) => this.#foundOf(write, time))
  }

  /** Writes whose end has not been heard of. */
  get underWay(): Write[] {
    return this.#writes.filter(({ acknowledged }) => acknowledged === Number.POSITIVE_INFINITY)
  }

  begin(value: string | null, now: Tick): Write {
    const write = new Write(value, now)
    this.#writes.push(write)
    return write
  }

  /** Returns the writes of something else that were acknowledged before this one began, and nevertheless have a later version. */
  acknowledge(write: Write, version: Version | undefined, copies: number, now: Tick, nowMs: number): Write[] {
    const isApart = !this.#isWaitedFor(nowMs)
    Object.assign(write, { version, copies, acknowledged: now, settled: now, acknowledgedMs: nowMs, isApart })
    if (!version) return []
    const before = this.#writes.filter(({ value, settled }) => settled < write.began && value !== write.value)
    if (!this.#newest?.version || compareVersions(this.#newest.version, version) < 0) this.#newest = write
    return before.filter((one) => one.version && compareVersions(one.version, version) > 0)
  }

  /** It has had no effect. */
  cancel(write: Write): void {
    this.#writes = this.#writes.filter((one) => one !== write)
  }

  /** What a read may find that began then, at that time by the clocks of nodes; null: nothing. */
  possible(began: Tick, time = anyTime): (string | null)[] {
    return [...new Set(this.#current(began).flatMap((write) => this.#foundOf(write, time)))]
  }

  /** Whether a record is the newest, or something newer. */
  isKept(records: readonly StoredRecord[]): boolean {
    const version = this.#newest?.version
    const record = records.find(({ index }) => index === this.index)
    return version !== undefined && record !== undefined && compareVersions(record.version, version) >= 0
  }

  /** Nobody who runs has the newest now. What is written meanwhile may come before or after it. */
  darken(nowMs: number): void {
    const isFresh = nowMs - (this.#newest?.acknowledgedMs ?? nowMs) < freshMs
    this.#doubtfulSinceMs ??= isFresh ? Number.NEGATIVE_INFINITY : nowMs
    if (this.#newest) this.#newest.settled = Number.POSITIVE_INFINITY
  }

  /** Whether there was a moment when nobody who ran had the newest, and none since when all had it who should. */
  get isDark(): boolean {
    return this.#doubtfulSinceMs !== undefined
  }

  /** All who should have the newest have it again: what begins from now on comes after it. */
  lighten(now: Tick): void {
    this.#doubtfulSinceMs = undefined
    if (this.#newest) this.#newest.settled = now
  }

  /** The newest is lost, and that was allowed: anything that was ever there may be there now. */
  release(): void {
    this.#doubtfulSinceMs = Number.NEGATIVE_INFINITY
    this.#newest = undefined
    for (const write of this.#writes) write.settled = write.acknowledged = Number.POSITIVE_INFINITY
  }

  /** The writes that whoever asks then may see the effect of. */
  #current(began: Tick): Write[] {
    const certain = this.#writes.filter(({ acknowledged }) => acknowledged < began)
    return this.#writes.filter(({ settled }) => !certain.some((later) => later.began > settled))
  }

  #foundOf(write: Write, { fromMs, toMs }: Span): (string | null)[] {
    const { value } = write
    if (value === null) return [null]
    const sharing = 'name' in this.what ? [write] : this.#writes
    const lastsUntilMs = Math.max(...sharing.flatMap((one) => (one.value === null ? [] : [one.expires.toMs])))
    return [...(fromMs <= lastsUntilMs ? [value] : []), ...(toMs >= this.#lastsLeastMs(write) ? [null] : [])]
  }

  /** Whether those who have the newest are there, or waited for. */
  #isWaitedFor(nowMs: number): boolean {
    return nowMs - (this.#doubtfulSinceMs ?? nowMs) < waitMs
  }

  /** Until when it is certain to be there: by its content it lives as long as whoever stored it before wants. */
  #lastsLeastMs({ began, expires: { fromMs }, isApart }: Write): number {
    if ('name' in this.what || isApart || this.#doubtfulSinceMs !== undefined) return fromMs
    const before = this.#current(began).filter((one) => one.began < began || one.value === null)
    return Math.max(fromMs, Math.min(...before.map((one) => (one.value === null ? fromMs : this.#lastsLeastMs(one)))))
  }
}

export type What = { readonly value: string } | { readonly name: string }

/**
 * When this node heard last of some who have lived on apart from it: both sides may have been given what the other has not.
 *
 * Nothing but what becomes of members tells of it. Whoever is there for a while has been heard of by all, so who is first heard of after that
 * was elsewhere; and so were those who were taken for dead and are not. One of these by itself acknowledged nothing, as long as it was not
 * gone for long, and nobody comes with it.
 */
import type { Id } from '../space/id.ts'
import type { MembershipOptions } from './options.ts'

/** For so long those who fell silent count together: then they are rather dead than this node cut off, which acknowledges nothing alone before. */
export const cutOffMs = 30_000
/** Those who were apart together are heard of within this. */
const togetherMs = 3000
/** Within which those who have met again are one, as a rule, and what each was given lies where it belongs. */
export const reunionMs = 3000
/** In so many rounds of gossip everybody hears of whoever begins to live, in a large network, and where many do at once. */
const settleRounds = 30

/** So long has a member been there that all others know it. */
export const settleMsOf = ({ gossipEveryMs }: Pick<MembershipOptions, 'gossipEveryMs'>): number => settleRounds * gossipEveryMs

interface Arrival {
  readonly id: Id
  readonly at: number
}

/** The node that hears of them. */
interface Onlooker {
  readonly settleMs: number
  /** Whether it knows who was there until now: before, everyone is new to it. */
  knowsOthers(): boolean
  /** Whether it went by that somebody was nowhere, at once. */
  isRefused(id: Id): boolean
}

export class Reunions {
  readonly #node: Onlooker
  #lastAt = -Infinity
  /** Who was found last to have lived on. */
  #lastReturn: Arrival | undefined
  /** Who began to live last, as far as this node has heard. */
  #lastBirth: Arrival | undefined

  constructor(node: Onlooker) {
    this.#node = node
  }

  /** See settleMsOf. */
  get settleMs(): number {
    return this.#node.settleMs
  }

  /** See Directory.reunitedAt. */
  get lastAt(): number {
    return this.#lastAt
  }

  /** Another one has heard of some at that time. */
  learn(at: number): void {
    this.#lastAt = Math.max(this.#lastAt, at)
  }

  /** One that was taken for dead for so long has lived on. */
  noteReturn(id: Id, goneMs: number, now: number): void {
    const hasActed = goneMs >= cutOffMs || this.#node.isRefused(id)
    if (hasActed || isWith(this.#lastReturn, id, now) || isWith(this.#lastBirth, id, now)) this.#lastAt = now
    this.#lastReturn = { id, at: now }
  }

  /**
   * A life is heard of for the first time.
   * @param isSettled whether it began a while ago
   */
  noteLife(id: Id, isSettled: boolean, now: number): void {
    if (this.#node.knowsOthers() && (isSettled || isWith(this.#lastReturn, id, now))) this.#lastAt = now
    this.#lastBirth = { id, at: now }
  }
}

const isWith = (other: Arrival | undefined, id: Id, now: number): boolean =>
  other !== undefined && other.id !== id && now - other.at < togetherMs

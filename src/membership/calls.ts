/** What became of the calls to each member: a hint at whether it is there, beside what packets tell. */
import type { Id } from '../space/id.ts'
import type { MemberEvent } from './members.ts'

/** A member that answers packets and so many calls in a row not is reached by the one and not by the other. */
const unansweredMost = 2

export class Calls {
  /** How many in a row each has left unanswered. */
  readonly #unanswered = new Map<Id, number>()
  /** Those of whom their machines say that nobody listens there. */
  readonly #refused = new Set<Id>()

  /** It has left one more unanswered. */
  miss(id: Id): void {
    this.#unanswered.set(id, (this.#unanswered.get(id) ?? 0) + 1)
  }

  /** Its machine has said that nobody listens there. */
  refuse(id: Id): void {
    this.#refused.add(id)
  }

  /** It has answered one. */
  answer(id: Id): void {
    this.#unanswered.delete(id)
    this.#refused.delete(id)
  }

  /** It has given a sign of life, though it may not answer calls. */
  hear(id: Id): void {
    this.#refused.delete(id)
  }

  /** What it left unanswered in a former life is over. */
  heed({ kind, member: { id, state } }: MemberEvent): void {
    if (kind !== 'suspect' && kind !== 'conflict') this.#unanswered.delete(id)
    if (state === 'alive' || kind === 'reap') this.#refused.delete(id)
  }

  /** Whether calls do not reach it, whatever packets do. */
  areInVain(id: Id): boolean {
    return (this.#unanswered.get(id) ?? 0) >= unansweredMost
  }

  isRefused(id: Id): boolean {
    return this.#refused.has(id)
  }
}

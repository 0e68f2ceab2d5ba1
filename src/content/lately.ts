/**
 * Who has answered lately. Where any of several may be asked, whoever answered last is asked first: its process is awake, its caches
 * are warm, and more calls to it travel together than if each went to the owner of its key. A node that asks about all keys comes to
 * ask a third of the others, each node another third. Who has fallen silent is not asked first for long: others answer in its place.
 */
import type { Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { remember } from '../space/memory.ts'

const rememberedMost = 1024

export class Lately {
  readonly #me: Id
  /** When each answered, counted in answers; who answered longest ago first. */
  readonly #answered = new Map<Id, number>()
  #answers = 0

  constructor(me: Id) {
    this.#me = me
  }

  note(id: Id): void {
    remember(this.#answered, id, ++this.#answers, rememberedMost)
  }

  /** This node itself, then who answered last, then those who have not answered, as they were. */
  sort(peers: readonly Peer[]): Peer[] {
    return [...peers].sort((a, b) => this.#of(b) - this.#of(a))
  }

  #of({ id }: Peer): number {
    return id === this.#me ? Number.MAX_SAFE_INTEGER : (this.#answered.get(id) ?? 0)
  }
}

/**
 * News that is to be spread: each update rides on so many packets, and is then left to those who have it. What was sent least goes
 * first, and of that the newest. SWIM (DSN'02) §4.1.
 */
import type { Update } from '../protocol/packets.ts'
import { jsonBytes } from '../protocol/utf8.ts'
import type { Id } from '../space/id.ts'

interface Broadcast {
  readonly update: Update
  /** Of its JSON, and a comma. */
  readonly bytes: number
  readonly number: number
  sent: number
}

export class Broadcasts {
  readonly #me: Id
  readonly #news = new Map<Id, Broadcast>()
  #numbers = 0

  constructor(me: Id) {
    this.#me = me
  }

  get isEmpty(): boolean {
    return this.#news.size === 0
  }

  /** Replaces what was to be said of that member. */
  add(update: Update): void {
    this.#news.set(update.id, { update, bytes: jsonBytes(update) + 1, number: this.#numbers++, sent: 0 })
  }

  /**
   * Updates for one packet, what this node says of itself first.
   * @param room bytes of JSON
   * @param limit times that each is sent
   */
  take(room: number, limit: number): Update[] {
    if (this.#news.size === 0) return []
    const order = [...this.#news.values()].sort((a, b) => this.#own(b) - this.#own(a) || a.sent - b.sent || b.number - a.number)
    const taken: Update[] = []
    for (const broadcast of order) {
      if (broadcast.bytes > room) continue
      room -= broadcast.bytes
      taken.push(broadcast.update)
      if (++broadcast.sent >= limit) this.#news.delete(broadcast.update.id)
    }
    return taken
  }

  #own({ update }: Broadcast): number {
    return update.id === this.#me ? 1 : 0
  }
}

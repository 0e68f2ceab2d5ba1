/**
 * What was heard already. Each sender numbers what it says in one life; of each, a window of the last numbers is remembered. Senders
 * are remembered up to a bound: the one whose last word is the oldest is forgotten, and what is older than that is then not new any
 * more. Whoever's clock is ahead stays: to forget it would make strangers of all whose clocks are right.
 */

export interface ReplaySetting {
  /** Numbers per sender, a multiple of 32: how far one may overtake another. */
  readonly window: number
  readonly senders: number
  /** ms since 1970: nothing that was said before is new. Undefined where nothing is signed: then a time says nothing. */
  readonly since: number | undefined
}

export class Replays {
  readonly #setting: ReplaySetting
  readonly #windows = new Map<string, Window>()
  #floor: number

  constructor(setting: ReplaySetting) {
    this.#setting = setting
    this.#floor = setting.since ?? 0
  }

  /** Whether the sender says this for the first time; from now on it has. */
  take(sender: string, life: number, seq: number, time: number): 'new' | 'replayed' | 'older boot' {
    let window = this.#windows.get(sender)
    const setBack = this.#setting.since !== undefined && window && life < window.life ? window.last : undefined
    // What comes after all that the newer life has said is a life that began by a clock set back.
    if (setBack !== undefined && time <= setBack) return 'older boot'
    if (window?.life !== life) {
      const { floor, last } = window ?? { floor: this.#floor, last: 0 }
      window = new Window(this.#setting.window, life, { floor: setBack === undefined ? floor : setBack + 1, last })
    }
    if (this.#setting.since !== undefined && time < window.floor) return 'replayed'
    if (!window.take(seq)) return 'replayed'
    window.last = Math.max(window.last, time)
    this.#remember(sender, window)
    return 'new'
  }

  #remember(sender: string, window: Window): void {
    this.#windows.set(sender, window)
    if (this.#windows.size <= this.#setting.senders) return
    const [oldest, forgotten] = [...this.#windows].reduce((one, other) => (other[1].last < one[1].last ? other : one))
    this.#windows.delete(oldest)
    this.#floor = Math.max(this.#floor, forgotten.last + 1)
  }
}

class Window {
  readonly life: number
  /** What was said before this, in ms, is not new. */
  readonly floor: number
  /** The latest time that was said. */
  last: number
  /** Bit by bit: seq modulo the size. */
  readonly #seen: Uint32Array
  readonly #size: number
  #newest = -1

  /** @param before what is known of the sender's times */
  constructor(size: number, life: number, before: Pick<Window, 'floor' | 'last'>) {
    this.life = life
    this.floor = before.floor
    this.last = before.last
    this.#size = size
    this.#seen = new Uint32Array(size / 32)
  }

  take(seq: number): boolean {
    if (seq <= this.#newest - this.#size) return false
    if (seq > this.#newest) {
      if (seq - this.#newest >= this.#size) this.#seen.fill(0)
      else for (let next = this.#newest + 1; next < seq; next++) this.#mark(next, false)
      this.#newest = seq
    } else if (this.#isSeen(seq)) return false
    this.#mark(seq, true)
    return true
  }

  #isSeen(seq: number): boolean {
    const bit = seq % this.#size
    return (((this.#seen[bit >>> 5] as number) >>> (bit & 31)) & 1) === 1
  }

  #mark(seq: number, seen: boolean): void {
    const bit = seq % this.#size
    const mask = 1 << (bit & 31)
    const word = this.#seen[bit >>> 5] as number
    this.#seen[bit >>> 5] = seen ? word | mask : word & ~mask
  }
}

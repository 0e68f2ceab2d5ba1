/**
 * Calls of one row to one peer that travel together. What comes while a flight is under way waits for it to land, and then leaves in one
 * request; when enough wait to fill another, that does not. A call that finds none under way leaves with what comes in the same turn of
 * the event loop, and as its plain request when that is nothing.
 *
 * The hop is what a call costs, and what arrives together is written to disk together. One flight fills best; but of two the peer can
 * work on one while this node makes, or reads, the other.
 */
import { Refusal, Unreachable } from '../protocol/errors.ts'
import { batch } from '../protocol/rpc.ts'

/** Characters of JSON in one flight, of three bytes each at most: far below what a body may have. A call with more flies by itself. */
const flightChars = 1024 * 1024
/** Under way at the same time. */
const flightsMost = 2
/** Calls that fill a second one. */
const fullCalls = 8

/** What a batcher needs of whoever speaks HTTP. Each of these @throws Unreachable, Refusal */
export interface Carrier {
  readonly url: string
  readonly callTimeoutMs: number
  /** One call as its plain request. */
  alone(request: object, timeoutMs: number): Promise<unknown>
  /** Calls in JSON, as one request: one answer or more, of the first of them. */
  together(calls: readonly string[], timeoutMs: number): Promise<readonly unknown[]>
  /** The reply that an answer is. */
  replyIn(answer: unknown): unknown
  /** So many calls have had this outcome: undefined for a reply. */
  observe(error: unknown, calls: number): void
}

interface Call {
  readonly request: object
  readonly deadline: number
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: unknown) => void
}

export class Batcher {
  readonly #carrier: Carrier
  readonly #empty: () => void
  #waiting: Call[] = []
  #flights = 0

  /** @param empty called when nobody waits and nothing is under way */
  constructor(carrier: Carrier, empty: () => void) {
    this.#carrier = carrier
    this.#empty = empty
  }

  /** Resolves with the reply. @throws Unreachable within callTimeoutMs, Refusal */
  call(request: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, deadline: performance.now() + this.#carrier.callTimeoutMs, resolve, reject })
      if (this.#mayLeave) this.#leaveSoon()
    })
  }

  get #mayLeave(): boolean {
    const [calls, flights] = [this.#waiting.length, this.#flights]
    return flights === 0 ? calls > 0 : flights < flightsMost && calls >= fullCalls
  }

  #leaveSoon(): void {
    this.#flights++
    setImmediate(() => void this.#fly())
  }

  async #fly(): Promise<void> {
    this.#dropLate(this.#waiting)
    const [first, second] = this.#waiting
    let left = 0
    if (first && !second) {
      this.#waiting = []
      await this.#alone(first)
    } else left = await this.#together()
    this.#flights--
    if (left > 0 || this.#mayLeave) this.#leaveSoon()
    else if (this.#flights === 0) this.#empty()
  }

  async #alone(call: Call): Promise<void> {
    try {
      const reply = await this.#carrier.alone(call.request, remainingMs(call) + 1)
      this.#carrier.observe(undefined, 1)
      call.resolve(reply)
    } catch (error) {
      this.#failUnlessLate([call], error)
    }
  }

  /** Returns how many were left without an answer by a peer that had no room for it: who answers is there for them too. */
  async #together(): Promise<number> {
    const { calls, texts } = this.#board()
    const last = calls.at(-1)
    if (!last) return 0
    const watch = (): NodeJS.Timeout =>
      setTimeout(
        () => {
          this.#dropLate(calls)
          if (calls.length > 0) timer = watch()
        },
        remainingMs(calls[0] ?? last),
      )
    let timer = watch()
    try {
      const answers = await this.#carrier.together(texts, remainingMs(last) + 1)
      return this.#settle(calls, answers.slice(texts.length - calls.length))
    } catch (error) {
      // What is too large together may travel alone.
      if (error instanceof Refusal && error.code === 'TOO_LARGE')
        await Promise.all(calls.splice(0).map((call) => this.#alone(call)))
      else this.#failUnlessLate(calls, error)
      return 0
    } finally {
      clearTimeout(timer)
    }
  }

  /** Takes those that leave now, as many as one flight may have. */
  #board(): { calls: Call[]; texts: string[] } {
    const texts: string[] = []
    let chars = 0
    for (const { request } of this.#waiting) {
      if (texts.length === batch.callsMax) break
      const text = JSON.stringify(request)
      chars += text.length
      if (texts.length > 0 && chars > flightChars) break
      texts.push(text)
    }
    return { calls: this.#waiting.splice(0, texts.length), texts }
  }

  /** Gives each its answer; those that there is none for leave again. Returns how many these are. */
  #settle(calls: readonly Call[], answers: readonly unknown[]): number {
    let replies = 0
    for (const [at, answer] of answers.entries()) {
      const call = calls[at]
      if (!call) break
      try {
        call.resolve(this.#carrier.replyIn(answer))
        replies++
      } catch (error) {
        this.#fail([call], error)
      }
    }
    if (replies > 0) this.#carrier.observe(undefined, replies)
    const left = calls.slice(answers.length)
    if (left.length > 0) this.#waiting = [...left, ...this.#waiting].sort((a, b) => a.deadline - b.deadline)
    return left.length
  }

  /** Calls stand in the order of their deadlines: those at the front that have waited too long are given up. */
  #dropLate(calls: Call[]): void {
    const now = performance.now()
    const inTime = calls.findIndex(({ deadline }) => deadline > now)
    const late = calls.splice(0, inTime < 0 ? calls.length : inTime)
    if (late.length === 0) return
    const { url, callTimeoutMs } = this.#carrier
    this.#fail(late, new Unreachable(url, `nothing within ${callTimeoutMs} ms`))
  }

  /** A flight is given up a little later than its calls, so that each is told how long it has waited and not what the flight had left. */
  #failUnlessLate(calls: Call[], error: unknown): void {
    this.#dropLate(calls)
    this.#fail(calls, error)
  }

  #fail(calls: readonly Call[], error: unknown): void {
    if (calls.length > 0) this.#carrier.observe(error, calls.length)
    for (const call of calls) call.reject(error)
  }
}

const remainingMs = ({ deadline }: Call): number => Math.max(1, Math.ceil(deadline - performance.now()))

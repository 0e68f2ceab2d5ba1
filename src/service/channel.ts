/**
 * Calls to one peer that travel in one connection, as many at once as there are, and are answered in whatever order. What is called in
 * one turn of the event loop leaves at its end, in one frame.
 *
 * To a peer that is there and opens no channel, as behind a proxy that knows of none, each call is its plain request.
 */
import type { Socket } from 'node:net'
import { Refusal, Unreachable } from '../protocol/errors.ts'
import type { Frames } from './frames.ts'
import { parse, replyIn, type Wire } from './wire.ts'

/** Characters of a call in JSON. One with more is its plain request: those that come after it would have to wait. */
const callChars = 64 * 1024
/** A peer that has opened no channel is asked for one again after that. */
const plainMs = 10_000
/** Of what a peer says and should not have. */
const wordsMost = 200
/** A channel on which nothing was said for so long is closed. */
const idleMs = 60_000

/** A connection that has become one of frames. */
export interface Line {
  readonly socket: Socket
  readonly frames: Frames
}

/** What a channel needs of whoever speaks HTTP. */
export interface Carrier {
  readonly url: string
  readonly callTimeoutMs: number
  /** Undefined where the peer opens none, or does not answer in that time. @throws Unreachable when nobody is there */
  open(timeoutMs: number): Promise<Line | undefined>
  /** One call as its plain request, with its outcome observed. @throws Unreachable, Refusal */
  alone(wire: Wire, request: object, timeoutMs: number): Promise<unknown>
  /** A call has had this outcome: undefined for a reply. */
  observe(wire: Wire, error: unknown): void
}

interface Call {
  readonly wire: Wire
  readonly request: object
  readonly deadline: number
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: unknown) => void
}

export class Channel {
  readonly #carrier: Carrier
  readonly #retired: () => void
  #state: 'serving' | 'retired' | 'over' = 'serving'
  #isOpening = false
  #line: Line | undefined
  /** By number, in the order of their deadlines. */
  readonly #calls = new Map<number, Call>()
  /** Those that have not left yet. */
  #leaving: { readonly number: number; readonly text: string }[] = []
  #next = 0
  #heardAt = -Infinity
  #plainUntil = -Infinity
  #watch: NodeJS.Timeout | undefined

  /** @param retired told once, when it takes no more calls */
  constructor(carrier: Carrier, retired: () => void) {
    this.#carrier = carrier
    this.#retired = retired
  }

  /** Resolves with the reply. @throws Unreachable within callTimeoutMs, Refusal */
  call(wire: Wire, request: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const now = performance.now()
      const call: Call = { wire, request, deadline: now + this.#carrier.callTimeoutMs, resolve, reject }
      const text = JSON.stringify(request)
      if (text.length > callChars || now < this.#plainUntil) return this.#goAlone(call)
      if (!this.#line && !this.#isOpening) void this.#open()
      const number = this.#next++
      this.#calls.set(number, call)
      this.#watch ??= this.#watchFor(call)
      if (this.#line && this.#leaving.length === 0) setImmediate(() => this.#leave())
      this.#leaving.push({ number, text: `[${number},"${wire.name}",${text}]` })
    })
  }

  /** Takes no more calls, and ends when those under way have been answered. */
  retire(): void {
    if (this.#state !== 'serving') return
    this.#state = 'retired'
    this.#retired()
    this.#endIfDone()
  }

  /** Whoever waits for an answer is told that none will come. */
  end(why: Error): void {
    if (this.#state === 'over') return
    this.retire()
    this.#state = 'over'
    clearTimeout(this.#watch)
    this.#line?.socket.destroy()
    for (const call of this.#takeAll()) this.#fail(call, why)
  }

  #endIfDone(): void {
    if (this.#state === 'retired' && this.#calls.size === 0) this.end(this.#unreachable('the channel was closed'))
  }

  #unreachable(reason: string): Unreachable {
    return new Unreachable(this.#carrier.url, reason)
  }

  async #open(): Promise<void> {
    this.#isOpening = true
    try {
      // Whoever waits has time left to go alone.
      const line = await this.#carrier.open(this.#carrier.callTimeoutMs / 2)
      this.#isOpening = false
      if (this.#state === 'over') line?.socket.destroy()
      else if (line) this.#begin(line)
      else {
        this.#plainUntil = performance.now() + plainMs
        for (const call of this.#takeAll()) this.#goAlone(call)
      }
    } catch (error) {
      // A defect of ours is told to those who wait as well: it is no word of the peer's, and ends no node.
      this.end(error as Error)
    }
  }

  #begin(line: Line): void {
    this.#line = line
    this.#heardAt = performance.now()
    line.socket.setTimeout(idleMs)
    line.socket
      .on('timeout', () => {
        if (this.#calls.size === 0) this.retire()
      })
      .on('data', (chunk: Buffer) => this.#hear(chunk))
      .on('drain', () => this.#leave())
      .on('error', () => {}) // It closes then.
      .on('close', () => this.end(this.#unreachable('the connection was closed')))
    this.#leave()
  }

  /** Sends what waits, as far as the peer reads. */
  #leave(): void {
    this.#dropLate()
    if (!this.#line) return
    const { socket, frames } = this.#line
    while (this.#leaving.length > 0 && !socket.writableNeedDrain) {
      const { frame, count } = frames.packFirst(this.#leaving.map(({ text }) => text))
      socket.write(frame)
      this.#leaving = this.#leaving.slice(count)
    }
  }

  #hear(chunk: Buffer): void {
    if (!this.#line || this.#state === 'over') return
    this.#heardAt = performance.now()
    try {
      for (const text of this.#line.frames.unpack(chunk)) this.#settle(parse(this.#carrier.url, 200, text.toString()))
    } catch (error) {
      // As in #open.
      this.end(error instanceof Refusal ? this.#unreachable(error.message) : (error as Error))
    }
    this.#endIfDone()
  }

  /** Gives those their answers that are in one frame. @throws Unreachable when it is none */
  #settle(answers: unknown): void {
    if (!Array.isArray(answers)) throw this.#unreachable('a frame that has no answers')
    for (const answer of answers as unknown[]) {
      const [number, status, body] = Array.isArray(answer) ? (answer as unknown[]) : []
      if (typeof number !== 'number') throw this.#unreachable(`a frame that has no answers: ${wordsOf(answer)}`)
      // Whoever has waited too long for it was told so.
      const call = this.#calls.get(number)
      if (!call) continue
      this.#calls.delete(number)
      try {
        const reply = replyIn(this.#carrier.url, call.wire, status, body)
        this.#carrier.observe(call.wire, undefined)
        call.resolve(reply)
      } catch (error) {
        this.#fail(call, error)
      }
    }
  }

  #goAlone(call: Call): void {
    this.#carrier.alone(call.wire, call.request, remainingMs(call)).then(call.resolve, call.reject)
  }

  #watchFor(call: Call): NodeJS.Timeout {
    return setTimeout(() => {
      this.#watch = undefined
      this.#dropLate()
      const [first] = this.#calls.values()
      if (first) this.#watch = this.#watchFor(first)
    }, remainingMs(call))
  }

  /** Gives up those that have waited too long; where nothing was heard all the while, the connection may be dead. */
  #dropLate(): void {
    const { callTimeoutMs } = this.#carrier
    const now = performance.now()
    let isSilent = false
    for (const [number, call] of this.#calls) {
      if (call.deadline > now) break
      this.#calls.delete(number)
      isSilent ||= this.#line !== undefined && this.#heardAt < call.deadline - callTimeoutMs
      this.#fail(call, this.#unreachable(`nothing within ${callTimeoutMs} ms`))
    }
    // What nobody waits for any more is not kept for a peer that does not read.
    this.#leaving = this.#leaving.filter(({ number }) => this.#calls.has(number))
    if (isSilent) this.retire()
    this.#endIfDone()
  }

  #takeAll(): Call[] {
    const calls = [...this.#calls.values()]
    this.#calls.clear()
    this.#leaving = []
    return calls
  }

  #fail(call: Call, error: unknown): void {
    this.#carrier.observe(call.wire, error)
    call.reject(error)
  }
}

/** As many as a person reads. */
const wordsOf = (answer: unknown): string => {
  try {
    return JSON.stringify(answer).slice(0, wordsMost)
  } catch (error) {
    // What can be read is not always shallow enough to be written.
    if (!(error instanceof RangeError)) throw error
    return 'one in another, too many times'
  }
}

const remainingMs = ({ deadline }: Call): number => Math.max(1, Math.ceil(deadline - performance.now()))

/** The end of a channel that answers: each call as soon as its answer is there, and no faster than whoever asks reads. */
import type { Socket } from 'node:net'
import type { Log } from '../ports.ts'
import { Refusal } from '../protocol/errors.ts'
import { errorAnswer } from './answers.ts'
import { frameChars, type Frames } from './frames.ts'
import { parseJson } from './json.ts'
import { overloaded, type Pressure } from './pressure.ts'
import type { TurnEnd } from './turn-end.ts'

/** Calls of one channel that may be under way at once. */
const underWayMost = 4096
/** Calls of one channel that are looked at before others have their turn. */
const atOnceMost = 256
/** A channel on which nothing was said for so long has lost who asked: twice what that would wait before it closed it. */
const idleMs = 120_000
/** The same for a node that ends. */
const closeMs = 1000
/** For a frame to be there from its beginning to its end: whoever is slower would fill the memory for nothing. */
const frameMs = 30_000

export interface AnsweringSetting {
  readonly log: Log
  readonly pressure: Pressure
  readonly turnEnd: TurnEnd
}

type Call = readonly [number: number, name: unknown, request: unknown]
/** A status, and the JSON of a reply or an error. */
export type Answer = readonly [status: number, json: string]
/** At once where the handler answers at once. */
export type Answerer = (request: unknown) => Answer | Promise<Answer>

export class Answering {
  readonly #socket: Socket
  readonly #frames: Frames
  readonly #answerers: ReadonlyMap<unknown, Answerer>
  readonly #setting: AnsweringSetting
  /** Calls that have come; those before the next have been looked at. */
  #calls: Call[] = []
  #next = 0
  #underWay = 0
  /** Answers that leave at the end of this turn of the event loop. */
  #leaving: string[] = []
  #leavingChars = 0
  #isFinishing = false
  #isResting = false
  /** When the first of a frame came that is not whole yet. */
  #partialSince: number | undefined

  constructor(socket: Socket, frames: Frames, answerers: ReadonlyMap<unknown, Answerer>, setting: AnsweringSetting) {
    this.#socket = socket
    this.#frames = frames
    this.#answerers = answerers
    this.#setting = setting
    socket.setTimeout(idleMs)
    socket
      .on('data', (chunk: Buffer) => this.#hear(chunk))
      .on('drain', () => this.#work())
      // Whoever has said all is answered first.
      .on('end', () => this.#finish())
      // Whoever waits for this node is silent with good reason; whoever does not read has none.
      .on('timeout', () => {
        if (this.#underWay === 0) socket.destroy()
      })
      .on('close', () => this.#forget())
  }

  /** Answers what has come, and closes the connection; whoever reads nothing is not waited for. */
  close(): void {
    this.#socket.setTimeout(closeMs)
    this.#finish()
  }

  #finish(): void {
    this.#isFinishing = true
    this.#socket.pause()
    this.#closeIfDone()
  }

  get #isDone(): boolean {
    return this.#next === this.#calls.length && this.#underWay === 0 && this.#leaving.length === 0
  }

  #forget(): void {
    this.#calls = []
    this.#next = 0
  }

  #closeIfDone(): void {
    if (this.#isFinishing && this.#isDone) this.#socket.destroySoon()
  }

  #hear(chunk: Buffer): void {
    const { pressure, log } = this.#setting
    pressure.note()
    try {
      let isNew = false
      for (const text of this.#frames.unpack(chunk)) {
        for (const call of callsIn(text)) this.#calls.push(call)
        isNew = true
      }
      this.#assertTimely(isNew)
    } catch (error) {
      // Whatever comes after that cannot be told apart.
      const from = this.#socket.remoteAddress
      const { status, body } = errorAnswer(error, log, { from })
      log.warn({ from, why: body.message }, 'channel closed')
      this.#work(Infinity)
      this.#answer(null, [status, JSON.stringify(body)])
      this.#finish()
    }
    this.#work()
  }

  /** @param isNew whether what is not whole yet has only begun @throws Refusal BAD_REQUEST */
  #assertTimely(isNew: boolean): void {
    if (!this.#frames.isPartial) this.#partialSince = undefined
    else if (isNew || this.#partialSince === undefined) this.#partialSince = performance.now()
    else if (performance.now() - this.#partialSince > frameMs)
      throw new Refusal('BAD_REQUEST', 'the frame did not come to its end in time')
  }

  /** Looks at what has come, as long as there is room for the answers, and others need not wait. */
  #work(most = atOnceMost): void {
    if (this.#isResting && most === atOnceMost) return
    const end = this.#next + most
    while (this.#next < Math.min(end, this.#calls.length) && this.#hasRoom) this.#look(this.#calls[this.#next++] as Call)
    const isDue = this.#next < this.#calls.length
    if (isDue && this.#next === end) this.#rest()
    if (!isDue) this.#forget()
    if (this.#isFinishing) this.#closeIfDone()
    else if (isDue) this.#socket.pause()
    else this.#socket.resume()
  }

  #rest(): void {
    this.#isResting = true
    setImmediate(() => {
      this.#isResting = false
      this.#work()
    })
  }

  get #hasRoom(): boolean {
    return this.#underWay < underWayMost && this.#leavingChars + this.#socket.writableLength < frameChars
  }

  #look([number, name, request]: Call): void {
    if (this.#setting.pressure.overloaded) return this.#answer(number, shed)
    const answer = this.#answerers.get(name)?.(request) ?? noName
    if (!(answer instanceof Promise)) return this.#answer(number, answer)
    this.#underWay++
    void answer.then((late) => {
      this.#underWay--
      this.#answer(number, late)
      if (this.#calls.length > 0) this.#work()
    })
  }

  #answer(number: number | null, [status, json]: Answer): void {
    const text = `[${number},${status},${json}]`
    if (this.#leaving.length === 0) this.#setting.turnEnd.add(() => this.#leave())
    this.#leaving.push(text)
    this.#leavingChars += text.length
  }

  #leave(): void {
    for (let rest = this.#leaving; rest.length > 0 && !this.#socket.destroyed; ) {
      const { frame, count } = this.#frames.packFirst(rest)
      this.#socket.write(frame)
      rest = rest.slice(count)
    }
    this.#leaving = []
    this.#leavingChars = 0
    if (this.#calls.length > 0) this.#work()
    this.#closeIfDone()
  }
}

const isCall = (call: unknown): call is Call => Array.isArray(call) && Number.isSafeInteger(call[0])

const answerOf = (refusal: Refusal): Answer => [refusal.status, JSON.stringify(refusal.toBody())]
const shed = answerOf(overloaded())
const noName = answerOf(new Refusal('NO_SUCH_ENDPOINT', 'there is no call of that name in a channel'))

/** @throws Refusal BAD_REQUEST */
const callsIn = (text: Buffer): Call[] => {
  const calls = parseJson(text, 'the frame')
  if (!Array.isArray(calls)) throw new Refusal('BAD_REQUEST', 'a frame is [[number, name, request], …]')
  if (!calls.every(isCall)) throw new Refusal('BAD_REQUEST', 'a call is [number, name, request]')
  return calls
}

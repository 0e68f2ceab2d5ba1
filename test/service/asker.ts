/** A channel as anyone may open it, by hand, and what is said on a connection whatever it is. */
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { Frames, type Seal } from '../../src/service/frames.ts'

export type Answer = [number: unknown, status: unknown, body: unknown]

/** What opens a channel; a header that is undefined is left out. */
export const opening = (headers: Record<string, string | undefined> = {}, line = 'GET /channel HTTP/1.1'): string => {
  const all = { Host: '127.0.0.1', Connection: 'Upgrade', Upgrade: 'polychord/1', ...headers }
  const said = Object.entries(all).filter(([, value]) => value !== undefined)
  return [line, ...said.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n')
}

/** A connection that keeps what it has heard; it ends with the test, and never by itself. */
export class Connection {
  readonly socket: Socket
  readonly #chunks: Buffer[] = []
  /** The other end has ended it. */
  isClosed = false

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    onTestFinished(() => void this.socket.destroy())
    this.socket
      .on('data', (chunk: Buffer) => void this.#chunks.push(chunk))
      .on('error', () => {}) // It closes then.
      .on('end', () => (this.isClosed = true))
      .on('close', () => (this.isClosed = true))
  }

  say(bytes: string | Buffer): void {
    this.socket.write(bytes)
  }

  get heard(): string {
    return Buffer.concat(this.#chunks).toString('latin1')
  }

  /** Looks again whenever something was heard, until it holds. @throws what was seen last, after 10 s */
  async until<T>(see: () => T, holds: (seen: T) => boolean): Promise<T> {
    const timeout = AbortSignal.timeout(10_000)
    for (;;) {
      const seen = see()
      if (holds(seen)) return seen
      if (timeout.aborted) throw new Error(`after 10 s still ${JSON.stringify(seen)?.slice(0, 1000)}`)
      await new Promise<void>((resume) => {
        const go = () => {
          for (const event of ['data', 'end', 'close'] as const) this.socket.off(event, go)
          timeout.removeEventListener('abort', go)
          resume()
        }
        for (const event of ['data', 'end', 'close'] as const) this.socket.on(event, go)
        timeout.addEventListener('abort', go)
      })
    }
  }

  /** What was heard since the last time. */
  take(): Buffer {
    return Buffer.concat(this.#chunks.splice(0))
  }

  /** Everything that was said until the other end has ended it. */
  async untilClosed(): Promise<string> {
    await this.until(
      () => this.isClosed || this.heard,
      (seen) => seen === true,
    )
    return this.heard
  }
}

/** Who asks in a channel. */
export class Asker {
  readonly connection: Connection
  readonly #frames: Frames
  readonly #answers: Answer[] = []
  /** How many answers came in each frame. */
  readonly sizes: number[] = []

  constructor(connection: Connection, seal?: Seal) {
    this.connection = connection
    this.#frames = new Frames(2 ** 31, 'asks', seal)
  }

  pack(said: unknown): Buffer {
    return this.#frames.pack(typeof said === 'string' ? said : JSON.stringify(said))
  }

  ask(...calls: unknown[]): void {
    this.connection.say(this.pack(calls))
  }

  /** All answers so far. */
  get answers(): readonly Answer[] {
    for (const text of this.#frames.unpack(this.connection.take())) {
      const answers = JSON.parse(text.toString()) as Answer[]
      this.sizes.push(answers.length)
      for (const answer of answers) this.#answers.push(answer)
    }
    return this.#answers
  }

  /** Those since the last time; they are not kept. */
  takeAnswers(): readonly Answer[] {
    void this.answers
    return this.#answers.splice(0)
  }

  /** So many answers, or all until it was closed. */
  async answered(count: number): Promise<readonly Answer[]> {
    const { connection } = this
    return connection.until(
      () => this.answers,
      ({ length }) => length >= count || connection.isClosed,
    )
  }

  /** All answers, once it was closed. */
  async untilClosed(): Promise<readonly Answer[]> {
    await this.connection.until(
      () => this.connection.isClosed || this.answers,
      (seen) => seen === true,
    )
    return this.answers
  }
}

/** One that is open. @throws what was answered instead */
export const openChannel = async (port: number, headers: Record<string, string> = {}, seal?: Seal): Promise<Asker> => {
  const connection = new Connection(port)
  connection.say(opening(headers))
  const head = await connection.until(
    () => connection.heard,
    (said) => said.includes('\r\n\r\n'),
  )
  if (!head.startsWith('HTTP/1.1 101 Switching Protocols\r\n')) throw new Error(head)
  // Nobody has asked for anything yet.
  connection.take()
  return new Asker(connection, seal)
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** The answers of HTTP one after the other, each with its length said. */
export const httpAnswersIn = (heard: string): HttpAnswer[] => {
  const answers: HttpAnswer[] = []
  for (let left = heard; left !== ''; ) {
    const end = left.indexOf('\r\n\r\n')
    if (end < 0) break
    const [first = '', ...lines] = left.slice(0, end).split('\r\n')
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    )
    const start = end + 4
    const length = Number(headers['content-length'] ?? 0)
    if (left.length < start + length) break
    answers.push({ status: Number(first.split(' ')[1]), headers, body: left.slice(start, start + length) })
    left = left.slice(start + length)
  }
  return answers
}

/**
 * The connections of a server, and what is answered on each: who is silent is cut off, unless it waits for this node; and who asks without
 * reading is not given all that it asks for, or the answers would fill the memory.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { Refusal } from '../protocol/errors.ts'

/** Requests that are under way on one connection; more are refused. */
const underWayMost = 16
/** Bytes of large answers that nobody has read yet, on all connections; beyond that no other is given. */
const unreadBytesMost = 128 * 1024 * 1024
const largeBytes = 16 * 1024
/** When the server ends: whoever reads nothing of its answer for that long does without the rest. */
const readWithinMs = 1000

/** One connection. */
interface Line {
  /** What is answered on it, or was last. */
  response?: ServerResponse
  underWay: number
  /** Bytes of large answers on it that nobody has read yet. */
  unreadBytes: number
}

export class Connections {
  readonly #lines = new Map<Socket, Line>()
  #unreadBytes = 0
  #isClosing = false

  constructor(app: FastifyInstance) {
    const lines = this.#lines
    app.server.on('connection', (socket: Socket) => {
      // It comes again after a request that would rather have spoken another protocol.
      if (!lines.has(socket)) socket.once('close', () => this.#forget(socket))
      lines.set(socket, { underWay: 0, unreadBytes: lines.get(socket)?.unreadBytes ?? 0 })
    })
    app.server.on('request', ({ socket }, response) => {
      const line = lines.get(socket)
      if (!line) return
      line.response = response
      line.underWay++
      response.once('close', () => {
        line.underWay--
        if (this.#isClosing && line.underWay === 0) socket.destroySoon()
      })
    })
    app.server.on('timeout', (socket: Socket) => {
      const response = lines.get(socket)?.response
      // Whoever waits for this node is silent with good reason.
      if (!response || response.headersSent) socket.destroy()
    })
    // Who was asking when the end began is told not to ask on this connection again; who asks later the server tells by itself.
    app.addHook('onSend', ({ raw }, reply, payload, done) => {
      if (this.#isClosing && this.answeredOn(raw.socket) === reply.raw) reply.header('connection', 'close')
      done(null, payload)
    })
    app.addHook('preClose', async () => {
      this.#isClosing = true
      // Whose answer is given and not read yet Node takes for idle, and would cut it off.
      const asking = [...lines].filter(([, { underWay }]) => underWay > 0)
      for (const [socket] of asking) socket.setTimeout(readWithinMs)
      await Promise.all(asking.map(([socket]) => new Promise((resolve) => socket.once('close', resolve))))
      // Those that nobody has said anything on, or still sends on what is answered already, it takes for busy, and would wait for.
      for (const [socket, { underWay, response }] of lines)
        if (socket.bytesRead === 0 || (underWay === 0 && response?.req.complete === false)) socket.destroy()
    })
  }

  /** The last answer on a connection, given or under way. */
  answeredOn(socket: Socket): ServerResponse | undefined {
    return this.#lines.get(socket)?.response
  }

  /** Whether others that came whole are not answered yet: what is said now would be taken for their answer. */
  isBehind(socket: Socket): boolean {
    const { response, underWay = 0 } = this.#lines.get(socket) ?? {}
    const isComing = response !== undefined && !response.req.complete && !response.writableFinished
    return underWay > (isComing ? 1 : 0)
  }

  /** Why one more request is not looked at. */
  refusalOn(socket: Socket): Refusal | undefined {
    if ((this.#lines.get(socket)?.underWay ?? 0) < underWayMost) return undefined
    return new Refusal('OVERLOADED', `${underWayMost} requests are under way on this connection; read their answers first`)
  }

  /** Why an answer of that length is not given. A large one that is counts until it has left, or cannot any more. */
  refusalOf(response: ServerResponse, bytes: number): Refusal | undefined {
    const { socket } = response.req
    const line = this.#lines.get(socket)
    // Who has gone meanwhile is not heard of again.
    if (bytes <= largeBytes || response.destroyed || !line) return undefined
    if (this.#unreadBytes + bytes > unreadBytesMost)
      return new Refusal('OVERLOADED', 'too many large answers of this node wait to be read; try again in a second')
    this.#count(line, bytes)
    response.once('close', () => {
      const now = this.#lines.get(socket)
      if (now) this.#count(now, -bytes)
    })
    return undefined
  }

  #count(line: Line, bytes: number): void {
    line.unreadBytes += bytes
    this.#unreadBytes += bytes
  }

  /** Answers that wait behind another one on their connection are not told of its end. */
  #forget(socket: Socket): void {
    this.#unreadBytes -= this.#lines.get(socket)?.unreadBytes ?? 0
    this.#lines.delete(socket)
  }
}

/** The connections of a server, and what is answered on each: who is silent is cut off, unless it waits for this node. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

export class Connections {
  /** What is answered on each, or was last. */
  readonly #responses = new Map<Socket, ServerResponse | undefined>()

  constructor(app: FastifyInstance) {
    const responses = this.#responses
    app.server.on('connection', (socket: Socket) => {
      // It comes again after a request that would rather have spoken another protocol.
      if (!responses.has(socket)) socket.once('close', () => responses.delete(socket))
      responses.set(socket, undefined)
    })
    app.server.on('request', ({ socket }, response) => void responses.set(socket, response))
    app.server.on('timeout', (socket: Socket) => {
      const response = responses.get(socket)
      // Whoever waits for this node is silent with good reason.
      if (!response || response.headersSent) socket.destroy()
    })
    app.addHook('preClose', (done) => {
      // Those that nobody has said anything on Node takes for busy, and would wait for.
      for (const socket of responses.keys()) if (socket.bytesRead === 0) socket.destroy()
      done()
    })
  }

  /** The last answer on a connection, given or under way. */
  answeredOn(socket: Socket): ServerResponse | undefined {
    return this.#responses.get(socket)
  }
}

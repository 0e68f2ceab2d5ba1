/**
 * `GET /channel`: connections that become ones of frames, in which each call is checked and answered as if it had come alone, as soon as
 * its answer is there.
 */
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { NodeApi } from '../node/api.ts'
import { Refusal } from '../protocol/errors.ts'
import { channel, type Row } from '../protocol/rpc.ts'
import { limits } from '../protocol/schemas.ts'
import { type Answer, type Answerer, Answering, type AnsweringSetting } from './answering.ts'
import { errorAnswer } from './answers.ts'
import type { Connections } from './connections.ts'
import { Frames } from './frames.ts'
import type { Gate } from './gate.ts'
import type { Metrics } from './metrics.ts'
import type { Handler, RowName } from './routes.ts'
import { signatureHeader } from './signature.ts'
import { explain, type Validation } from './validation.ts'

export interface ChannelsSetting extends AnsweringSetting {
  readonly api: NodeApi
  readonly bits: number
  readonly metrics: Metrics
  readonly validation: Validation
  /** Where the network has a secret. */
  readonly gate?: Gate | undefined
  /** The handler of a row. */
  readonly handle: (name: RowName) => Handler
  readonly connections: Connections
}

export const addChannels = (app: FastifyInstance, setting: ChannelsSetting): void => {
  const { gate, api, connections } = setting
  /** Requests that may have their connection for themselves. */
  const opening = new WeakSet<IncomingMessage>()
  const open = new Set<Answering>()
  let isClosing = false
  const names = Object.keys(api).filter((name) => (api as Record<string, Row>)[name]?.channelled) as RowName[]
  const answerers = new Map<unknown, Answerer>(names.map((name) => [name, answererOf(name, setting)]))
  app.get(channel.path, { config: { signed: true }, exposeHeadRoute: false }, (request, reply) => {
    if (!opening.has(request.raw))
      throw new Refusal(
        'BAD_REQUEST',
        `nodes open channels here: a request with Connection: Upgrade and Upgrade: ${channel.protocol}`,
      )
    reply.hijack()
    const sealed = gate?.open(request)
    const { socket } = request.raw
    const signature = sealed ? `${signatureHeader}: ${sealed.signature}\r\n` : ''
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${channel.protocol}\r\n${signature}\r\n`)
    const answering = new Answering(socket, new Frames(limits.bodyBytes, 'answers', sealed?.seal), answerers, setting)
    open.add(answering)
    socket.once('close', () => open.delete(answering))
    if (isClosing) answering.close()
  })
  app.addHook('preClose', (done) => {
    isClosing = true
    for (const answering of open) answering.close()
    done()
  })
  app.server.on('upgrade', (request, stream, head) => {
    const socket = stream as Socket
    const goOn = () => {
      if (!opensChannel(request)) return passOver(app, request, socket, head)
      opening.add(request)
      if (head.length > 0) socket.unshift(head)
      const response = new ServerResponse(request)
      response.shouldKeepAlive = false
      response.assignSocket(socket)
      response.on('finish', () => socket.destroySoon())
      app.routing(request, response)
    }
    if (socket.listenerCount('error') === 0) socket.on('error', () => {}) // It closes then.
    const before = connections.answeredOn(socket)
    if (before && !before.writableFinished && !before.destroyed) before.once('finish', goOn)
    else goOn()
  })
}

const opensChannel = ({ method, url, headers }: IncomingMessage): boolean =>
  method === 'GET' && url === channel.path && headers.upgrade?.toLowerCase() === channel.protocol

/** Other protocols are as if nobody had named them: the request comes once more, without. */
const passOver = (app: FastifyInstance, request: IncomingMessage, socket: Socket, head: Buffer): void => {
  socket.unshift(Buffer.concat([headOf(request), head]))
  app.server.emit('connection', socket)
}

/** A request as it came, up to its body, but for the protocol that it would rather speak. */
const headOf = ({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer => {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]?.toLowerCase() !== 'upgrade') lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

const answererOf = (name: RowName, { api, bits, log, metrics, validation, handle }: ChannelsSetting): Answerer => {
  const row: Row = api[name]
  const valid = validation.strict(row.request)
  const handler = handle(name)
  const answered = metrics.route('CHANNEL', row.path)
  return (request) => {
    const began = performance.now()
    const noted = (status: number, json: string): Answer => {
      const ms = performance.now() - began
      answered(status, ms / 1000)
      log.debug({ call: name, status, ms }, 'call answered')
      return [status, json]
    }
    const replied = (reply: unknown): Answer => noted(row.status, JSON.stringify(reply))
    const failed = (error: unknown): Answer => {
      const { status, body } = errorAnswer(error, log, { channel: name })
      return noted(status, JSON.stringify(body))
    }
    try {
      if (!valid(request)) return failed(explain(valid.errors, 'the call', bits))
      const reply = handler(request as object)
      return reply instanceof Promise ? reply.then(replied).catch(failed) : replied(reply)
    } catch (error) {
      return failed(error)
    }
  }
}

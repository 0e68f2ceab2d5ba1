/** One node as an HTTP server. */
import fastify, { type FastifyInstance, type onResponseHookHandler } from 'fastify'
import { nodeApi } from '../node/api.ts'
import type { Node } from '../node/node.ts'
import type { Log } from '../ports.ts'
import { limits } from '../protocol/schemas.ts'
import { answerConnect, answerNoHttp, answerNotFound, createErrorHandler } from './answers.ts'
import { addChannels } from './channels.ts'
import { Connections } from './connections.ts'
import { addDocs } from './docs.ts'
import type { Gate } from './gate.ts'
import { createGuard } from './guard.ts'
import { parseJson } from './json.ts'
import type { Metrics } from './metrics.ts'
import { overloaded, Pressure } from './pressure.ts'
import { faultOf } from './requests.ts'
import { addRow, handlerOf, type RowName } from './routes.ts'
import { TurnEnd } from './turn-end.ts'
import { explain, type Validation } from './validation.ts'
import { addValueRoutes, valueRows } from './values.ts'
import { welcome } from './welcome.ts'

/** What the server needs of a node. */
export type Served = Pick<Node, 'me' | 'config' | 'handlers' | 'info'>

export interface ServerPorts {
  readonly log: Log
  readonly metrics: Metrics
  readonly validation: Validation
  /** Where the network has a secret. */
  readonly gate?: Gate | undefined
}

/** What must be answered at any load: who asks decides whether this node is alive. */
const unshed = new Set(['/healthz', '/metrics'])

/** For a request to be there with all its headers and its body; whoever is slower would fill the memory for nothing. */
const requestTimeoutMs = 30_000

/** Made, and not yet listening. */
export const createServer = (node: Served, { log, metrics, validation, gate }: ServerPorts): FastifyInstance => {
  const { me, config, handlers } = node
  const api = nodeApi(config.overlay)
  const pressure = new Pressure()
  const guard = createGuard(me, config.network)
  const handleError = createErrorHandler(log)
  const noting = (method: string, route: string): onResponseHookHandler => {
    const answered = metrics.route(method, route)
    return ({ method, url }, { statusCode, elapsedTime }, next) => {
      answered(statusCode, elapsedTime / 1000)
      log.debug({ method, url, status: statusCode, ms: elapsedTime }, 'request answered')
      next()
    }
  }
  // One series for them all: whoever scans a node shall not make its metrics grow.
  const noteUnrouted = noting('any', 'none')
  const app = fastify({
    requestTimeout: requestTimeoutMs,
    connectionTimeout: requestTimeoutMs,
    // A request without a host is refused like any other that is wrong.
    http: { headersTimeout: requestTimeoutMs, connectionsCheckingInterval: requestTimeoutMs / 6, requireHostHeader: false },
    bodyLimit: limits.bodyBytes,
    // A name in percent signs.
    routerOptions: { maxParamLength: 3 * limits.nameBytes },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => answerNoHttp(error, socket, connections.isBehind(socket)),
    frameworkErrors: (error, request, reply) => {
      handleError(error, request, reply)
      noteUnrouted.call(app, request, reply, () => {})
    },
    schemaErrorFormatter: (errors, where) => explain(errors as never, where, config.bits),
  })
  const connections = new Connections(app)
  app.setValidatorCompiler<never>(({ schema }) => validation.strict(schema))
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    try {
      gate?.assertBody(request, body)
      done(null, body.length === 0 ? undefined : parseJson(body))
    } catch (error) {
      done(error as Error)
    }
  })
  app.addHook('onRequest', (request, _reply, next) => {
    pressure.note()
    const refusal = connections.refusalOn(request.raw.socket) ?? guard(request) ?? gate?.refusalOf(request) ?? faultOf(request)
    if (refusal) next(refusal)
    else if (pressure.overloaded && !unshed.has(request.url)) next(overloaded())
    else next()
  })
  app.addHook('onSend', (_request, reply, payload, done) => {
    const isWhole = typeof payload === 'string' || payload instanceof Uint8Array
    const refusal = connections.refusalOf(reply.raw, isWhole ? payload.length : 0)
    if (!refusal) return done(null, payload)
    reply.code(refusal.status).removeHeader('etag')
    reply.headers({ 'content-type': 'application/json', 'retry-after': '1', 'cache-control': 'no-store' })
    done(null, JSON.stringify(refusal.toBody()))
  })
  gate?.signAnswers(app)
  const turnEnd = new TurnEnd()
  // What cannot be written is answered as an error.
  app.addHook('onSend', (_request, _reply, _payload, done) =>
    turnEnd.add(() => {
      try {
        done()
      } catch (error) {
        done(error as Error)
      }
    }),
  )
  app.addHook('onRoute', (route) => {
    route.onResponse = noting(String(route.method), route.url)
  })
  // What is expected besides is nothing that this node knows of.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  app.server.on('connect', answerConnect)
  app.addHook('onClose', (_app, done) => {
    pressure.stop()
    done()
  })
  app.setErrorHandler(handleError)
  void app.register((elsewhere, _options, done) => {
    elsewhere.addHook('onResponse', noteUnrouted)
    elsewhere.setNotFoundHandler(answerNotFound(api, me.url))
    done()
  })

  const handle = (name: RowName) => handlerOf(handlers, api, name, metrics)
  for (const name of Object.keys(api) as RowName[]) if (!valueRows.includes(name)) addRow(app, api, name, handle(name))
  const setting = {
    api,
    url: me.url,
    bits: config.bits,
    log,
    metrics,
    validation,
    gate,
    pressure,
    turnEnd,
    handle,
    connections,
  }
  addChannels(app, setting)
  addValueRoutes(app, setting)

  const info = () => node.info()
  metrics.watch(info, () => pressure.delayMs)
  app.get('/', (_request, reply) =>
    reply.type('text/plain; charset=utf-8').header('cache-control', 'no-store').send(welcome(info())),
  )
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()))
  addDocs(app, api, info().version, (page) => {
    page.setErrorHandler(handleError)
    page.setNotFoundHandler(answerNotFound(api, me.url))
  })
  return app
}

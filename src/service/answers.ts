/** Whatever goes wrong with a request, told in the one shape of errors. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type NodeApi, nodeApi } from '../node/api.ts'
import { overlayNames } from '../overlay/overlays.ts'
import type { Log } from '../ports.ts'
import { type ErrorBody, Refusal, Unreachable } from '../protocol/errors.ts'
import { channel, type Row } from '../protocol/rpc.ts'
import { limits } from '../protocol/schemas.ts'

/** Paths that are not in the table. */
const ownPaths = ['/', '/metrics', '/docs', '/openapi.json']
/** Of a body that is too large so much is read all the same. */
const droppedMost = 8 * limits.bodyBytes

/** An error as the answer that it is. What is none of the catalogue is our fault: it is logged with `what`, and not told. */
export const errorAnswer = (error: unknown, log: Log, what: object): { status: number; body: ErrorBody } => {
  const refusal = asRefusal(error)
  if (!refusal) log.error({ err: error, ...what }, 'request failed')
  const told = refusal ?? new Refusal('INTERNAL', 'this node has a defect; its log says more')
  return { status: told.status, body: told.toBody() }
}

/** Sends it. */
export const createErrorHandler =
  (log: Log) =>
  (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const { method, url } = request
    const { status, body } = errorAnswer(refusalOf(error, request) ?? error, log, { method, url })
    if (status === 503) reply.header('retry-after', '1')
    // Closed on, whoever is still sending would not come to read this. What has an end that is not far is read, and dropped.
    if (status === 413 && Number(request.headers['content-length']) <= droppedMost) reply.removeHeader('connection')
    reply.code(status).header('cache-control', 'no-store').send(body)
  }

const asRefusal = (error: unknown): Refusal | undefined => {
  if (error instanceof Refusal) return error
  return error instanceof Unreachable ? new Refusal('NO_ROUTE', `${error.message}; try again`) : undefined
}

/** What Fastify has against a request. */
const refusalOf = (error: unknown, { method, url }: FastifyRequest): Refusal | undefined => {
  // It gives a status of its own to what a schema refused.
  if (error instanceof Refusal) return error
  if (method === 'QUERY') return new Refusal('METHOD_NOT_ALLOWED', 'nothing here takes QUERY; ask with GET')
  const { code, statusCode, message } = (error ?? {}) as Partial<FastifyError>
  if (statusCode === 413)
    return new Refusal(
      'TOO_LARGE',
      `a body may have ${limits.bodyBytes / 1024 ** 2} MiB at most, a value ${limits.valueBytes / 1024 ** 2} MiB; send less at a time`,
    )
  if (statusCode === 415)
    return new Refusal(
      'UNSUPPORTED_MEDIA',
      method === 'DELETE'
        ? 'DELETE takes no body: say in the query what is meant, ?value=… or ?name=…'
        : /^\/leave\b/.test(url)
          ? '/leave takes no body: leave it out, and its content type'
          : /^\/store\b/.test(url)
            ? "any content type may be stored, and it has the form type/subtype: -H 'content-type: text/plain'"
            : "this call takes JSON: add -H 'content-type: application/json', and JSON after -d",
    )
  if (code === 'FST_ERR_BAD_URL')
    return new Refusal('BAD_REQUEST', 'the path has an escape that is no UTF-8; a percent sign itself is written %25')
  if (statusCode === 403) return new Refusal('NO_SUCH_ENDPOINT', 'there is nothing to be had above /docs/static')
  if (code === 'FST_ERR_MAX_PARAM_LENGTH')
    return new Refusal('BAD_REQUEST', `a part of the path is too long; a name may have ${limits.nameBytes} bytes at most`)
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return new Refusal('BAD_REQUEST', String(message))
  return undefined
}

/** 405 for a path that has other methods, else 404 with where to look. */
export const answerNotFound = (api: NodeApi, url: string) => {
  const table = pathTable(api)
  return ({ method, url: asked }: FastifyRequest, reply: FastifyReply): void => {
    const path = asked.split('?')[0] ?? ''
    const methods = [...new Set(table.filter(({ matches }) => matches.test(path)).flatMap((row) => row.methods))]
    if (methods.length === 0) {
      const where = path.startsWith('/store/') ? 'a slash in a name is written %2F' : `curl ${url} tells what there is`
      throw new Refusal('NO_SUCH_ENDPOINT', `there is no ${path}${kindWith(path)}; ${where}`)
    }
    reply.header('allow', methods.join(', '))
    const name = path.startsWith('/store/') ? path.slice('/store/'.length) : ''
    const instead = name === '' ? '' : `; to read it: curl ${url}/lookup?name=${name}`
    throw new Refusal('METHOD_NOT_ALLOWED', `${path} takes ${methods.join(', ')}, not ${method}${instead}`)
  }
}

/** ` in this overlay (it is of chord)`, where another has the path. */
const kindWith = (path: string): string => {
  const other = overlayNames.find((name) => pathTable(nodeApi(name)).some(({ matches }) => matches.test(path)))
  return other === undefined ? '' : ` in this overlay (it is of ${other})`
}

const pathTable = (api: NodeApi): { matches: RegExp; methods: string[] }[] => [
  ...Object.values<Row>(api).map(({ method, path }) => ({
    matches: new RegExp(`^${path.replace(/:\w+/, '[^/]*')}$`),
    methods: method === 'GET' ? ['GET', 'HEAD'] : [method],
  })),
  ...ownPaths.map((path) => ({ matches: new RegExp(`^${path}$`), methods: ['GET', 'HEAD'] })),
  { matches: new RegExp(`^${channel.path}$`), methods: ['GET'] },
]

/** What to do about a request that is none, by Node's code for what is wrong with it. */
const noHttp: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW:
    'the address and the headers may have 16 KiB together; a long value is asked for by the key that /store told: GET /lookup/KEY',
  HPE_INVALID_URL: "what is no plain letter is written as %XX in an address: curl -G --data-urlencode 'value=…' does so",
  ERR_HTTP_REQUEST_TIMEOUT: 'the request did not come to its end in time; send it again, in one go',
}

/**
 * What comes in on a socket and is no request of HTTP.
 * @param isBehind see Connections.isBehind
 */
export const answerNoHttp = (error: Error & { code?: string }, socket: Socket, isBehind: boolean): void => {
  if (error.code === 'ECONNRESET' || !socket.writable || isBehind) {
    socket.destroy()
    return
  }
  const message = noHttp[error.code ?? ''] ?? 'this is no HTTP request that could be understood'
  refuse(socket, new Refusal('BAD_REQUEST', message))
  // Else the rest of the request may still come, and be kept.
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') socket.destroySoon()
}

/** Whoever takes this node for a proxy. From here on nobody else looks after the connection. */
export const answerConnect = (_request: unknown, socket: Socket): void => {
  socket.on('error', () => socket.destroy())
  refuse(socket, new Refusal('METHOD_NOT_ALLOWED', 'this node is no proxy; curl its own address, without one'))
  socket.destroySoon()
}

const refuse = (socket: Socket, refusal: Refusal): void => {
  const body = JSON.stringify(refusal.toBody())
  const { status } = refusal
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  )
}

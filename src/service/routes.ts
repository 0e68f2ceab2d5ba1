/**
 * Rows of the table as routes: the parts of a request are checked by the row's schema, put together to the flat request, and
 * handed to the handler. Its reply is written as it is: the compiler has checked it against the row.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema, HookHandlerDoneFunction } from 'fastify'
import { type TObject, type TSchema, Type } from 'typebox'
import type { NodeApi } from '../node/api.ts'
import { Refusal, Unreachable } from '../protocol/errors.ts'
import type { Handlers, Row } from '../protocol/rpc.ts'
import type { Metrics } from './metrics.ts'
import { numbered, truthful } from './text.ts'

export type RowName = keyof NodeApi & string
export type Handler = (request: object) => unknown

/** A row's handler, without the types that tie it to its row. */
export const handlerOf = (handlers: Handlers<NodeApi>, api: NodeApi, name: RowName, metrics: Metrics): Handler => {
  const handler = handlers[name] as Handler
  return 'hops' in ((api[name].reply as Partial<TObject>).properties ?? {}) ? observed(handler, name, metrics) : handler
}

/** @param handler gets the flat request, and, where a reply may be more than JSON, what Fastify knows of it */
export const addRow = (
  app: FastifyInstance,
  api: NodeApi,
  name: RowName,
  handler: (flat: object, request: FastifyRequest, reply: FastifyReply) => unknown,
): void => {
  const row: Row = api[name]
  const numbers = fieldsOf(row, 'integer')
  const truths = fieldsOf(row, 'boolean')
  app.route({
    method: row.method,
    url: row.path,
    schema: schemaOf(row),
    config: { signed: row.signed },
    ...(numbers.length + truths.length > 0 ? { preValidation: takeTexts(numbers, truths) } : {}),
    handler: (request, reply) => {
      if (row.body.length === 0) assertNoBody(row, request)
      answer(reply, row)
      const flat = { ...(request.params as object), ...(request.query as object), ...(request.body as object) }
      return handler(flat, request, reply)
    },
  })
}

/** Status and headers of a row's reply. */
export const answer = (reply: FastifyReply, row: Row): FastifyReply =>
  reply.code(row.status).header('cache-control', 'no-store')

/** The fields of a row that travel in one part of a request, as its schema. */
export const part = (row: Row, names: readonly string[]): TSchema =>
  Type.Object(Object.fromEntries(Object.entries(row.request.properties).filter(([name]) => names.includes(name))), {
    additionalProperties: false,
  })

const schemaOf = (row: Row): FastifySchema => ({
  params: part(row, row.params),
  querystring: part(row, row.query),
  ...(row.body.length > 0 ? { body: part(row, row.body) } : {}),
})

/** Those of a row's query that are of a type. */
const fieldsOf = ({ query, request }: Row, type: 'integer' | 'boolean'): string[] =>
  query.filter((field) => (request.properties[field] as { type?: string }).type === type)

/** In a query everything is text, so there the text of a number is taken as the number, and that of a truth as the truth. */
const takeTexts =
  (numbers: readonly string[], truths: readonly string[]) =>
  ({ query }: FastifyRequest, _reply: FastifyReply, next: HookHandlerDoneFunction): void => {
    const fields = query as Record<string, unknown>
    for (const name of numbers) if (name in fields) fields[name] = numbered(fields[name])
    for (const name of truths) if (name in fields) fields[name] = truthful(fields[name])
    next()
  }

/** An empty object is what many a client sends when it has nothing to say. */
const assertNoBody = ({ method, path, query }: Row, { body }: FastifyRequest): void => {
  if (body === undefined || body === null || (typeof body === 'object' && Object.keys(body).length === 0)) return
  const instead = query.length > 0 ? `; ask by ${query.map((name) => `?${name}=…`).join(' or ')}` : ''
  throw new Refusal('BAD_REQUEST', `${method} ${path} takes no body${instead}`)
}

const observed = (handler: Handler, name: RowName, metrics: Metrics): Handler => {
  const travelled = metrics.hops(name)
  const arrived = (reply: unknown): unknown => {
    travelled((reply as { hops: number }).hops)
    return reply
  }
  const failed = (error: unknown): never => {
    metrics.lost(name, error instanceof Refusal ? error.code : error instanceof Unreachable ? 'NO_ROUTE' : 'INTERNAL')
    throw error
  }
  return (request) => (handler(request) as Promise<unknown>).then(arrived, failed)
}

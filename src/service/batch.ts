/**
 * `POST /batch`: calls of one row that travel together, each checked and answered as if it had come alone.
 */
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import type { NodeApi } from '../node/node.ts'
import type { Log } from '../ports.ts'
import { batch, type Row } from '../protocol/rpc.ts'
import { errorAnswer } from './answers.ts'
import type { Handler, RowName } from './routes.ts'
import { explain, type Validation } from './validation.ts'

/** Characters that are enough for one answer: the caller asks again for what comes after. */
const answerChars = 1024 * 1024

export interface BatchRoute {
  readonly api: NodeApi
  readonly bits: number
  readonly log: Log
  readonly validation: Validation
  /** The handler of a row. */
  readonly handle: (name: RowName) => Handler
}

/** Rows whose calls may travel together. */
const batchedRows = (api: NodeApi): RowName[] =>
  Object.entries<Row>(api)
    .filter(([, row]) => row.batch)
    .map(([name]) => name as RowName)

/** What `POST /batch` takes. */
export const batchBody = (api: NodeApi) =>
  Type.Object(
    {
      name: Type.Enum(batchedRows(api)),
      // What they are, the row of each says.
      calls: Type.Unsafe<unknown[]>({ type: 'array', minItems: 1, maxItems: batch.callsMax }),
    },
    { additionalProperties: false },
  )

export const addBatch = (app: FastifyInstance, route: BatchRoute): void => {
  const answers = new Map(batchedRows(route.api).map((name) => [name, answerOf(name, route)]))
  app.post(batch.path, { schema: { body: batchBody(route.api) }, config: { signed: true } }, async ({ body }, reply) => {
    const { name, calls } = body as Static<ReturnType<typeof batchBody>>
    const answer = answers.get(name) as (call: unknown) => Answer
    const answered: Answer[] = []
    let chars = 0
    for (const call of calls) {
      const one = answer(call)
      answered.push(one)
      if (typeof one === 'string') chars += one.length
      if (chars > answerChars) break
    }
    const texts: string[] = []
    for (const one of answered) texts.push(typeof one === 'string' ? one : await one)
    return reply
      .type('application/json')
      .header('cache-control', 'no-store')
      .send(`[${texts.join(',')}]`)
  })
}

/** `'[200,{"peers":[…],"final":true}]'`, at once where the handler answers at once. */
type Answer = string | Promise<string>

const answerOf = (name: RowName, { api, bits, log, validation, handle }: BatchRoute): ((call: unknown) => Answer) => {
  const row: Row = api[name]
  const valid = validation.strict(row.request)
  const handler = handle(name)
  const replied = (reply: unknown): string => `[${row.status},${JSON.stringify(reply)}]`
  const failed = (error: unknown): string => {
    const { status, body } = errorAnswer(error, log, { batch: name })
    return `[${status},${JSON.stringify(body)}]`
  }
  return (call) => {
    try {
      if (!valid(call)) return failed(explain(valid.errors, 'the call', bits))
      const reply = handler(call as object)
      return reply instanceof Promise ? reply.then(replied, failed) : replied(reply)
    } catch (error) {
      return failed(error)
    }
  }
}

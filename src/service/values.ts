/** The routes where values come in and go out as bytes: /store, and /lookup with ?raw. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { NodeApi } from '../node/api.ts'
import type { Log } from '../ports.ts'
import type { Found } from '../protocol/client-api.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Row } from '../protocol/rpc.ts'
import { errorAnswer } from './answers.ts'
import type { Gate } from './gate.ts'
import { answerLines, ndjson } from './ndjson.ts'
import { addRow, answer, type Handler, type RowName } from './routes.ts'
import {
  assertNoQuery,
  assertStorable,
  bytesOf,
  mediaTypeOf,
  type Storing,
  storing,
  storingBytes,
  storingJson,
} from './storing.ts'
import { explain, type Validation } from './validation.ts'

export interface ValueRoutes {
  readonly api: NodeApi
  readonly url: string
  readonly bits: number
  readonly log: Log
  readonly validation: Validation
  readonly gate: Gate | undefined
  /** The handler of a row. */
  readonly handle: (name: RowName) => Handler
}

/** The rows that are served here and not as the table says alone. */
export const valueRows: readonly RowName[] = ['store', 'storeNamed', 'lookup', 'lookupBy']

export const addValueRoutes = (app: FastifyInstance, setting: ValueRoutes): void => {
  const { url, log, gate } = setting
  void app.register((stores, _options, done) => {
    stores.removeAllContentTypeParsers()
    stores.addContentTypeParser('*', { parseAs: 'buffer' }, (request, bytes: Buffer, parsed) => {
      try {
        gate?.assertBody(request, bytes)
        parsed(null, bytes)
      } catch (error) {
        parsed(error as Error)
      }
    })
    addStore(stores, 'store', setting, (store, request, reply) => {
      const { headers, query } = request
      const type = headers['content-type']
      const bytes = bytesIn(request)
      if (mediaTypeOf(type) !== ndjson) return store(storing(type, query as Storing, bytes, url), 'the body')
      assertNoQuery(query as Storing, 'each line')
      const answerLine = async (line: Buffer): Promise<string> => {
        try {
          return JSON.stringify(await store(storingJson(line, 'the line'), 'the line'))
        } catch (error) {
          return JSON.stringify(errorAnswer(error, log, { call: 'store', type: ndjson }).body)
        }
      }
      return answerLines(bytes, answerLine).then((lines) => reply.code(200).type(ndjson).send(Buffer.from(lines)))
    })
    addStore(stores, 'storeNamed', setting, (store, request) => {
      const { headers, params, query } = request
      const path = params as { name: string }
      if (path.name === '') throw withoutName(url)
      return store(storingBytes(headers['content-type'], query as Storing, bytesIn(request), url, path), 'the body')
    })
    stores.put('/store', () => {
      throw withoutName(url)
    })
    done()
  })
  for (const name of ['lookup', 'lookupBy'] as const) {
    const handler = setting.handle(name)
    addRow(app, setting.api, name, (flat, request, reply) =>
      'raw' in flat ? answerRaw(handler(flat), request, reply) : handler(flat),
    )
  }
}

/**
 * Checks what is asked, and stores it.
 * @param what it came in: 'the body'
 */
type Store = (asked: Storing, what: string) => unknown

const addStore = (
  app: FastifyInstance,
  name: 'store' | 'storeNamed',
  { api, validation, bits, handle }: ValueRoutes,
  handler: (store: Store, request: FastifyRequest, reply: FastifyReply) => unknown,
): void => {
  const row: Row = api[name]
  const valid = validation.strict(row.request)
  const handled = handle(name)
  const store: Store = (asked, what) => {
    if (!valid(asked)) throw explain(valid.errors, what, bits)
    assertStorable(asked as { value: string; name?: string })
    return handled(asked)
  }
  app.route({
    method: row.method,
    url: row.path,
    handler: (request, reply) => {
      answer(reply, row)
      return handler(store, request, reply)
    },
  })
}

const bytesIn = ({ body }: FastifyRequest): Buffer => (body as Buffer | undefined) ?? Buffer.alloc(0)

/** The one value of a reply as its bytes. Whatever it is, a browser shall not run it as a page of this node. */
const answerRaw = async (found: unknown, { headers, method }: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
  const { values } = (await found) as Found
  const [value] = values
  if (!value || values.length > 1)
    throw new Refusal('BAD_REQUEST', `${values.length} values live under this key: ask for one by ?value=… or ?name=…`)
  const tag = `"${value.version.hlc}-${value.version.origin}"`
  reply
    .header('etag', tag)
    .header('cache-control', 'no-cache')
    .header('x-content-type-options', 'nosniff')
    .header('content-security-policy', "sandbox; default-src 'none'")
  const known = headers['if-none-match']
  if (known === '*' || known?.split(',').some((one) => one.trim().replace(/^W\//, '') === tag)) {
    // Of the length a 304 says that of the 200, or nothing: RFC 9110 §8.6.
    return method === 'HEAD' ? reply.code(304).type(value.contentType).send(bytesOf(value)) : reply.code(304).send()
  }
  return reply.code(200).type(value.contentType).send(bytesOf(value))
}

const withoutName = (url: string): Refusal =>
  new Refusal('BAD_REQUEST', `add the name to store under: curl -T FILE ${url}/store/NAME`)

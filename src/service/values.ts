/** The routes where values come in and go out as bytes: /store, and /lookup with ?raw. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { nodeApi } from '../node/node.ts'
import type { Found } from '../protocol/client-api.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Row } from '../protocol/rpc.ts'
import { assertStorable, bytesOf, type Storing, storing, storingBytes } from './content.ts'
import { addRow, answer, type Handler, type RowName } from './routes.ts'
import { explain, type Validation } from './validation.ts'

export interface ValueRoutes {
  readonly url: string
  readonly bits: number
  readonly validation: Validation
  /** The handler of a row. */
  readonly handle: (name: RowName) => Handler
}

/** The rows that are served here and not as the table says alone. */
export const valueRows: readonly RowName[] = ['store', 'storeNamed', 'lookup', 'lookupBy']

export const addValueRoutes = (app: FastifyInstance, setting: ValueRoutes): void => {
  void app.register((stores, _options, done) => {
    stores.removeAllContentTypeParsers()
    stores.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, bytes, parsed) => parsed(null, bytes))
    addStore(stores, 'store', setting, ({ headers, query }, bytes) =>
      storing(headers['content-type'], query as Storing, bytes, setting.url),
    )
    addStore(stores, 'storeNamed', setting, ({ headers, params, query }, bytes) => {
      if ((params as { name: string }).name === '') throw withoutName(setting.url)
      return storingBytes(headers['content-type'], { ...(query as Storing), ...(params as Storing) }, bytes, setting.url)
    })
    stores.put('/store', () => {
      throw withoutName(setting.url)
    })
    done()
  })
  for (const name of ['lookup', 'lookupBy'] as const) {
    const handler = setting.handle(name)
    addRow(app, name, (flat, request, reply) => ('raw' in flat ? answerRaw(handler(flat), request, reply) : handler(flat)))
  }
}

const addStore = (
  app: FastifyInstance,
  name: 'store' | 'storeNamed',
  { validation, bits, handle }: ValueRoutes,
  read: (request: FastifyRequest, bytes: Buffer) => Storing,
): void => {
  const row: Row = nodeApi[name]
  const valid = validation.strict(row.request)
  const handler = handle(name)
  app.route({
    method: row.method,
    url: row.path,
    handler: (request, reply) => {
      const asked = read(request, (request.body as Buffer | undefined) ?? Buffer.alloc(0))
      if (!valid(asked)) throw explain(valid.errors, 'body', bits)
      assertStorable(asked as { value: string; name?: string })
      answer(reply, row)
      return handler(asked)
    },
  })
}

/** The one value of a reply as its bytes. Whatever it is, a browser shall not run it as a page of this node. */
const answerRaw = async (found: unknown, { headers }: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
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
  if (known === '*' || known?.split(',').some((one) => one.trim().replace(/^W\//, '') === tag)) return reply.code(304).send()
  return reply.code(200).type(value.contentType).send(bytesOf(value))
}

const withoutName = (url: string): Refusal =>
  new Refusal('BAD_REQUEST', `add the name to store under: curl -T FILE ${url}/store/NAME`)

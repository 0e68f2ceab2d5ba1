/**
 * What a node is measured against: a process that loads the packages that a node loads, makes one thing of each, and
 * serves one route with a fixed reply. It runs as a node does: from one file with a code cache, started by the same
 * start.cjs, and it tells its starter when it listens.
 */
import { Ajv } from 'ajv'
import fastify from 'fastify'
import 'lmdb'
import { schedule } from 'node-cron'
import { destination, pino } from 'pino'
import { Counter, Histogram, Registry } from 'prom-client'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { Agent, Pool } from 'undici'

/** JSON: a schema and a value of it; and the url of another such process, whose reply /forwarded passes on. */
const { schema, reply } = JSON.parse(
  process.env['BARE_ROUTE'] ??
    '{"schema":{"type":"object","properties":{"hello":{"type":"string"}}},"reply":{"hello":"world"}}',
) as { schema: object; reply: object }

const Settings = Type.Object({ port: Type.Integer({ default: 10_001 }) })
const { port } = Value.Default(Settings, { port: Number(process.env['POLYCHORD_PORT']) }) as { port: number }

const log = pino({}, destination({ dest: 1, sync: true }))
const metrics = new Registry()
new Counter({ name: 'bare_total', help: 'none', registers: [metrics] })
new Histogram({ name: 'bare_seconds', help: 'none', registers: [metrics] })
schedule('* * * * *', () => log.info('a minute'))

new Agent()
const pool = new Pool(process.env['BARE_ORIGIN'] || 'http://127.0.0.1', { connections: 8 })
const app = fastify()
app.decorate('ajv', new Ajv())
app.get('/readyz', () => 'ready')
app.get('/reply', { schema: { response: { 200: schema } } }, () => reply)
// The cheapest way that undici has: nothing is parsed, the bytes are passed on.
app.get('/forwarded', (_request, answer) => {
  const chunks: Buffer[] = []
  pool.dispatch(
    { path: '/reply', method: 'GET' },
    {
      onRequestStart: () => {},
      onResponseData: (_controller, chunk) => void chunks.push(chunk),
      onResponseEnd: () => void answer.type('application/json; charset=utf-8').send(Buffer.concat(chunks)),
      onResponseError: (_controller, error) => void answer.send(error),
    },
  )
})
// As a node has its documentation: in the bundle, and loaded by whoever asks for it.
app.get('/docs', async () => {
  await app.register((await import('@fastify/swagger')).default)
  await app.register((await import('@fastify/swagger-ui')).default)
})

void app.listen({ host: '127.0.0.1', port }).then(() => {
  log.info({ port }, 'listens')
  if (process.send && process.connected) process.send({ ready: {} }, () => process.disconnect())
})

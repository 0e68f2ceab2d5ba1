/** `POST /batch`: whatever is in it, each call is answered as if it had come alone, and the others besides. */
import fc from 'fast-check'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { parseConfig } from '../../src/node/config.ts'
import { nodeApi } from '../../src/node/node.ts'
import { type ErrorCode, errorStatus, isErrorBody, Refusal, Unreachable } from '../../src/protocol/errors.ts'
import type { Row } from '../../src/protocol/rpc.ts'
import { HttpNetwork } from '../../src/service/client.ts'
import { createLog } from '../../src/service/log.ts'
import { Metrics } from '../../src/service/metrics.ts'
import { createServer, type Served } from '../../src/service/server.ts'
import { createValidation } from '../../src/service/validation.ts'
import { type Live, network, startNode } from './live.ts'

const chordNodeApi = nodeApi('chord')

let node: Live
beforeAll(async () => {
  node = await startNode()
})
afterAll(() => node.stop())

const id = 'a'.repeat(40)
const batchedNames = Object.entries<Row>(chordNodeApi)
  .filter(([, { batch }]) => batch)
  .map(([name]) => name)
const routing = { key: id, count: 1, avoid: [], mode: 'fingers' }

const send = async (body: unknown, headers: Record<string, string> = {}, method: 'POST' | 'GET' = 'POST') => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const reply = await request(`${node.url}/batch`, {
    method,
    ...(method === 'POST' ? { body: text } : {}),
    headers: { 'content-type': 'application/json', ...headers },
  })
  return { status: reply.statusCode, headers: reply.headers, json: (await reply.body.json()) as never }
}

test('calls are answered in their order, by the handlers that answer them alone', async () => {
  const { status, headers, json } = await send({ name: 'route', calls: [routing, { ...routing, key: 'b'.repeat(40) }] })
  expect([status, headers['cache-control']]).toEqual([200, 'no-store'])
  expect(json).toEqual([
    [200, { peers: [node.me], final: true }],
    [200, { peers: [node.me], final: true }],
  ])
})

test('an error in the middle is of its own call', async () => {
  const calls = [routing, { ...routing, key: 'zz' }, { ...routing, x: 1 }, null, [routing], 'route', routing]
  const { status, json } = await send({ name: 'route', calls })
  expect(status).toBe(200)
  const refused = (error: ErrorCode, message: RegExp) => [400, { error, message: expect.stringMatching(message) }]
  expect(json).toMatchObject([
    [200, { final: true }],
    refused('BAD_ID', /key must be an id/),
    refused('BAD_REQUEST', /the call has no field "x"/),
    refused('BAD_REQUEST', /the call must be of type object/),
    refused('BAD_REQUEST', /the call must be of type object/),
    refused('BAD_REQUEST', /the call must be of type object/),
    [200, { final: true }],
  ])
})

describe('what is no batch', () => {
  test.each<[unknown, ErrorCode, RegExp]>([
    ['not json', 'BAD_REQUEST', /not JSON/],
    ['', 'BAD_REQUEST', /./],
    ['\xff', 'BAD_REQUEST', /not JSON/],
    [[], 'BAD_REQUEST', /type object/],
    [null, 'BAD_REQUEST', /./],
    [{}, 'BAD_REQUEST', /lacks the field/],
    [{ name: 'route' }, 'BAD_REQUEST', /lacks the field calls/],
    [{ name: 'route', calls: routing }, 'BAD_REQUEST', /calls must be of type array/],
    [{ name: 'route', calls: [] }, 'BAD_REQUEST', /calls/],
    [{ name: 'route', calls: Array(257).fill(routing) }, 'BAD_REQUEST', /calls/],
    [{ name: 'route', calls: { length: 3 } }, 'BAD_REQUEST', /calls must be of type array/],
    [{ name: 'route', calls: [routing], more: 1 }, 'BAD_REQUEST', /no field "more"/],
    ['{"name":"route","calls":[{}],"__proto__":{}}', 'BAD_REQUEST', /no field "__proto__"/],
    ...['', 'batch', 'merge', 'store', 'leave', 'successor', 'nothing', '__proto__', 'constructor', 'toString'].map(
      (name): [unknown, ErrorCode, RegExp] => [{ name, calls: [{}] }, 'BAD_REQUEST', /name must be one of: .*route/],
    ),
    [{ name: ['route'], calls: [routing] }, 'BAD_REQUEST', /name/],
    [{ name: 'batch', calls: [{ name: 'batch', calls: [] }] }, 'BAD_REQUEST', /name must be one of/],
    [`{"name":"route","calls":[${' '.repeat(8 * 1024 * 1024)}]}`, 'TOO_LARGE', /larger than any/],
  ])('%.60j is told %s', async (body, code, message) => {
    const { status, json } = await send(body)
    expect(json).toMatchObject({ error: code, message: expect.stringMatching(message) })
    expect(status).toBe(errorStatus[code])
  })

  test('nor for this node, of this network, from elsewhere, or in another way', async () => {
    const body = { name: 'route', calls: [routing] }
    expect((await send(body, { 'polychord-to': id })).json).toMatchObject({ error: 'WRONG_NODE' })
    expect((await send(body, { 'polychord-network': 'b'.repeat(16) })).json).toMatchObject({ error: 'OTHER_NETWORK' })
    expect((await send(body, { origin: 'http://evil.example' })).json).toMatchObject({ error: 'FOREIGN_ORIGIN' })
    expect((await send(body, { 'content-type': 'text/plain' })).json).toMatchObject({ error: 'UNSUPPORTED_MEDIA' })
    const { headers, json } = await send(undefined, {}, 'GET')
    expect(json).toMatchObject({ error: 'METHOD_NOT_ALLOWED' })
    expect(headers.allow).toBe('POST')
  })
})

test.each(batchedNames)('calls of %s may have anything in them', (name) => {
  const row: Row = chordNodeApi[name as 'route']
  const junk = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(id, 'fingers', 3, [], [id], { key: id }, -1, 2 ** 53, '__proto__', 'x'.repeat(3000)),
  )
  const fields = fc.record(Object.fromEntries(Object.keys(row.request.properties).map((field) => [field, junk])), {
    requiredKeys: [],
  })
  const call = fc.oneof(fields, fc.jsonValue(), fc.dictionary(fc.constantFrom('__proto__', 'constructor', 'key'), junk))
  return fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 20 }), async (calls) => {
      const { status, json } = await send({ name, calls })
      expect(status).toBe(200)
      expect(json).toHaveLength(calls.length)
      for (const [code, body] of json as [number, unknown][]) {
        if (code === row.status) continue
        expect(body).toSatisfy(isErrorBody)
        expect(code).toBe(errorStatus[(body as { error: ErrorCode }).error])
        expect(code < 500 || code === 503, JSON.stringify(body)).toBe(true)
      }
    }),
    { numRuns: 40 },
  )
})

test('after all that the node is well, and its log has no defect to tell', async () => {
  expect((await request(`${node.url}/readyz`)).statusCode).toBe(200)
  expect(node.lines.filter(({ level }) => Number(level) >= 50)).toEqual([])
})

test('an answer ends where it is long enough, and the caller asks again', async () => {
  const values = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(700_000))
  const stored = await Promise.all(
    values.map(async (value) => {
      const reply = await request(`${node.url}/store`, {
        method: 'POST',
        body: value,
        headers: { 'content-type': 'text/plain' },
      })
      return (await reply.body.json()) as { key: string }
    }),
  )
  const { json } = await send({ name: 'get', calls: stored.map(({ key }) => ({ key })) })
  expect(json).toHaveLength(2)
  const http = new HttpNetwork(chordNodeApi, {
    network,
    callTimeoutMs: 5000,
    validation: createValidation(160),
    observe: () => {},
  })
  onTestFinished(() => http.close())
  const found = await Promise.all(stored.map(({ key }) => http.call(node.me, 'get', { key })))
  expect(found.map(({ records: [record] }) => record?.value === undefined)).toEqual([false, false, false, false])
  expect(found.map(({ records: [record] }) => record?.value?.[0])).toEqual(['a', 'b', 'c', 'd'])
})

test('a defect in one handler is one answer, and a line in the log', async () => {
  const lines: string[] = []
  const config = parseConfig({ name: 'defective', url: 'http://127.0.0.1:1', network, incarnation: 0 })
  const served = {
    me: { id, url: config.url },
    config,
    handlers: {
      route: ({ count }: { count: number }) => {
        if (count === 1) throw new Error('a secret')
        if (count === 2) throw new Refusal('STORE_FULL', 'no room')
        if (count === 3) return Promise.reject(new Unreachable('http://127.0.0.1:2', 'nothing'))
        if (count === 4) return Promise.reject(new TypeError('a secret'))
        return Promise.resolve({ peers: [], final: true })
      },
    },
    info: () => ({ version: '0' }),
  } as unknown as Served
  const log = createLog('defective', 'info', { write: (line) => void lines.push(line) })
  const app = createServer(served, { log, metrics: new Metrics(), validation: createValidation(160) })
  onTestFinished(() => app.close())
  const reply = await app.inject({
    method: 'POST',
    url: '/batch',
    payload: { name: 'route', calls: [1, 2, 3, 4, 5].map((count) => ({ ...routing, count })) },
  })
  const defect = [500, { error: 'INTERNAL', message: 'this node has a defect; its log says more' }]
  expect(reply.json()).toEqual([
    defect,
    [507, { error: 'STORE_FULL', message: 'no room' }],
    [503, { error: 'NO_ROUTE', message: expect.stringContaining('try again') }],
    defect,
    [200, { peers: [], final: true }],
  ])
  expect(lines.filter((line) => line.includes('request failed') && line.includes('a secret'))).toHaveLength(2)
  const alone = await app.inject({ method: 'POST', url: `/route/${id}`, payload: { count: 2, avoid: [], mode: 'fingers' } })
  expect([alone.statusCode, alone.json().error, alone.headers['retry-after']]).toEqual([507, 'STORE_FULL', undefined])
})

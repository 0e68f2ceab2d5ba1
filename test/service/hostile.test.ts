/** Whatever is sent to whichever row: an answer in the shape of errors, and a node that goes on serving. */
import fc from 'fast-check'
import { connect } from 'node:net'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeApi } from '../../src/node/api.ts'
import { errorStatus, isErrorBody } from '../../src/protocol/errors.ts'
import type { Row } from '../../src/protocol/rpc.ts'
import { type Live, startNode } from './live.ts'

const chordNodeApi = nodeApi('chord')

let node: Live
beforeAll(async () => {
  node = await startNode()
})
afterAll(() => node.stop())

const id = 'a'.repeat(40)
const peer = { id, url: 'http://127.0.0.1:1' }
const record = {
  key: id,
  index: `v:${id}`,
  value: 'hello',
  contentType: 'text/plain',
  version: { hlc: '0'.repeat(16), origin: id },
}
/** What each field may well be; a hostile request has something else in some of its fields. */
const usual: Record<string, unknown> = {
  ...peer,
  key: id,
  value: 'hello',
  name: 'greeting',
  mode: 'fingers',
  count: 3,
  avoid: [id],
  record,
  records: [record],
  from: id,
  to: id,
  after: `${id}/v:${id}`,
  limit: 10,
  index: `v:${id}`,
  contentType: 'text/plain',
  encoding: 'base64',
  ttlSeconds: 60,
  leaving: id,
}

const junk = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom('../../etc/passwd', '%00', '__proto__', '\u0000', '\ud800', 'zz', -1, 1e300, 2 ** 53, null, [], {}),
  fc.constantFrom(
    { ...record, index: 'v:00' },
    [{ ...record, key: 'b'.repeat(40) }],
    { ...record, version: {} },
    [peer],
    'x'.repeat(5000),
  ),
)

interface Sent {
  readonly path: string
  readonly body: string | undefined
}

/** A request to a row with junk in some fields, others missing, and fields that nobody knows. */
const hostile = (row: Row): fc.Arbitrary<Sent> =>
  fc
    .record({
      fields: fc.record(
        Object.fromEntries(
          Object.keys(row.request.properties).map((name) => [
            name,
            fc.oneof(fc.constant(usual[name]), fc.option(junk, { nil: undefined })),
          ]),
        ),
      ),
      extra: fc.dictionary(fc.constantFrom('__proto__', 'constructor', 'x', 'key', 'toString'), junk, { maxKeys: 1 }),
      whole: fc.option(fc.oneof(fc.json(), fc.string()), { nil: undefined, freq: 6 }),
    })
    .map(({ fields, extra, whole }) => {
      const text = (value: unknown) =>
        encodeURIComponent((typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).toWellFormed())
      const path = row.path.replace(/:(\w+)/, (_all, name: string) => text(fields[name]))
      const query = [
        ...row.query.map((name) => [name, fields[name]] as const),
        ...(row.body.length > 0 ? [] : Object.entries(extra)),
      ]
        .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${text(value)}`]))
        .join('&')
      const inBody = Object.fromEntries(row.body.map((name) => [name, fields[name]]))
      return {
        path: query === '' ? path : `${path}?${query}`,
        body: row.body.length > 0 ? (whole ?? JSON.stringify({ ...inBody, ...extra })) : undefined,
      }
    })

describe.each(Object.entries<Row>(chordNodeApi))('%s', (_name, row) => {
  test('answers hostile input with an error of the catalogue', () =>
    fc.assert(
      fc.asyncProperty(hostile(row), async ({ path, body }) => {
        const reply = await request(node.url + path, {
          method: row.method,
          ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
        })
        const text = await reply.body.text()
        if (reply.statusCode < 300) return
        const answer: unknown = JSON.parse(text)
        expect(answer).toSatisfy(isErrorBody)
        const { error } = answer as { error: keyof typeof errorStatus }
        expect(reply.statusCode).toBe(errorStatus[error])
        expect(reply.statusCode < 500 || reply.statusCode === 503, text).toBe(true)
      }),
      { numRuns: 40 },
    ))
})

test('after all that the node is well, and its log has no defect to tell', async () => {
  const { statusCode } = await request(`${node.url}/readyz`)
  expect(statusCode).toBe(200)
  expect(node.lines.filter(({ level }) => Number(level) >= 50)).toEqual([])
})

/** What a connection says once it has ended. */
const answerTo = (text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(node.url).port), '127.0.0.1', () => socket.write(text))
    let answer = ''
    socket
      .on('data', (data) => (answer += String(data)))
      .on('end', () => resolve(answer))
      .on('error', reject)
  })

test.each([
  ['no HTTP', 'EHLO\r\n\r\n', 400, /no HTTP request/],
  ['a request to a proxy', 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n', 405, /no proxy/],
  ['a request without a host', 'GET /nodeinfo HTTP/1.1\r\nConnection: close\r\n\r\n', 400, /./],
  ['an address with a plain ü', 'GET /lookup?value=grün HTTP/1.1\r\nHost: localhost\r\n\r\n', 400, /--data-urlencode/],
  [
    'a body in a coding that nobody unpacks',
    'POST /store HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
    415,
    /uncompressed/,
  ],
])('%s gets an error of the catalogue', async (_what, text, status, message) => {
  const [head = '', body = ''] = (await answerTo(text)).split('\r\n\r\n')
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  const answer: unknown = JSON.parse(body)
  expect(answer).toSatisfy(isErrorBody)
  expect((answer as { message: string }).message).toMatch(message)
})

test.each([
  ['of an older client that names no host', 'GET /healthz HTTP/1.0\r\n\r\n'],
  ['that expects what nobody knows', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: tea\r\n\r\n'],
  [
    'whose body is as it is',
    'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Encoding: IDENTITY\r\n\r\n',
  ],
])('a request %s is answered', async (_what, text) => {
  expect(await answerTo(text)).toMatch(/^HTTP\/1.1 200 /)
})

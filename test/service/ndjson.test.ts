/** `POST /store` with many values, one JSON object a line: a line of answer for each, whatever the others are. */
import fc from 'fast-check'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ErrorCode, errorStatus, isErrorBody } from '../../src/protocol/errors.ts'
import { answerLines } from '../../src/service/ndjson.ts'
import { eventually, type Live, startNode } from './live.ts'

let nodes: Live[]
beforeAll(async () => {
  const first = await startNode()
  nodes = [first, await startNode({}, [first]), await startNode({}, [first])]
})
afterAll(() => Promise.all(nodes.map((node) => node.stop())))

/** As a client does: what was refused for the moment is sent again. */
const send = (body: string | Buffer, path = '/store', type = 'application/x-ndjson') =>
  eventually(
    async () => {
      const reply = await request((nodes[0] as Live).url + path, { method: 'POST', body, headers: { 'content-type': type } })
      const text = await reply.body.text()
      return { status: reply.statusCode, type: reply.headers['content-type'], text, lines: text.trimEnd().split('\n') }
    },
    ({ lines }) => !parsed(lines).some((line) => isErrorBody(line) && errorStatus[line.error] === 503),
  )
const sendLines = (...lines: unknown[]) => send(lines.map((line) => JSON.stringify(line)).join('\n'))
/** What a node finds, once it can say. */
const lookUp = (at: number, what: string) =>
  eventually(
    async () => (await request(`${nodes[at]?.url}/lookup${what}`)).body.json(),
    (found) => !isErrorBody(found),
  )
const parsed = (lines: readonly string[]): Record<string, unknown>[] => lines.map((line) => JSON.parse(line))

test('each line is stored as if it had come alone, and answered in its order', async () => {
  const alone = await request(`${nodes[1]?.url}/store`, {
    method: 'POST',
    body: '{"value":"first"}',
    headers: { 'content-type': 'application/json' },
  })
  const { index } = (await alone.body.json()) as { index: string }
  const { status, type, text, lines } = await sendLines(
    { value: 'first' },
    { value: 'second', name: 'named', contentType: 'text/markdown', ttlSeconds: 60 },
    { value: '//4=', encoding: 'base64' },
  )
  expect([status, type]).toEqual([200, 'application/x-ndjson'])
  expect(text.endsWith('\n')).toBe(true)
  const replies = parsed(lines)
  expect(replies).toHaveLength(3)
  for (const reply of replies) expect(reply).toMatchObject({ key: expect.anything(), stored: expect.any(Number) })
  expect(replies[0]?.['index']).toBe(index)
  const found = await lookUp(2, '?name=named')
  expect(found).toMatchObject({ values: [{ value: 'second', contentType: 'text/markdown', name: 'named' }] })
})

test('a thousand lines are stored, through nodes that each hold a part', async () => {
  const values = Array.from({ length: 1000 }, (_, number) => `value number ${number}`)
  const { status, lines } = await send(values.map((value) => `${JSON.stringify({ value })}\n`).join(''))
  expect(status).toBe(200)
  const replies = parsed(lines)
  expect(replies.filter(isErrorBody)).toEqual([])
  expect(replies).toHaveLength(1000)
  for (const at of [0, 1, 499, 999]) {
    expect(await lookUp(at % 3, `/${String(replies[at]?.['key'])}`)).toMatchObject({ values: [{ value: values[at] }] })
  }
})

test('a line that is wrong is told so, and the others are stored', async () => {
  const good = '{"value":"good"}'
  const wrong: [string, ErrorCode, RegExp][] = [
    ['{"value":', 'BAD_REQUEST', /the line is not JSON/],
    ['hello', 'BAD_REQUEST', /the line is not JSON/],
    ['{"value":"a"}{"value":"b"}', 'BAD_REQUEST', /the line is not JSON/],
    ['[]', 'BAD_REQUEST', /the line must be an object/],
    ['null', 'BAD_REQUEST', /the line must be an object/],
    ['{}', 'BAD_REQUEST', /the line lacks the field value/],
    ['{"value":""}', 'BAD_REQUEST', /empty/],
    ['{"value":3}', 'BAD_REQUEST', /value must be of type string/],
    ['{"value":"a","x":1}', 'BAD_REQUEST', /the line has no field "x"/],
    ['{"value":"a","__proto__":{}}', 'BAD_REQUEST', /no field "__proto__"/],
    ['{"value":"\\ud800"}', 'BAD_REQUEST', /half a surrogate pair/],
    ['{"value":"a","encoding":"base64"}', 'BAD_REQUEST', /not base64/],
    ['{"value":"a","ttlSeconds":"60"}', 'BAD_REQUEST', /ttlSeconds must be of type integer/],
    [`{"value":"a","name":"${'ü'.repeat(300)}"}`, 'BAD_REQUEST', /512 bytes/],
    [`{"value":"${'a'.repeat(1024 * 1024 + 1)}"}`, 'TOO_LARGE', /1 MiB/],
  ]
  const { status, lines } = await send(wrong.flatMap(([line]) => [line, good]).join('\n'))
  expect(status).toBe(200)
  const replies = parsed(lines)
  expect(replies).toHaveLength(2 * wrong.length)
  for (const [at, [, error, message]] of wrong.entries()) {
    expect(replies[2 * at]).toMatchObject({ error, message: expect.stringMatching(message) })
    expect(replies[2 * at + 1]).toMatchObject({ stored: expect.any(Number) })
  }
})

test('a line that is no UTF-8 is told so', async () => {
  const { lines } = await send(Buffer.from('{"value":"a"}\n{"value":"\xff"}\n{"value":"b"}', 'latin1'))
  expect(parsed(lines).map(isErrorBody)).toEqual([false, true, false])
})

test('blank lines have no answer, and lines may end as on Windows', async () => {
  const { status, lines } = await send('\n \t\r\n{"value":"a"}\r\n\r\n\n  {"value":"b"}  \n\n')
  expect(status).toBe(200)
  expect(parsed(lines).map(isErrorBody)).toEqual([false, false])
})

describe('what is refused whole', () => {
  test.each<[string, string | Buffer, string, ErrorCode, RegExp]>([
    ['nothing', '', '/store', 'BAD_REQUEST', /no line/],
    ['blank lines', '\n \n\r\n', '/store', 'BAD_REQUEST', /no line/],
    ['millions of blank lines', Buffer.alloc(8 * 1024 * 1024, '\n'), '/store', 'BAD_REQUEST', /no line/],
    ['1001 lines', '{"value":"x"}\n'.repeat(1001), '/store', 'TOO_LARGE', /1000 lines at most/],
    ['a line for every second byte', 'x\n'.repeat(4 * 1024 * 1024), '/store', 'TOO_LARGE', /1000 lines at most/],
    [
      'a body that is too large',
      Buffer.alloc(8 * 1024 * 1024 + 1, 'x'),
      '/store',
      'TOO_LARGE',
      /a body may have 8 MiB at most, a value 1 MiB/,
    ],
    ['a field in the query', '{"value":"x"}', '/store?name=a', 'BAD_REQUEST', /name belongs into each line/],
  ])('%s', async (_what, body, path, error, message) => {
    const { status, text } = await send(body, path)
    expect(JSON.parse(text)).toMatchObject({ error, message: expect.stringMatching(message) })
    expect(status).toBe(errorStatus[error])
  })
})

test('a content type may be spelt with parameters and capitals', async () => {
  const { status, type } = await send('{"value":"a"}', '/store', 'Application/X-NDJSON; charset=utf-8')
  expect([status, type]).toEqual([200, 'application/x-ndjson'])
})

test('under a name such a body is stored as it is', async () => {
  const { url } = nodes[0] as Live
  const body = '{"value":"a"}\n{"value":"b"}\n'
  await request(`${url}/store/lines`, { method: 'PUT', body, headers: { 'content-type': 'application/x-ndjson' } })
  const found = await request(`${url}/lookup?name=lines&raw`)
  expect([found.headers['content-type'], await found.body.text()]).toEqual(['application/x-ndjson', body])
})

test('whatever the lines are, there is an answer for each', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          fc.record({ value: fc.string({ unit: 'binary', minLength: 1 }) }).map((line) => JSON.stringify(line)),
          fc.json(),
          fc.string({ unit: 'binary-ascii' }),
        ),
        { minLength: 1, maxLength: 20 },
      ),
      async (lines) => {
        const body = lines.map((line) => line.replaceAll(/[\r\n]/g, '')).join('\n')
        const asked = body.split('\n').filter((line) => /[^ \t]/.test(line))
        const { status, text } = await send(body)
        expect(status).toBe(asked.length === 0 ? 400 : 200)
        if (asked.length === 0) return
        const replies = parsed(text.trimEnd().split('\n'))
        expect(replies).toHaveLength(asked.length)
        for (const reply of replies) if ('error' in reply) expect(reply['error']).toMatch(/^(BAD_REQUEST|TOO_LARGE)$/)
      },
    ),
    { numRuns: 60 },
  ))

test('at most 128 lines are worked on at a time, and all of them in the end', async () => {
  const waiting: (() => void)[] = []
  let most = 0
  const answers = answerLines(Buffer.from('x\n'.repeat(200)), (line) => {
    most = Math.max(most, waiting.length + 1)
    return new Promise((resolve) => waiting.push(() => resolve(String(line))))
  })
  for (let count = 0; count < 200; count++) {
    await expect.poll(() => waiting.length).toBeGreaterThan(0)
    waiting.shift()?.()
  }
  expect((await answers).trimEnd().split('\n')).toHaveLength(200)
  expect(most).toBe(128)
})

test('after all that the nodes are well, and their logs have no defect to tell', () =>
  expect(nodes.flatMap(({ lines }) => lines).filter(({ level }) => Number(level) >= 50)).toEqual([]))

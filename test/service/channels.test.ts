/** `GET /channel`: whatever is said in it, each call is answered as if it had come alone, and the others besides. */
import fc from 'fast-check'
import type { AddressInfo, Socket } from 'node:net'
import { request } from 'undici'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { nodeApi } from '../../src/node/api.ts'
import { parseConfig } from '../../src/node/config.ts'
import { type ErrorCode, errorStatus, isErrorBody, Refusal, Unreachable } from '../../src/protocol/errors.ts'
import type { Row } from '../../src/protocol/rpc.ts'
import { limits } from '../../src/protocol/schemas.ts'
import { HttpNetwork } from '../../src/service/client.ts'
import { Frames } from '../../src/service/frames.ts'
import { Keyring } from '../../src/service/keyring.ts'
import { createLog } from '../../src/service/log.ts'
import { Metrics } from '../../src/service/metrics.ts'
import { createServer, type Served } from '../../src/service/server.ts'
import { Signer, signatureHeader } from '../../src/service/signature.ts'
import { createValidation } from '../../src/service/validation.ts'
import { type Answer, Asker, Connection, httpAnswersIn, openChannel, opening } from './asker.ts'
import { counted } from './asking.ts'
import { eventually, type Live, network, startNode, startNodeHere } from './live.ts'

const chordNodeApi = nodeApi('chord')

const id = 'a'.repeat(40)
const routing = { key: id, count: 1, avoid: [], mode: 'fingers' }
const names = Object.keys(chordNodeApi) as (keyof typeof chordNodeApi)[]
const isChannelled = (name: string) => (chordNodeApi as Record<string, Row>)[name]?.channelled === true

const portOf = ({ url }: { readonly url: string }) => Number(new URL(url).port)

let node: Live
beforeAll(async () => {
  node = await startNode()
})
afterAll(() => node.stop())
// It is in this process, and sheds load for a second when that had too much to do.
beforeEach(async () => {
  await eventually(
    async () => (await request(`${node.url}/readyz`)).statusCode,
    (status) => status === 200,
  )
})

const open = () => openChannel(portOf(node))
const defectsIn = ({ lines }: Pick<Live, 'lines'>) => lines.filter(({ level }) => Number(level) >= 50)
const isServing = async ({ url }: { readonly url: string }) => {
  expect((await request(`${url}/readyz`)).statusCode).toBe(200)
}
const refused = (number: unknown, error: ErrorCode, message: RegExp = /./) => [
  number,
  errorStatus[error],
  { error, message: expect.stringMatching(message) },
]

const byNumber = ([one]: Answer, [other]: Answer) => Number(one) - Number(other)

type Handle = (request: never) => unknown

/** A server whose handlers the test gives, and what it has logged. */
const serve = async (handlers: Record<string, Handle>) => {
  const lines: string[] = []
  const config = parseConfig({ name: 'own', url: 'http://127.0.0.1:1', network, incarnation: 0 })
  const info = () => ({ version: '0', content: {} })
  const served = { me: { id, url: config.url }, config, handlers, info } as unknown as Served
  const log = createLog('own', 'info', { write: (line) => void lines.push(line) })
  const app = createServer(served, { log, metrics: new Metrics(), validation: createValidation(160) })
  const sockets: Socket[] = []
  app.server.on('connection', (socket: Socket) => void sockets.push(socket))
  await app.listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await app.close()
  })
  return { app, lines, sockets, port: (app.server.address() as AddressInfo).port }
}

/** What comes later, and when the test says so. */
const later = <T>() => {
  let give: (value: T) => void = () => {}
  const promise = new Promise<T>((resolve) => (give = resolve))
  return { promise, give }
}

describe('what is answered', () => {
  test('each call gets its own answer, in the turn in which it is there', async () => {
    const asker = await open()
    asker.ask([7, 'route', routing], [-1, 'neighborhood', {}], [7, 'route', { ...routing, key: 'b'.repeat(40) }])
    expect(await asker.answered(3)).toEqual([
      [7, 200, { peers: [node.me], final: true }],
      [-1, 200, expect.objectContaining({ successors: expect.any(Array) })],
      [7, 200, { peers: [node.me], final: true }],
    ])
    expect(asker.sizes).toEqual([3])
    asker.ask()
    asker.ask([2 ** 53 - 1, 'route', routing])
    expect(await asker.answered(4)).toHaveLength(4)
  })

  test('an error in the middle is of its own call', async () => {
    const asker = await open()
    const asked = [routing, { ...routing, key: 'zz' }, { ...routing, x: 1 }, null, [routing], 'route', undefined, routing]
    asker.ask(...asked.map((each, number) => [number, 'route', each]), [8, 'route'], [9, 'route', routing, 'more'])
    const answers = await asker.answered(10)
    expect(answers.slice(0, 9)).toMatchObject([
      [0, 200, { final: true }],
      refused(1, 'BAD_ID', /key must be an id/),
      refused(2, 'BAD_REQUEST', /the call has no field "x"/),
      ...[3, 4, 5, 6].map((number) => refused(number, 'BAD_REQUEST', /the call must be of type object/)),
      [7, 200, { final: true }],
      refused(8, 'BAD_REQUEST', /the call/),
    ])
    expect(answers).toHaveLength(10)
  })

  const strange = ['', 'batch', 'channel', 'nothing', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'get ', 'GET']
  test.each([...strange, ...names.filter((name) => !isChannelled(name))])('%j is no call in a channel', async (name) => {
    const asker = await open()
    asker.ask([1, name, {}], [2, 'route', routing])
    expect(await asker.answered(2)).toMatchObject([refused(1, 'NO_SUCH_ENDPOINT', /no call of that name/), [2, 200, {}]])
  })

  test.each([[null], [3], [['route']], [{}], [undefined]])('nor is %j', async (name) => {
    const asker = await open()
    asker.ask([1, name, routing], [2, 'route', routing])
    expect(await asker.answered(2)).toMatchObject([refused(1, 'NO_SUCH_ENDPOINT'), [2, 200, {}]])
  })

  test('calls are counted in /metrics, by their row', async () => {
    const series = (status: number) =>
      `polychord_request_duration_seconds_count{route="/cell/:key",method="CHANNEL",status="${status}"}`
    const before = await Promise.all([200, 400].map((status) => counted(node, series(status))))
    const asker = await open()
    asker.ask([1, 'cell', { key: id }], [2, 'cell', {}], [3, 'cell', { key: id }])
    await asker.answered(3)
    const after = await Promise.all([200, 400].map((status) => counted(node, series(status))))
    expect(after.map((count, at) => count - (before[at] ?? 0))).toEqual([2, 1])
  })
})

describe.each(names.filter(isChannelled))('calls of %s', (name) => {
  const row: Row = chordNodeApi[name]
  const junk = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(id, 'fingers', 3, [], [id], { key: id }, -1, 2 ** 53, '__proto__', 'x'.repeat(3000)),
  )
  const fields = fc.record(Object.fromEntries(Object.keys(row.request.properties).map((field) => [field, junk])), {
    requiredKeys: [],
  })
  const call = fc.oneof(fields, fc.jsonValue(), fc.dictionary(fc.constantFrom('__proto__', 'constructor', 'key'), junk))

  test('may have anything in them', async () => {
    const asker = await open()
    let known = 0
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 20 }), async (calls) => {
        const first = known
        known += calls.length
        asker.ask(...calls.map((each, at) => [first + at, name, each]))
        const answers = (await asker.answered(known)).slice(first)
        expect(answers.map(([number]) => Number(number)).toSorted((a, b) => a - b)).toEqual(
          calls.map((_call, at) => first + at),
        )
        for (const [, status, body] of answers) {
          if (status === row.status) continue
          expect(body).toSatisfy(isErrorBody)
          expect(status).toBe(errorStatus[(body as { error: ErrorCode }).error])
          expect(Number(status) < 500 || status === 503, JSON.stringify(body)).toBe(true)
        }
      }),
      { numRuns: 40 },
    )
  })
})

describe('what is no frame is told so, and nothing is heard after it', () => {
  const lone = '"\\ud800"'
  test.each<[what: string, said: Buffer | string, message: RegExp]>([
    ['no JSON', 'not json', /the frame is not JSON/],
    ['a length of 0', '', /the frame is not JSON/],
    ['half of a JSON', '[[1,"route",', /the frame is not JSON/],
    ['no UTF-8', Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]), /the frame is not UTF-8/],
    ['half a surrogate pair', `[[1,"route",{"key":${lone}}]]`, /half a surrogate/],
    ['half a surrogate pair as a name', `[[1,${lone},{}]]`, /half a surrogate/],
    ['an object', '{"0":[1,"route",{}],"length":1}', /a frame is \[\[number, name, request\], …\]/],
    ['a text', '"[]"', /a frame is/],
    ['null', 'null', /a frame is/],
    ['a call of nothing', '[[]]', /a call is \[number, name, request\]/],
    ['null as a call', '[null]', /a call is/],
    ['an object as a call', '[{"0":1,"1":"route","2":{},"length":3}]', /a call is/],
    ['a text as a call', '["1"]', /a call is/],
    ['a call that is not in a list', '[1,"route",{}]', /a call is/],
    ['a text as a number', '[["1","route",{}]]', /a call is/],
    ['null as a number', '[[null,"route",{}]]', /a call is/],
    ['a list as a number', '[[[1],"route",{}]]', /a call is/],
    ['half a number', '[[0.5,"route",{}]]', /a call is/],
    ['a number too large to be one', '[[1e400,"route",{}]]', /a call is/],
    ['a number too large to be told from the next one', '[[9007199254740992,"route",{}]]', /a call is/],
  ])('%s', async (_what, said, message) => {
    const asker = await open()
    const body = Buffer.from(said)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(body.length)
    asker.ask([1, 'route', routing])
    expect(await asker.answered(1)).toHaveLength(1)
    asker.connection.say(Buffer.concat([length, body]))
    const answers = await asker.untilClosed()
    expect(answers.slice(1)).toMatchObject([refused(null, 'BAD_REQUEST', message)])
    await isServing(node)
  })

  test.each([limits.bodyBytes + 1, 0x47455420, 2 ** 32 - 1])('%i bytes', async (bytes) => {
    const asker = await open()
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes)
    asker.connection.say(length)
    expect(await asker.untilClosed()).toMatchObject([refused(null, 'BAD_REQUEST', /a frame of \d+ bytes/)])
  })

  test('what was asked before is answered all the same, and what comes after is not', async () => {
    const { promise, give } = later<object>()
    const asked: number[] = []
    const { port, lines } = await serve({
      route: ({ count }: { count: number }) => {
        asked.push(count)
        return count === 1 ? promise : {}
      },
    })
    const asker = await openChannel(port)
    asker.ask([1, 'route', routing])
    await eventually(
      () => asked.length,
      (count) => count === 1,
    )
    const late = asker.pack([[3, 'route', { ...routing, count: 3 }]])
    asker.connection.say(Buffer.concat([asker.pack('no JSON'), late]))
    expect(await asker.answered(1)).toMatchObject([refused(null, 'BAD_REQUEST')])
    expect(asker.connection.isClosed).toBe(false)
    asker.connection.say(late)
    give({ late: true })
    expect((await asker.untilClosed()).slice(1)).toEqual([[1, 200, { late: true }]])
    expect(asked).toEqual([1])
    expect(lines.filter((line) => line.includes('channel closed'))).toHaveLength(1)
  })

  test('nor is what came before it in one piece', async () => {
    const { port } = await serve({ route: ({ count }: { count: number }) => ({ count }) })
    const asker = await openChannel(port)
    const frames = [1, 2].map((count) => asker.pack([[count, 'route', { ...routing, count }]]))
    asker.connection.say(Buffer.concat([...frames, asker.pack('no JSON')]))
    expect(await asker.untilClosed()).toEqual([[1, 200, { count: 1 }], [2, 200, { count: 2 }], refused(null, 'BAD_REQUEST')])
  })

  test.each([100, 300, 1000])('nor are %i calls in one frame before it', async (count) => {
    const { port } = await serve({ neighborhood: () => ({}) })
    const asker = await openChannel(port)
    const calls = Array.from({ length: count }, (_, number) => [number, 'neighborhood', {}])
    asker.connection.say(Buffer.concat([asker.pack(calls), asker.pack('{}')]))
    expect(await asker.untilClosed()).toEqual([...calls.map(([number]) => [number, 200, {}]), refused(null, 'BAD_REQUEST')])
  })

  test('a defect of ours it is not', async () => {
    expect(defectsIn(node)).toEqual([])
    await isServing(node)
  })
})

describe('how frames come', () => {
  const calls = Array.from({ length: 10 }, (_, number) => [number, 'route', routing])
  const numbers = (answers: readonly unknown[][]) => answers.map(([number]) => number)

  test('many in one chunk', async () => {
    const asker = await open()
    asker.connection.say(Buffer.concat(calls.map((call) => asker.pack([call]))))
    expect(numbers(await asker.answered(10))).toEqual(calls.map(([number]) => number))
  })

  test('one in many chunks', async () => {
    const asker = await open()
    asker.connection.socket.setNoDelay(true)
    for (const byte of asker.pack(calls)) {
      asker.connection.say(Buffer.of(byte))
      await new Promise((resume) => setImmediate(resume))
    }
    expect(numbers(await asker.answered(10))).toEqual(calls.map(([number]) => number))
  })

  test('with the request that opens the channel, by who does not wait for the answer', async () => {
    const connection = new Connection(portOf(node))
    const asker = new Asker(connection)
    const [first, ...others] = calls.map((call) => asker.pack([call]))
    connection.say(Buffer.concat([Buffer.from(opening()), first ?? Buffer.alloc(0), ...others.slice(0, 4)]))
    for (const frame of others.slice(4)) connection.say(frame)
    await connection.until(
      () => connection.heard,
      (heard) => heard.includes('\r\n\r\n') && heard.includes('[9,200'),
    )
    const heard = connection.take()
    expect(String(heard)).toMatch(/^HTTP\/1\.1 101 /)
    const texts = [...new Frames(2 ** 31, 'asks', undefined).unpack(heard.subarray(heard.indexOf('\r\n\r\n') + 4))]
    expect(numbers(texts.flatMap((text) => JSON.parse(String(text)) as unknown[][]))).toEqual(numbers(calls))
  })
})

describe('who is slow', () => {
  test('to be answered keeps nobody waiting', async () => {
    const { promise, give } = later<object>()
    const { port } = await serve({
      route: ({ count }: { count: number }) => (count === 1 ? promise : Promise.resolve({ count })),
      neighborhood: () => ({}),
    })
    const asker = await openChannel(port)
    asker.ask([1, 'route', routing], [2, 'route', { ...routing, count: 2 }], [3, 'neighborhood', {}])
    asker.ask([4, 'neighborhood', {}])
    expect((await asker.answered(3)).map(([number]) => number)).toEqual(expect.arrayContaining([2, 3, 4]))
    give({ count: 1 })
    expect((await asker.answered(4)).slice(3)).toEqual([[1, 200, { count: 1 }]])
  })

  test('much at once keeps no other waiting until all of it was looked at', async () => {
    let looked = 0
    const { port } = await serve({
      neighborhood: () => {
        if (looked++ === 0) setImmediate(() => (inOneTurn = looked))
        return {}
      },
    })
    let inOneTurn = 0
    const asker = await openChannel(port)
    asker.ask(...Array.from({ length: 2000 }, (_, number) => [number, 'neighborhood', {}]))
    expect((await asker.answered(2000)).map(([number]) => number)).toEqual(Array.from({ length: 2000 }, (_, number) => number))
    expect([looked, inOneTurn]).toEqual([2000, 256])
  })

  test('to be answered has 4096 calls under way, and is not heard beyond', async () => {
    const { promise, give } = later<object>()
    let looked = 0
    const { port, sockets } = await serve({
      neighborhood: () => {
        looked++
        return promise
      },
    })
    const asker = await openChannel(port)
    const other = await openChannel(port)
    asker.ask(...Array.from({ length: 5000 }, (_, number) => [number, 'neighborhood', {}]))
    const text = 'x'.repeat(1_000_000)
    for (let number = 5000; number < 5050; number++) asker.ask([number, 'nothing', text])
    await eventually(
      () => looked,
      (calls) => calls >= 4096,
    )
    // By the time that these are refused others would have been looked at, and heard.
    for (let time = 1; time <= 200; time++) {
      other.ask([time, 'nothing', {}])
      await other.answered(time)
    }
    expect(looked).toBe(4096)
    expect(sockets[0]?.bytesRead).toBeLessThan(10_000_000)
    give({})
    expect(await asker.answered(5050)).toHaveLength(5050)
  })

  test('to read is answered as much as it reads, and keeps no other waiting', async () => {
    const value = 'x'.repeat(700_000)
    const headers = { 'content-type': 'text/plain' }
    const stored = await request(`${node.url}/store`, { method: 'POST', body: value, headers })
    const { key } = (await stored.body.json()) as { key: string }
    const count = 400
    const asker = await open()
    const { socket } = asker.connection
    socket.pause()
    const before = process.memoryUsage().rss
    asker.ask(...Array.from({ length: count }, (_, number) => [number, 'get', { key }]))
    const other = await open()
    for (let time = 0; time < 50; time++) {
      other.ask([time, 'route', routing])
      expect(await other.answered(time + 1)).toHaveLength(time + 1)
      await isServing(node)
    }
    // All of it would be 280 MB.
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024)
    socket.resume()
    let answered = 0
    const look = () => {
      for (const [number, status, body] of asker.takeAnswers()) {
        expect([number, status]).toEqual([answered++, 200])
        expect((body as { records: { value: string }[] }).records[0]?.value).toHaveLength(value.length)
      }
      return answered
    }
    while (answered < count) {
      const seen = answered
      await asker.connection.until(look, (now) => now > seen)
    }
  })

  test('to read for long is given up', async () => {
    const { port, sockets } = await serve({ neighborhood: () => ({ text: 'x'.repeat(1_000_000) }) })
    const asker = await openChannel(port)
    asker.connection.socket.pause()
    asker.ask(...Array.from({ length: 100 }, (_, number) => [number, 'neighborhood', {}]))
    const [socket] = sockets
    await eventually(
      () => socket?.writableLength ?? 0,
      (bytes) => bytes > 0,
    )
    // The same, sooner.
    socket?.setTimeout(50)
    await eventually(
      () => socket?.destroyed,
      (destroyed) => destroyed === true,
    )
  })

  test('to be answered is not given up', async () => {
    const { promise, give } = later<object>()
    const { port, sockets } = await serve({ neighborhood: () => promise })
    const asker = await openChannel(port)
    asker.ask([1, 'neighborhood', {}])
    const [socket] = sockets
    await eventually(
      () => socket?.bytesRead ?? 0,
      (bytes) => bytes > opening().length,
    )
    let timeouts = 0
    socket?.on('timeout', () => timeouts++).setTimeout(20)
    await eventually(
      () => timeouts,
      (count) => count > 0,
    )
    give({})
    expect(await asker.answered(1)).toEqual([[1, 200, {}]])
    // From then on it has nothing to wait for.
    await eventually(
      () => socket?.destroyed,
      (destroyed) => destroyed === true,
    )
  })

  test('to end a frame is given up', async () => {
    const { port, sockets } = await serve({})
    const asker = await openChannel(port)
    const frame = asker.pack([[1, 'route', routing]])
    asker.connection.say(frame.subarray(0, 10))
    await eventually(
      () => sockets[0]?.bytesRead,
      (read) => read === opening().length + 10,
    )
    // Nothing but that chunk is heard at that time: whatever else in this process saw it would wait for it to come again.
    const hear = (afterMs: number) => {
      const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + afterMs)
      sockets[0]?.emit('data', Buffer.from('x'))
      clock.mockRestore()
    }
    hear(29_000)
    expect(sockets[0]?.destroyed || sockets[0]?.writableEnded).toBe(false)
    hear(31_000)
    expect(await asker.untilClosed()).toEqual([refused(null, 'BAD_REQUEST', /in time/)])
  })

  test('has gone, and is forgotten', async () => {
    const { app, port } = await serve({ neighborhood: () => ({}) })
    const connections = () => new Promise<number>((resolve) => app.server.getConnections((_error, count) => resolve(count)))
    for (const goes of ['end', 'destroy', 'resetAndDestroy'] as const) {
      const asker = await openChannel(port)
      asker.ask([1, 'neighborhood', {}])
      expect(await asker.answered(1)).toHaveLength(1)
      asker.connection.socket[goes]()
      await eventually(connections, (count) => count === 0)
    }
  })

  test('has said all, and is answered before the connection ends', async () => {
    const { promise, give } = later<object>()
    const { port } = await serve({ neighborhood: () => promise })
    const asker = await openChannel(port)
    asker.connection.socket.end(asker.pack([[1, 'neighborhood', {}]]))
    setImmediate(() => give({ late: true }))
    expect(await asker.untilClosed()).toEqual([[1, 200, { late: true }]])
  })
})

describe('a defect in one handler', () => {
  test('is one answer, and a line in the log', async () => {
    const { port, lines } = await serve({
      route: ({ count }: { count: number }) => {
        if (count === 1) throw new Error('a secret')
        if (count === 2) throw new Refusal('STORE_FULL', 'no room')
        if (count === 3) return Promise.reject(new Unreachable('http://127.0.0.1:2', 'nothing'))
        if (count === 4) return Promise.reject(new TypeError('a secret'))
        return Promise.resolve({ peers: [], final: true })
      },
    })
    const asker = await openChannel(port)
    asker.ask(...[1, 2, 3, 4, 5].map((count) => [count, 'route', { ...routing, count }]))
    const defect = { error: 'INTERNAL', message: 'this node has a defect; its log says more' }
    const answers = await asker.answered(5)
    expect(answers.toSorted(byNumber)).toEqual([
      [1, 500, defect],
      [2, 507, { error: 'STORE_FULL', message: 'no room' }],
      [3, 503, { error: 'NO_ROUTE', message: expect.stringContaining('try again') }],
      [4, 500, defect],
      [5, 200, { peers: [], final: true }],
    ])
    expect(lines.filter((line) => line.includes('request failed') && line.includes('a secret'))).toHaveLength(2)
  })

  test.each<[string, (reply: object) => unknown]>([
    ['at once', (reply) => reply],
    ['later', (reply) => Promise.resolve(reply)],
  ])('whose reply cannot be written, given %s, too', async (_when, given) => {
    const { port, lines } = await serve({ neighborhood: () => given({ count: 1n }), predecessors: () => ({}) })
    const asker = await openChannel(port)
    asker.ask([1, 'neighborhood', {}], [2, 'predecessors', {}])
    const answers = (await asker.answered(2)).toSorted(byNumber)
    expect(answers).toMatchObject([refused(1, 'INTERNAL'), [2, 200, {}]])
    expect(lines.filter((line) => line.includes('request failed'))).toHaveLength(1)
  })
})

test('what many are answered at once travels in frames that whoever asks takes', async () => {
  const { promise, give } = later<object>()
  const { port } = await serve({ neighborhood: () => promise })
  const asker = await openChannel(port)
  const count = 4000
  asker.ask(...Array.from({ length: count }, (_, number) => [number, 'neighborhood', {}]))
  const other = await openChannel(port)
  other.ask([1, 'nothing', {}])
  await other.answered(1)
  give({ text: 'x'.repeat(20_000) })
  expect(await asker.answered(count)).toHaveLength(count)
  // 64 MiB is what one has at most for the asking end.
  expect(Math.max(...asker.sizes) * 20_000).toBeLessThan(64 * 1024 * 1024)
})

describe('who opens no channel', () => {
  const answersTo = async (said: string, port = portOf(node)) => {
    const connection = new Connection(port)
    connection.say(said)
    const heard = await connection.untilClosed()
    const [answer, ...others] = httpAnswersIn(heard)
    expect(others).toEqual([])
    return { status: answer?.status, body: JSON.parse(answer?.body ?? 'null') as unknown, headers: answer?.headers }
  }

  test.each<[string, Record<string, string>, ErrorCode]>([
    ['a page of elsewhere', { Origin: 'http://evil.example' }, 'FOREIGN_ORIGIN'],
    ['a page that tells not whose it is', { Origin: 'null' }, 'FOREIGN_ORIGIN'],
    ['who means another host', { Host: 'evil.example' }, 'FOREIGN_HOST'],
    ['one of another network', { 'polychord-network': 'b'.repeat(16) }, 'OTHER_NETWORK'],
    ['who means another node', { 'polychord-to': id }, 'WRONG_NODE'],
    ['one with a body in another coding', { 'Content-Encoding': 'gzip' }, 'UNSUPPORTED_MEDIA'],
  ])('%s is told so, and the connection is closed', async (_who, headers, error) => {
    const { status, body, headers: answered } = await answersTo(opening(headers))
    expect(body).toMatchObject({ error })
    expect(status).toBe(errorStatus[error])
    expect(answered).toMatchObject({ 'content-type': 'application/json; charset=utf-8', connection: 'close' })
    await isServing(node)
  })

  test('one without a host is told so', async () => {
    expect(await answersTo(opening({ Host: undefined }))).toMatchObject({ status: 400, body: { error: 'BAD_REQUEST' } })
  })

  test.each([
    ['without Upgrade', { Upgrade: undefined, Connection: 'close' }],
    ['with another protocol', { Upgrade: 'websocket', Connection: 'Upgrade, close' }],
    ['with another version', { Upgrade: 'polychord/2', Connection: 'Upgrade, close' }],
    ['with Upgrade that is not for this connection', { Connection: 'close' }],
  ])('GET /channel %s is told which header opens one', async (_how, headers) => {
    const { status, body } = await answersTo(opening(headers))
    expect([status, body]).toEqual([
      400,
      { error: 'BAD_REQUEST', message: expect.stringContaining('Connection: Upgrade and Upgrade: polychord/1') },
    ])
  })

  test.each(['POST', 'PUT', 'DELETE', 'HEAD'])('%s /channel is no such call', async (method) => {
    const connection = new Connection(portOf(node))
    connection.say(opening({ 'Content-Length': '0', Connection: 'Upgrade, close' }, `${method} /channel HTTP/1.1`))
    expect(await connection.untilClosed()).toMatch(/^HTTP\/1\.1 405 [^]*allow: GET\r\n/)
  })

  test.each([
    ['GET /healthz', 200],
    ['GET /lookup?value=nothing-of-that', 404],
    ['GET /no/such/path', 404],
    ['GET /%ff', 400],
  ])('%s with the header is answered as without', async (line, status) => {
    expect((await answersTo(opening({ Connection: 'Upgrade, close' }, `${line} HTTP/1.1`))).status).toBe(status)
  })

  test('a body that comes with the header is taken like any other', async () => {
    const value = 'a value that came with an upgrade'
    const headers = { Connection: 'Upgrade, close', 'Content-Type': 'text/plain', 'Content-Length': `${value.length}` }
    const { status, body } = await answersTo(`${opening(headers, 'POST /store HTTP/1.1')}${value}`)
    expect([status, body]).toEqual([201, expect.objectContaining({ stored: 1 })])
  })

  test('in any letters it is the protocol', async () => {
    const connection = new Connection(portOf(node))
    connection.say(opening({ Upgrade: 'Polychord/1' }))
    await eventually(
      () => connection.heard,
      (heard) => heard.startsWith('HTTP/1.1 101 '),
    )
  })
})

describe('who would rather speak another protocol', () => {
  const h2c = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n'
  const websocket = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
  const head = (line: string, more: string) => `${line} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n${more}\r\n`
  const posting = (value: string, more: string) =>
    `${head('POST /store', `Content-Type: text/plain\r\nContent-Length: ${value.length}\r\n${more}`)}${value}`
  const answered = async (connection: Connection, count: number) => {
    const answers = await connection.until(
      () => (connection.isClosed ? 'closed' : httpAnswersIn(connection.heard)),
      (seen) => typeof seen === 'string' || seen.length >= count,
    )
    return typeof answers === 'string' ? httpAnswersIn(connection.heard) : answers
  }

  describe.each([
    ['h2c', h2c],
    ['websocket', websocket],
  ])('%s', (_protocol, more) => {
    test('is answered what it asks for, on the connection that it has', async () => {
      const connection = new Connection(portOf(node))
      connection.say(head('GET /healthz', more))
      expect(await answered(connection, 1)).toMatchObject([{ status: 200, body: '{"state":"ready"}' }])
      connection.say(head('GET /healthz', more))
      connection.say(head('GET /nodeinfo', ''))
      expect((await answered(connection, 3)).map(({ status }) => status)).toEqual([200, 200, 200])
    })

    test('with a body, in one piece or many', async () => {
      const connection = new Connection(portOf(node))
      connection.socket.setNoDelay(true)
      connection.say(posting('hello', more))
      expect(await answered(connection, 1)).toMatchObject([{ status: 201 }])
      for (const letter of posting('hello', more)) {
        connection.say(letter)
        await new Promise((resume) => setImmediate(resume))
      }
      const [first, second] = await answered(connection, 2)
      const keyOf = (answer = first) => (JSON.parse(answer?.body ?? '{}') as { key?: string }).key
      expect([second?.status, keyOf(second)]).toEqual([201, keyOf(first)])
    })

    test('with a large body, and one whose length is not said', async () => {
      const connection = new Connection(portOf(node))
      connection.say(posting('x'.repeat(1024 * 1024), `Expect: 100-continue\r\n${more}`))
      const isLast = ({ status }: { status: number }) => status !== 100
      const answers = await eventually(
        () => httpAnswersIn(connection.heard).filter(isLast),
        ({ length }) => length === 1,
      )
      expect(answers).toMatchObject([{ status: 201 }])
      connection.take()
      connection.say(
        `${head('POST /store', `Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n${more}`)}5\r\nhello\r\n0\r\n\r\n`,
      )
      expect(await answered(connection, 1)).toMatchObject([{ status: 201 }])
    })

    test('several in one go, in their order', async () => {
      const connection = new Connection(portOf(node))
      connection.say(
        [
          posting('first', more),
          head('GET /healthz', more),
          head('GET /lookup?value=nothing-of-that', ''),
          head('GET /healthz', more),
          head('GET /no/such/path', more),
        ].join(''),
      )
      expect((await answered(connection, 5)).map(({ status }) => status)).toEqual([201, 200, 404, 200, 404])
    })

    test('behind one that takes its time, in their order', async () => {
      const { promise, give } = later<object>()
      const { port } = await serve({ neighborhood: () => promise, predecessors: () => ({ predecessors: [] }) })
      const connection = new Connection(port)
      connection.say(head('GET /neighborhood', '') + head('GET /predecessors', more))
      const other = new Connection(port)
      other.say(head('GET /predecessors', more))
      await answered(other, 1)
      expect(connection.heard).toBe('')
      give({ late: true })
      expect((await answered(connection, 2)).map(({ body }) => body)).toEqual(['{"late":true}', '{"predecessors":[]}'])
    })

    test('as often as it likes', async () => {
      const warnings: Error[] = []
      const note = (warning: Error) => void warnings.push(warning)
      process.on('warning', note)
      onTestFinished(() => void process.off('warning', note))
      const connection = new Connection(portOf(node))
      for (let time = 1; time <= 30; time++) {
        connection.say(head('GET /healthz', more))
        expect(await answered(connection, time)).toHaveLength(time)
      }
      await new Promise((resume) => setImmediate(resume))
      expect(warnings).toEqual([])
    })
  })

  test('who opens a channel behind a request that is not answered yet does no harm', async () => {
    const { promise, give } = later<object>()
    const { port } = await serve({ neighborhood: () => promise, predecessors: () => ({ predecessors: [] }) })
    const connection = new Connection(port)
    connection.say(head('GET /neighborhood', '') + opening())
    const other = new Connection(port)
    other.say(head('GET /predecessors', ''))
    expect(await answered(other, 1)).toMatchObject([{ status: 200 }])
    give({ late: true })
    const heard = await connection.until(
      () => (connection.isClosed ? 'closed' : connection.heard),
      (seen) => seen === 'closed' || seen.includes('101'),
    )
    // Answered in their order, or not at all.
    if (heard !== 'closed') expect(heard).toMatch(/^HTTP\/1\.1 200 [^]*\{"late":true\}HTTP\/1\.1 101 /)
    other.say(head('GET /predecessors', ''))
    expect(await answered(other, 2)).toHaveLength(2)
  })
})

describe('a server that closes', () => {
  const hasClosed = (closing: Promise<unknown>) => {
    let closed = false
    void closing.then(() => (closed = true))
    return () =>
      eventually(
        () => closed,
        (seen) => seen,
      )
  }

  test('answers what is under way first', async () => {
    const { promise, give } = later<object>()
    let asked = 0
    const { app, port } = await serve({ neighborhood: () => (asked++, promise) })
    const asker = await openChannel(port)
    asker.ask([1, 'neighborhood', {}], [2, 'neighborhood', {}])
    await eventually(
      () => asked,
      (count) => count === 2,
    )
    const closed = hasClosed(app.close())
    give({ late: true })
    expect(await asker.untilClosed()).toEqual([
      [1, 200, { late: true }],
      [2, 200, { late: true }],
    ])
    await closed()
  })

  test('answers first what waits for its reader', async () => {
    const text = 'x'.repeat(1_000_000)
    const { app, port, sockets } = await serve({ neighborhood: () => ({ text }) })
    const asker = await openChannel(port)
    asker.connection.socket.pause()
    asker.ask(...Array.from({ length: 50 }, (_, number) => [number, 'neighborhood', {}]))
    await eventually(
      () => sockets[0]?.writableLength ?? 0,
      (bytes) => bytes > 0,
    )
    const closed = hasClosed(app.close())
    asker.connection.socket.resume()
    expect((await asker.untilClosed()).map(([number]) => number)).toEqual(Array.from({ length: 50 }, (_, at) => at))
    await closed()
  })

  test('is not held up by channels in which nothing happens, though the other ends keep them open', async () => {
    const { app, port } = await serve({ neighborhood: () => ({}) })
    const askers = await Promise.all(Array.from({ length: 5 }, () => openChannel(port)))
    askers[0]?.ask([1, 'neighborhood', {}])
    await askers[0]?.answered(1)
    await hasClosed(app.close())()
    for (const { connection } of askers) await connection.untilClosed()
  })

  test('nor by half a frame', async () => {
    const { app, port, sockets } = await serve({ neighborhood: () => ({}) })
    const asker = await openChannel(port)
    const before = sockets[0]?.bytesRead ?? 0
    asker.connection.say(asker.pack([[1, 'neighborhood', {}]]).subarray(0, 10))
    await eventually(
      () => sockets[0]?.bytesRead,
      (bytes) => bytes === before + 10,
    )
    await hasClosed(app.close())()
  })

  test('nor by a channel that is opened meanwhile', async () => {
    const { app, port, sockets } = await serve({ neighborhood: () => ({}) })
    const connection = new Connection(port)
    connection.say(opening().slice(0, 40))
    await eventually(
      () => sockets[0]?.bytesRead,
      (bytes) => bytes === 40,
    )
    const closed = hasClosed(app.close())
    await new Promise((resume) => setImmediate(resume))
    connection.say(opening().slice(40))
    await closed()
  })

  test('nor by a client of ours', async () => {
    const live = await startNode()
    const http = new HttpNetwork(chordNodeApi, {
      network,
      callTimeoutMs: 5000,
      validation: createValidation(160),
      observe: () => {},
    })
    onTestFinished(() => http.close())
    expect(await http.call(live.me, 'route', routing as never)).toMatchObject({ final: true })
    await hasClosed(live.stop())()
    await expect(http.call(live.me, 'route', routing as never)).rejects.toBeInstanceOf(Unreachable)
  })
})

describe('where the network has a secret', () => {
  const [old, young] = ['an-old-secret-of-24-chars', 'a-new-secret-of-24-chars!']
  const ringOf = (...known: string[]) => {
    let secrets = known
    const keyring = new Keyring(() => secrets.join(','))
    const renew = (...next: string[]) => {
      secrets = next
      keyring.renew()
    }
    return { keyring, renew }
  }
  const start = async () => {
    const { keyring, renew } = ringOf(old)
    const secured = await startNodeHere({ membership: 'off' }, [], keyring)
    return { secured, keyring, renew }
  }
  const keeping = { records: [], with: [id] }
  const openSigned = async ({ me, url }: Live, keyring: Keyring) => {
    const signer = new Signer(keyring, network, 'test')
    const call = signer.sign({ to: me.id, method: 'GET', path: '/channel' }, undefined, Date.now())
    const connection = new Connection(portOf({ url }))
    connection.say(opening({ [signatureHeader]: call.header }))
    const head = await connection.until(
      () => connection.heard,
      (said) => said.includes('\r\n\r\n'),
    )
    connection.take()
    const signature = /^polychord-signature: (.*)\r$/im.exec(head)?.[1]
    expect(signer.faultOf(call, { signature, status: 101, text: '' })).toBeUndefined()
    return { asker: new Asker(connection, signer.seal(call)), header: call.header }
  }

  test('a channel that is opened without it is none', async () => {
    const { secured } = await start()
    const connection = new Connection(portOf(secured))
    connection.say(opening())
    const [answer] = httpAnswersIn(await connection.untilClosed())
    expect([answer?.status, JSON.parse(answer?.body ?? '')]).toEqual([
      401,
      expect.objectContaining({ error: 'UNAUTHORIZED', reason: 'not signed' }),
    ])
  })

  test.each<[string, (header: string) => string, string]>([
    ['by what was said before', (header) => header, 'replayed'],
    ['with another tag', (header) => header.replace(/.{22}$/, 'a'.repeat(22)), 'bad tag'],
    ['with what is no signature', () => 'x', 'no signature'],
  ])('nor one that is opened %s', async (_how, said, reason) => {
    const { secured, keyring } = await start()
    const { header } = await openSigned(secured, keyring)
    const connection = new Connection(portOf(secured))
    connection.say(opening({ [signatureHeader]: said(header) }))
    const [answer] = httpAnswersIn(await connection.untilClosed())
    expect([answer?.status, JSON.parse(answer?.body ?? '')]).toEqual([401, expect.objectContaining({ reason })])
  })

  test('frames are answered whose tags are good, and one whose tag is not ends the channel', async () => {
    const { secured, keyring } = await start()
    const { asker } = await openSigned(secured, keyring)
    asker.ask([1, 'keep', keeping])
    asker.ask([2, 'keep', keeping], [3, 'route', routing])
    expect((await asker.answered(3)).map(([, status]) => status)).toEqual([200, 200, 200])
    const changed = asker.pack([[4, 'keep', keeping]])
    changed[30] = (changed[30] ?? 0) ^ 1
    asker.connection.say(changed)
    expect((await asker.untilClosed()).slice(3)).toMatchObject([refused(null, 'BAD_REQUEST', /not signed .*: bad tag/)])
  })

  test('a frame that is said twice is not heard twice', async () => {
    const { secured, keyring } = await start()
    const { asker } = await openSigned(secured, keyring)
    const frame = asker.pack([[1, 'keep', keeping]])
    asker.connection.say(frame)
    expect(await asker.answered(1)).toHaveLength(1)
    asker.connection.say(frame)
    expect((await asker.untilClosed()).slice(1)).toMatchObject([refused(null, 'BAD_REQUEST', /bad tag/)])
  })

  test('it is changed while channels are open, and no call is lost', async () => {
    const { secured, renew } = await start()
    const mine = ringOf(old)
    const http = new HttpNetwork(chordNodeApi, {
      network,
      callTimeoutMs: 5000,
      validation: createValidation(160),
      observe: () => {},
      signer: new Signer(mine.keyring, network, 'test'),
    })
    onTestFinished(() => http.close())
    const keep = () => http.call(secured.me, 'keep', keeping)
    const well = async () => {
      for (const reply of await Promise.all([keep(), keep(), keep()])) expect(reply).toEqual({ kept: [] })
    }
    await well()
    for (const step of [
      () => renew(old, young),
      () => mine.renew(old, young),
      () => renew(young, old),
      () => mine.renew(young, old),
      () => renew(young),
      () => mine.renew(young),
    ]) {
      const underWay = [keep(), keep()]
      step()
      for (const reply of await Promise.all(underWay)) expect(reply).toEqual({ kept: [] })
      await well()
    }
    // Who has missed it is a stranger, until it has not.
    mine.renew(old)
    await expect(keep()).rejects.toBeInstanceOf(Unreachable)
    await expect(keep()).rejects.toBeInstanceOf(Unreachable)
    mine.renew(young)
    await well()
    renew(old)
    await expect(keep()).rejects.toBeInstanceOf(Unreachable)
    mine.renew(old)
    await well()
  })
})

// More than a function takes as arguments.
test('150 000 calls in one frame', async () => {
  const { port } = await serve({ neighborhood: () => ({}) })
  const asker = await openChannel(port)
  const call = ',[1,"neighborhood",{}]'
  const count = 150_000
  asker.connection.say(asker.pack(`[${call.repeat(count).slice(1)}]`))
  const answers = await asker.answered(count)
  expect(answers).toHaveLength(count)
  expect(answers.every(([number, status]) => number === 1 && status === 200)).toBe(true)
})

test('after all that the node is well, and its log has no defect to tell', () => {
  expect(defectsIn(node)).toEqual([])
})

/** Calls that travel together: when they leave, what each of them is answered, and what becomes of those that nobody answers. */
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type NodeApi, nodeApi } from '../../src/node/node.ts'
import { Refusal, Unreachable } from '../../src/protocol/errors.ts'
import type { Network, Row } from '../../src/protocol/rpc.ts'
import { HttpNetwork } from '../../src/service/client.ts'
import { createValidation } from '../../src/service/validation.ts'
import { eventually, network, startNodeHere } from './live.ts'

const chordNodeApi = nodeApi('chord')

const id = 'a'.repeat(40)
const validation = createValidation(160)

/** A client, and how many of its calls had which outcome. */
const client = (table: NodeApi = chordNodeApi, callTimeoutMs = 2000) => {
  const outcomes: Record<string, number> = {}
  const observe = (name: string, outcome: string, calls: number) => {
    outcomes[`${name} ${outcome}`] = (outcomes[`${name} ${outcome}`] ?? 0) + calls
  }
  const http: Network<NodeApi> & { close(): Promise<void> } = new HttpNetwork(table, {
    network,
    callTimeoutMs,
    validation,
    observe,
  })
  onTestFinished(() => http.close())
  return { http, outcomes }
}

interface Flight {
  readonly path: string
  readonly body: { name: string; calls: { key: string }[] } | undefined
  readonly headers: IncomingMessage['headers']
  answer(status: number, body: unknown): void
  readonly response: ServerResponse
}

/** A peer whose answers the test gives, and the requests it has got. */
const peerOf = async (land: (flight: Flight, number: number) => void) => {
  const flights: Flight[] = []
  const server = createHttp((request, response) => {
    const chunks: Buffer[] = []
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        const text = String(Buffer.concat(chunks))
        const flight: Flight = {
          path: request.url ?? '',
          body: text === '' ? undefined : JSON.parse(text),
          headers: request.headers,
          answer: (status, body) =>
            response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
          response,
        }
        flights.push(flight)
        land(flight, flights.length)
      })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const peer = { id, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  return { peer, flights, sizes: () => flights.map(({ body }) => body?.calls.length ?? 1) }
}

const keyOf = (number: number) => number.toString(16).padStart(40, '0')
const keys = (count: number) => Array.from({ length: count }, (_, number) => keyOf(number))
const held = (key: string) => ({ key, records: [], held: true, complete: true, window: 1, ask: [] })
/** As a node would: whatever is asked for is there. */
const land = ({ path, body, answer }: Flight) =>
  body
    ? answer(
        200,
        body.calls.map(({ key }) => [200, held(key)]),
      )
    : answer(200, held(path.slice('/get/'.length)))

const get = ({ http }: { http: Network<NodeApi> }, peer: { id: string; url: string }, key: string) =>
  http.call(peer, 'get', { key })
const outcomesOf = async (calls: Promise<unknown>[]): Promise<unknown[]> =>
  (await Promise.allSettled(calls)).map((one) => (one.status === 'fulfilled' ? one.value : one.reason))
const isUnreachable = (reason: RegExp) => (error: unknown) => error instanceof Unreachable && reason.test(error.message)

/** Nothing else happens in this process for so long. */
const stall = (ms: number): void => {
  for (const until = performance.now() + ms; performance.now() < until; );
}

describe('who travels with whom', () => {
  test('a lone call is its plain request', async () => {
    const { peer, flights } = await peerOf(land)
    expect(await get(client(), peer, id)).toEqual(held(id))
    expect(flights.map(({ path }) => path)).toEqual([`/get/${id}`])
  })

  test('calls made at once are one request, which says whom it is for; each gets its own reply', async () => {
    const { peer, flights } = await peerOf(land)
    const mine = client()
    const found = await Promise.all(keys(5).map((key) => get(mine, peer, key)))
    expect(found.map(({ key }) => key)).toEqual(keys(5))
    expect(flights).toMatchObject([
      {
        path: '/batch',
        body: { name: 'get', calls: keys(5).map((key) => ({ key })) },
        headers: { 'polychord-network': network, 'polychord-to': id, 'content-type': 'application/json' },
      },
    ])
    expect(mine.outcomes).toEqual({ 'get ok': 5 })
  })

  test('when enough wait to fill another it leaves as well, and no third', async () => {
    const { peer, flights, sizes } = await peerOf(() => {})
    const mine = client()
    const calls = [get(mine, peer, id)]
    await eventually(sizes, ({ length }) => length === 1)
    calls.push(...keys(8).map((key) => get(mine, peer, key)))
    await eventually(sizes, ({ length }) => length === 2)
    calls.push(...keys(20).map((key) => get(mine, peer, key)))
    for (const flight of flights) land(flight)
    await eventually(sizes, ({ length }) => length === 3)
    for (const flight of flights.slice(2)) land(flight)
    await Promise.all(calls)
    expect(sizes()).toEqual([1, 8, 20])
  })

  test('what comes while one is under way waits for it to land, and leaves together', async () => {
    const { peer, flights, sizes } = await peerOf((flight, number) => number > 1 && land(flight))
    const mine = client()
    const first = get(mine, peer, id)
    await eventually(sizes, ({ length }) => length === 1)
    const others = keys(3).map((key) => get(mine, peer, key))
    const elsewhere = get(mine, { ...peer, id: 'b'.repeat(40) }, keyOf(9))
    expect((await elsewhere).key).toBe(keyOf(9))
    expect(sizes()).toEqual([1, 1])
    if (flights[0]) land(flights[0])
    expect((await Promise.all([first, ...others])).map(({ key }) => key)).toEqual([id, ...keys(3)])
    expect(sizes()).toEqual([1, 1, 3])
  })

  test('a call of another row does not wait', async () => {
    const { peer, flights } = await peerOf(
      (flight) => flight.path.startsWith('/route') && flight.answer(200, { peers: [], final: true }),
    )
    const mine = client()
    const waiting = get(mine, peer, id)
    await eventually(
      () => flights.length,
      (count) => count === 1,
    )
    expect(await mine.http.call(peer, 'route', { key: id, count: 1, avoid: [], mode: 'fingers' })).toEqual({
      peers: [],
      final: true,
    })
    if (flights[0]) land(flights[0])
    await waiting
  })

  test('a row that is not batched never travels with others', async () => {
    const { peer, flights } = await peerOf(({ answer }) => answer(200, { id, url: 'http://127.0.0.1:1' }))
    await Promise.all([1, 2, 3].map(() => client().http.call(peer, 'successor', {})))
    expect(flights.map(({ path }) => path)).toEqual(['/successor', '/successor', '/successor'])
  })

  test('256 at most', async () => {
    const { peer, sizes } = await peerOf(land)
    const mine = client()
    await Promise.all(keys(600).map((key) => get(mine, peer, key)))
    expect(sizes()).toEqual([256, 256, 88])
  })

  test('a mebibyte at most; what is larger goes by itself', async () => {
    const reply = { version: { hlc: '0'.repeat(16), origin: id }, held: true, complete: true, window: 1, ask: [] }
    const { peer, sizes } = await peerOf(({ body, answer }) =>
      answer(
        200,
        body?.calls.map(() => [200, reply]),
      ),
    )
    const mine = client()
    const insert = (size: number) =>
      mine.http.call(peer, 'insert', {
        key: id,
        record: {
          key: id,
          index: `v:${id}`,
          value: 'x'.repeat(size),
          contentType: 'text/plain',
          version: reply.version,
        },
        with: [],
      })
    await Promise.all([400_000, 400_000, 400_000, 1_300_000, 10, 10].map(insert))
    expect(sizes()).toEqual([2, 1, 1, 2])
  })

  test('those that there was no room for in the answer are asked again', async () => {
    const { peer, sizes } = await peerOf(({ path, body, answer }) =>
      body
        ? answer(
            200,
            body.calls.slice(0, 2).map(({ key }) => [200, held(key)]),
          )
        : land({ path, body, answer } as Flight),
    )
    const mine = client()
    const found = await Promise.all(keys(5).map((key) => get(mine, peer, key)))
    expect(found.map(({ key }) => key)).toEqual(keys(5))
    expect(sizes()).toEqual([5, 3, 1])
    expect(mine.outcomes).toEqual({ 'get ok': 5 })
  })

  test('those leave at once, though another flight is under way and would not be left for so few', async () => {
    const { peer, flights, sizes } = await peerOf((flight, number) => {
      if (number > 2) land(flight)
    })
    const mine = client()
    const first = keys(3).map((key) => get(mine, peer, key))
    await eventually(sizes, ({ length }) => length === 1)
    const others = keys(8).map((key) => get(mine, peer, key))
    await eventually(sizes, ({ length }) => length === 2)
    const [one, other] = flights as [Flight, Flight]
    one.answer(200, [[200, held(keyOf(0))]])
    expect((await Promise.all(first)).map(({ key }) => key)).toEqual(keys(3))
    expect(sizes()).toEqual([3, 8, 2])
    land(other)
    await Promise.all(others)
  })

  test('what is too large together travels alone', async () => {
    const { peer, sizes } = await peerOf((flight) =>
      flight.body ? flight.answer(413, { error: 'TOO_LARGE', message: 'x' }) : land(flight),
    )
    const mine = client()
    expect(await Promise.all(keys(3).map((key) => get(mine, peer, key)))).toEqual(keys(3).map(held))
    expect(sizes()).toEqual([3, 1, 1, 1])
    expect(mine.outcomes).toEqual({ 'get ok': 3 })
  })
})

describe('what each is answered', () => {
  test('an error is of its own call', async () => {
    const answers = [
      [200, held(keyOf(0))],
      [404, { error: 'NOT_HELD', message: 'not here', held: false }],
      [503, { error: 'NOT_JOINED', message: 'x' }],
      [200, { hello: 'world' }],
      [500, { error: 'NOT_HELD', message: 'x' }],
      'nonsense',
      [200, held(keyOf(6))],
    ]
    const { peer } = await peerOf(({ answer }) => answer(200, answers))
    const mine = client()
    const [first, notHeld, notJoined, none, wrongStatus, nonsense, last] = await outcomesOf(
      keys(7).map((key) => get(mine, peer, key)),
    )
    expect([first, last]).toEqual([held(keyOf(0)), held(keyOf(6))])
    expect(notHeld).toBeInstanceOf(Refusal)
    expect(notHeld).toMatchObject({ code: 'NOT_HELD', message: 'not here', details: { held: false } })
    expect(notJoined).toSatisfy(isUnreachable(/NOT_JOINED/))
    expect(none).toSatisfy(isUnreachable(/a reply to get that is none/))
    expect(wrongStatus).toSatisfy(isUnreachable(/status 500 where 200/))
    expect(nonsense).toSatisfy(isUnreachable(/status undefined/))
    expect(mine.outcomes).toEqual({ 'get ok': 2, 'get NOT_HELD': 1, 'get unreachable': 4 })
  })

  test.each<[string, (flight: Flight) => void, (error: unknown) => boolean]>([
    ['nothing', ({ answer }) => answer(200, []), isUnreachable(/3 calls of get that is none/)],
    [
      'more than was asked',
      ({ answer }) =>
        answer(
          200,
          keys(4).map((key) => [200, held(key)]),
        ),
      isUnreachable(/is none/),
    ],
    ['an object', ({ answer }) => answer(200, { 0: [200, held(id)], length: 1 }), isUnreachable(/is none/)],
    ['no JSON', ({ response }) => response.end('<html>'), isUnreachable(/not JSON/)],
    ['another success', ({ answer }) => answer(201, []), isUnreachable(/status 201/)],
    ['another network', ({ answer }) => answer(409, { error: 'OTHER_NETWORK', message: 'x' }), isUnreachable(/OTHER_NETWORK/)],
    ['another node', ({ answer }) => answer(421, { error: 'WRONG_NODE', message: 'x' }), isUnreachable(/WRONG_NODE/)],
    ['a cut connection', ({ response }) => response.socket?.destroy(), isUnreachable(/did not answer/)],
    [
      'too much to do',
      ({ answer }) => answer(503, { error: 'OVERLOADED', message: 'x' }),
      (error) => error instanceof Refusal && error.code === 'OVERLOADED',
    ],
  ])('%s, for all of them: each has failed, and the next ones go on', async (_what, answer, fits) => {
    const { peer } = await peerOf((flight, number) => (number === 1 ? answer(flight) : land(flight)))
    const mine = client()
    for (const error of await outcomesOf(keys(3).map((key) => get(mine, peer, key)))) expect(error).toSatisfy(fits)
    expect(Object.values(mine.outcomes)).toEqual([3])
    expect(await Promise.all(keys(2).map((key) => get(mine, peer, key)))).toEqual(keys(2).map(held))
  })
})

describe('who waits too long', () => {
  test('is told so, one by one as their time comes, and the peer is asked again', async () => {
    let answers = false
    const { peer, sizes } = await peerOf((flight) => answers && land(flight))
    const mine = client(chordNodeApi, 300)
    const first = outcomesOf([get(mine, peer, id)])
    await eventually(sizes, ({ length }) => length === 1)
    const others = outcomesOf(keys(3).map((key) => get(mine, peer, key)))
    // The others leave with next to no time left, or never.
    for (const error of [...(await first), ...(await others)]) expect(error).toSatisfy(isUnreachable(/nothing within 300 ms/))
    expect(mine.outcomes).toEqual({ 'get unreachable': 4 })
    answers = true
    expect(await get(mine, peer, id)).toEqual(held(id))
  })

  test('is not sent at all when this process had stalled', async () => {
    const { peer, flights, sizes } = await peerOf((flight, number) => number > 1 && land(flight))
    const mine = client(chordNodeApi, 300)
    const first = outcomesOf([get(mine, peer, id)])
    await eventually(sizes, ({ length }) => length === 1)
    const others = outcomesOf(keys(3).map((key) => get(mine, peer, key)))
    stall(400)
    for (const error of [...(await first), ...(await others)]) expect(error).toSatisfy(isUnreachable(/nothing within 300 ms/))
    expect(flights).toHaveLength(1)
    expect(mine.outcomes).toEqual({ 'get unreachable': 4 })
  })

  test('is told how long it has waited, whatever its flight had left', async () => {
    for (let time = 0; time < 20; time++) {
      const { peer, sizes } = await peerOf(() => {})
      const mine = client(chordNodeApi, 60)
      const first = outcomesOf([get(mine, peer, id)])
      await eventually(sizes, ({ length }) => length === 1)
      const others = outcomesOf(keys(3).map((key) => get(mine, peer, key)))
      await first
      for (const error of await others) expect(error).toSatisfy(isUnreachable(/nothing within 60 ms/))
    }
  })

  test('does not take along those of the same flight that came later', async () => {
    const { peer, flights, sizes } = await peerOf(() => {})
    const mine = client(chordNodeApi, 1000)
    const first = outcomesOf([get(mine, peer, id)])
    await eventually(sizes, ({ length }) => length === 1)
    const early = outcomesOf([get(mine, peer, keyOf(1))])
    stall(500)
    const late = get(mine, peer, keyOf(2))
    for (const [error] of [await first, await early]) expect(error).toSatisfy(isUnreachable(/nothing within/))
    await eventually(sizes, ({ length }) => length === 2)
    for (const flight of flights.slice(1)) land(flight)
    expect(await late).toEqual(held(keyOf(2)))
  })

  test('a network that is closed answers everyone', async () => {
    const { peer, sizes } = await peerOf(() => {})
    const mine = client()
    const first = get(mine, peer, id)
    await eventually(sizes, ({ length }) => length === 1)
    const all = outcomesOf([first, ...keys(3).map((key) => get(mine, peer, key))])
    await mine.http.close()
    for (const error of await all) expect(error).toBeInstanceOf(Unreachable)
  })
})

test('calls are answered together what they are answered alone', async () => {
  const node = await startNodeHere()
  const alone = Object.fromEntries(
    Object.entries<Row>(chordNodeApi).map(([name, row]) => [name, { ...row, batch: false }]),
  ) as unknown as NodeApi
  const [together, oneByOne] = [client().http, client(alone).http]
  const hex = fc.constantFrom(...keys(4), 'f'.repeat(40))
  const wrong = fc.constantFrom<unknown>('zz', 'A'.repeat(40), 'a'.repeat(39))
  const call = fc.oneof(
    fc.record({ name: fc.constant('get' as const), request: fc.record({ key: fc.oneof(hex, wrong) }) }),
    fc.record({
      name: fc.constant('route' as const),
      request: fc.record({
        key: hex,
        count: fc.integer({ min: -1, max: 40 }),
        avoid: fc.array(fc.oneof(hex, wrong), { maxLength: 3 }),
        mode: fc.constantFrom('fingers', 'linear', 'none'),
      }),
    }),
    fc.record({
      name: fc.constant('insert' as const),
      request: fc.record({ key: hex, record: fc.constantFrom({}, null, 'x'), with: fc.constant([]) }),
    }),
  )
  const answerOf = (http: Network<NodeApi>, { name, request }: { name: 'get' | 'route' | 'insert'; request: object }) =>
    http.call(node.me, name, request as never).then(
      (reply) => JSON.stringify(reply),
      (error: unknown) => (error instanceof Refusal ? error.code : 'defect'),
    )
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 30 }), async (calls) => {
      const answers = await Promise.all(calls.map((one) => answerOf(together, one)))
      expect(answers).toEqual(await Promise.all(calls.map((one) => answerOf(oneByOne, one))))
      expect(answers).not.toContain('defect')
    }),
    { numRuns: 50 },
  )
})

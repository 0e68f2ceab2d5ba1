/** Calls that travel in a channel: when they leave, what each of them is answered, and what becomes of those that nobody answers. */
import { once } from 'node:events'
import { createServer as createHttp, type IncomingMessage, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcp, type Server, Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type NodeApi, nodeApi } from '../../src/node/api.ts'
import { Refusal, Unreachable } from '../../src/protocol/errors.ts'
import type { Network, Row } from '../../src/protocol/rpc.ts'
import { HttpNetwork } from '../../src/service/client.ts'
import { Frames } from '../../src/service/frames.ts'
import { createValidation } from '../../src/service/validation.ts'
import type { Peer } from '../../src/protocol/schemas.ts'
import { freePort } from '../ports.ts'
import { eventually, network, startNodeHere } from './live.ts'

const chordNodeApi = nodeApi('chord')

const id = 'a'.repeat(40)
const validation = createValidation(160)

/** A client, and how many of its calls had which outcome. */
const client = (table: NodeApi = chordNodeApi, callTimeoutMs = 5000) => {
  const outcomes: Record<string, number> = {}
  const observe = (name: string, outcome: string) => {
    outcomes[`${name} ${outcome}`] = (outcomes[`${name} ${outcome}`] ?? 0) + 1
  }
  const setting = { network, callTimeoutMs, validation, observe }
  const http: Network<NodeApi> & { close(): Promise<void> } = new HttpNetwork(table, setting)
  onTestFinished(() => http.close())
  return { http, outcomes }
}

type Asked = [number: number, name: string, request: { key: string }]

/** One channel at the peer. */
interface Line {
  readonly socket: Socket
  readonly headers: IncomingMessage['headers']
  readonly path: string | undefined
  /** The calls of each frame that has come. */
  readonly frames: Asked[][]
  readonly bytes: number[]
  readonly calls: Asked[]
  isClosed: boolean
  answer(...answers: unknown[]): void
  say(text: string): void
}

const listen = async (server: Server): Promise<string> => {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => void sockets.add(socket))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const keyOf = (number: number) => number.toString(16).padStart(40, '0')
const keys = (count: number) => Array.from({ length: count }, (_, number) => keyOf(number))
const held = (key: string) => ({ key, records: [], held: true, complete: true, window: 1, ask: [] })
/** As a node would: whatever is asked for is there. */
const heldAll = ({ answer }: Line, calls: Asked[]) => answer(...calls.map(([number, , { key }]) => [number, 200, held(key)]))
const silent = () => {}

/** Whatever is asked alone is there. */
const heldAlone: RequestListener = ({ url }, response) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(held((url ?? '').slice('/get/'.length))))

/** A peer whose answers the test gives: its channels, and the requests that came alone. */
const peerOf = async (
  land: (line: Line, calls: Asked[], channel: number) => void,
  open: (begin: () => void, socket: Socket, channel: number) => void = (begin) => begin(),
  alone: RequestListener = heldAlone,
) => {
  const lines: Line[] = []
  const requests: string[] = []
  const upgrades: IncomingMessage[] = []
  const server = createHttp((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    alone(request, response)
  })
  server.on('upgrade', (request, socket: Socket) => {
    upgrades.push(request)
    const channel = upgrades.length
    socket.on('error', () => {}) // It closes then.
    const begin = () => {
      const frames = new Frames(2 ** 31, 'answers', undefined)
      const say = (text: string) => void socket.write(frames.pack(text))
      const line: Line = {
        socket,
        headers: request.headers,
        path: request.url,
        frames: [],
        bytes: [],
        calls: [],
        isClosed: false,
        answer: (...answers) => say(JSON.stringify(answers)),
        say,
      }
      lines.push(line)
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: polychord/1\r\n\r\n')
      socket
        .on('data', (chunk: Buffer) => {
          for (const text of frames.unpack(chunk)) {
            const calls = JSON.parse(text.toString()) as Asked[]
            line.bytes.push(text.length)
            line.frames.push(calls)
            line.calls.push(...calls)
            land(line, calls, channel)
          }
        })
        .on('end', () => socket.end())
        .on('close', () => (line.isClosed = true))
    }
    open(begin, socket, channel)
  })
  const peer = { id, url: await listen(server) }
  /** How many calls were in each frame of each channel. */
  const sizes = () => lines.map(({ frames }) => frames.map(({ length }) => length))
  return { peer, lines, requests, upgrades, sizes, server }
}

const get = ({ http }: { http: Network<NodeApi> }, peer: Peer, key: string) => http.call(peer, 'get', { key })
const getAll = (mine: { http: Network<NodeApi> }, peer: Peer, count: number) =>
  Promise.all(keys(count).map((key) => get(mine, peer, key)))
const outcomesOf = async (calls: Promise<unknown>[]): Promise<unknown[]> =>
  (await Promise.allSettled(calls)).map((one) => (one.status === 'fulfilled' ? one.value : one.reason))
const isUnreachable = (reason: RegExp) => (error: unknown) => error instanceof Unreachable && reason.test(error.message)
const until = (holds: () => boolean) => eventually(holds, (seen) => seen)

/** Nothing else happens in this process for so long. */
const stall = (ms: number): void => {
  for (const end = performance.now() + ms; performance.now() < end; );
}

describe('who travels with whom', () => {
  test('calls made in one turn are one frame, of a connection that says whom it is for; each gets its own reply', async () => {
    const { peer, lines, requests } = await peerOf(heldAll)
    const mine = client()
    expect((await getAll(mine, peer, 5)).map(({ key }) => key)).toEqual(keys(5))
    expect((await getAll(mine, peer, 3)).map(({ key }) => key)).toEqual(keys(3))
    const [line, ...others] = lines
    expect([others, requests]).toEqual([[], []])
    expect(line?.path).toBe('/channel')
    expect(line?.headers).toMatchObject({ upgrade: 'polychord/1', 'polychord-network': network, 'polychord-to': id })
    expect(line?.headers.connection?.toLowerCase()).toBe('upgrade')
    expect(line?.frames.map((calls) => calls.map(([, name, request]) => [name, request]))).toEqual([
      keys(5).map((key) => ['get', { key }]),
      keys(3).map((key) => ['get', { key }]),
    ])
    expect(new Set(line?.calls.map(([number]) => number)).size).toBe(8)
    expect(mine.outcomes).toEqual({ 'get ok': 8 })
  })

  test('whatever their rows are', async () => {
    const { peer, sizes } = await peerOf(({ answer }, calls) =>
      answer(...calls.map(([number, name]) => [number, 200, name === 'get' ? held(id) : { peers: [], final: true }])),
    )
    const mine = client()
    const routing = { key: id, count: 1, avoid: [], mode: 'fingers' as const }
    expect(await Promise.all([get(mine, peer, id), mine.http.call(peer, 'route', routing)])).toEqual([
      held(id),
      { peers: [], final: true },
    ])
    expect(sizes()).toEqual([[2]])
    expect(mine.outcomes).toEqual({ 'get ok': 1, 'route ok': 1 })
  })

  test('what is called while another is under way does not wait for it', async () => {
    const { peer, lines, sizes } = await peerOf(silent)
    const mine = client()
    const first = get(mine, peer, keyOf(0))
    await until(() => lines[0]?.calls.length === 1)
    const second = get(mine, peer, keyOf(1))
    await until(() => lines[0]?.calls.length === 2)
    expect(sizes()).toEqual([[1, 1]])
    for (const calls of lines[0]?.frames ?? []) heldAll(lines[0] as Line, calls)
    expect(await Promise.all([first, second])).toEqual(keys(2).map(held))
  })

  test('what is called while the channel opens leaves with it', async () => {
    let begin = () => {}
    const { peer, upgrades, sizes } = await peerOf(heldAll, (opened) => (begin = opened))
    const mine = client()
    const first = get(mine, peer, keyOf(0))
    await until(() => upgrades.length === 1)
    const second = get(mine, peer, keyOf(1))
    begin()
    expect(await Promise.all([first, second])).toEqual(keys(2).map(held))
    expect(sizes()).toEqual([[2]])
  })

  test('another node at the same address has a channel of its own', async () => {
    const { peer, lines } = await peerOf(heldAll)
    const mine = client()
    await Promise.all([get(mine, peer, id), get(mine, { ...peer, id: 'b'.repeat(40) }, id)])
    expect(new Set(lines.map(({ headers }) => headers['polychord-to']))).toEqual(new Set([id, 'b'.repeat(40)]))
    expect(lines).toHaveLength(2)
  })

  test('large requests that are not answered keep no channel from being opened', async () => {
    const { peer, requests } = await peerOf(heldAll, undefined, silent)
    const mine = client(chordNodeApi, 60_000)
    const fetches = outcomesOf(keys(24).map((key) => mine.http.call(peer, 'fetch', { cursors: [`${key}/v:${key}`] })))
    await eventually(
      () => requests.length,
      (count) => count >= 8,
    )
    expect(await get(mine, peer, id)).toEqual(held(id))
    await mine.http.close()
    await fetches
  })

  test('what was given up is not sent to a peer that does not read so fast', async () => {
    const { peer, lines } = await peerOf(heldAll)
    const mine = client(chordNodeApi, 500)
    expect(await get(mine, peer, id)).toEqual(held(id))
    const [line] = lines
    line?.socket.pause()
    const alive = setInterval(() => line?.answer([-1, 200, {}]), 50)
    onTestFinished(() => clearInterval(alive))
    const record = { key: id, index: `v:${id}`, contentType: 'text/plain', version: { hlc: '0'.repeat(16), origin: id } }
    const insert = () => mine.http.call(peer, 'insert', { key: id, record: { ...record, value: 'x'.repeat(60_000) }, with: [] })
    for (const error of await outcomesOf(Array.from({ length: 1000 }, insert)))
      expect(error).toSatisfy(isUnreachable(/nothing within 500 ms/))
    line?.socket.resume()
    await eventually(
      () =>
        get(mine, peer, keyOf(1)).then(
          () => true,
          () => false,
        ),
      (isAnswered) => isAnswered,
    )
    // All of it would be 60 MB.
    expect(line?.bytes.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(20_000_000)
  })

  test('a row that is not channelled never travels with others', async () => {
    const { peer, requests, upgrades } = await peerOf(silent, undefined, (_request, response) =>
      response.end(JSON.stringify({ id, url: 'http://127.0.0.1:1' })),
    )
    const mine = client()
    await Promise.all([1, 2, 3].map(() => mine.http.call(peer, 'successor', {})))
    expect([requests, upgrades]).toEqual([['GET /successor', 'GET /successor', 'GET /successor'], []])
    expect(mine.outcomes).toEqual({ 'successor ok': 3 })
  })

  test('about a mebibyte at most; what is large itself is its plain request', async () => {
    const stored = { version: { hlc: '0'.repeat(16), origin: id }, held: true, complete: true, window: 1, ask: [] }
    const { peer, lines, sizes, requests } = await peerOf(
      ({ answer }, calls) => answer(...calls.map(([number]) => [number, 200, stored])),
      undefined,
      (request, response) => request.resume().on('end', () => response.end(JSON.stringify(stored))),
    )
    const mine = client()
    const record = { key: id, index: `v:${id}`, contentType: 'text/plain', version: stored.version }
    const insert = (size: number) =>
      mine.http.call(peer, 'insert', { key: id, record: { ...record, value: 'x'.repeat(size) }, with: [] })
    await Promise.all([...Array<number>(40).fill(60_000), 10, 70_000, 1_000_000].map(insert))
    expect(requests).toEqual(Array(2).fill(`PUT /insert/${id}`))
    expect(sizes()).toEqual([[17, 17, 7]])
    for (const bytes of lines[0]?.bytes ?? []) expect(bytes).toBeLessThan(1024 * 1024 + 100)
    expect(mine.outcomes).toEqual({ 'insert ok': 43 })
  })

  test('as many as there are', async () => {
    const { peer, lines, requests } = await peerOf(heldAll)
    const mine = client()
    expect(await getAll(mine, peer, 20_000)).toHaveLength(20_000)
    expect(lines.flatMap(({ calls }) => calls)).toHaveLength(20_000)
    expect(requests).toEqual([])
    expect(mine.outcomes).toEqual({ 'get ok': 20_000 })
  })
})

describe('what each is answered', () => {
  test('in any order, together or one by one, in any chunks', async () => {
    const { peer } = await peerOf(({ socket, answer }, calls) => {
      const [first, second, third, ...others] = calls.map(([number, , { key }]) => [number, 200, held(key)])
      answer(third)
      answer(...others.toReversed())
      answer()
      const last = new Frames(0, 'answers', undefined).pack(JSON.stringify([second, first]))
      for (const byte of last) socket.write(Buffer.of(byte))
    })
    const mine = client()
    expect((await getAll(mine, peer, 7)).map(({ key }) => key)).toEqual(keys(7))
    expect(mine.outcomes).toEqual({ 'get ok': 7 })
  })

  test('an error is of its own call', async () => {
    const bodies: unknown[][] = [
      [200, held(keyOf(0))],
      [404, { error: 'NOT_HELD', message: 'not here', held: false }],
      [503, { error: 'NOT_JOINED', message: 'x' }],
      [200, { hello: 'world' }],
      [500, { error: 'NOT_HELD', message: 'x' }],
      ['200', held(keyOf(5))],
      [],
      [503, { error: 'OVERLOADED', message: 'x' }],
      [{ toString: null }, {}],
      [200, held(keyOf(9))],
    ]
    const { peer, sizes } = await peerOf(({ answer }, calls) =>
      answer(...calls.map(([number], at) => [number, ...(bodies[at] ?? [])])),
    )
    const mine = client()
    const [first, notHeld, notJoined, none, wrongStatus, text, nothing, overloaded, noText, last] = await outcomesOf(
      keys(10).map((key) => get(mine, peer, key)),
    )
    expect([first, last]).toEqual([held(keyOf(0)), held(keyOf(9))])
    expect(notHeld).toBeInstanceOf(Refusal)
    expect(notHeld).toMatchObject({ code: 'NOT_HELD', message: 'not here', details: { held: false } })
    expect(notJoined).toSatisfy(isUnreachable(/NOT_JOINED/))
    expect(none).toSatisfy(isUnreachable(/a reply to get that is none/))
    expect(wrongStatus).toSatisfy(isUnreachable(/status 500 where 200/))
    expect(text).toSatisfy(isUnreachable(/status of no number where 200/))
    expect(nothing).toSatisfy(isUnreachable(/status of no number/))
    expect(overloaded).toMatchObject({ code: 'OVERLOADED' })
    expect(noText).toSatisfy(isUnreachable(/status of no number/))
    expect(mine.outcomes).toEqual({ 'get ok': 2, 'get NOT_HELD': 1, 'get OVERLOADED': 1, 'get unreachable': 6 })
    await outcomesOf([get(mine, peer, id)])
    expect(sizes()).toEqual([[10, 1]])
  })

  const lengthOf = (bytes: number) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes)
    return length
  }
  test.each<[string, (line: Line) => void, RegExp]>([
    ['an object', ({ say }) => say('{"0":[0,200,{}],"length":1}'), /a frame that has no answers/],
    ['a text', ({ say }) => say('"[]"'), /a frame that has no answers/],
    ['null', ({ say }) => say('null'), /a frame that has no answers/],
    ['an answer of nothing', ({ say }) => say('[[]]'), /a frame that has no answers/],
    ['null as an answer', ({ say }) => say('[null]'), /a frame that has no answers/],
    ['arrays in arrays', ({ say }) => say('['.repeat(200_000) + ']'.repeat(200_000)), /no answers: one in another/],
    ['a text as a number', ({ say }) => say('[["0",200,{}]]'), /a frame that has no answers/],
    [
      'that the frame was none',
      ({ answer }) => answer([null, 400, { error: 'BAD_REQUEST', message: 'the frame is not JSON' }]),
      /the frame is not JSON/,
    ],
    ['no JSON', ({ say }) => say('<html>'), /not JSON/],
    ['a length of 0', ({ socket }) => void socket.write(Buffer.alloc(4)), /not JSON/],
    ['HTTP', ({ socket }) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'), /a frame of 1213486160 bytes/],
    [
      'a frame that is too long',
      ({ socket }) => void socket.write(lengthOf(64 * 1024 * 1024 + 1)),
      /a frame of 67108865 bytes/,
    ],
    ['half a frame, and the end', ({ socket }) => socket.end(lengthOf(100)), /the connection was closed/],
    ['the end', ({ socket }) => socket.end(), /the connection was closed/],
    ['a cut connection', ({ socket }) => socket.destroy(), /the connection was closed/],
    ['a connection that is reset', ({ socket }) => socket.resetAndDestroy(), /the connection was closed/],
  ])(
    '%s, for all of them: each has failed at once, and the next ones go on in a new channel',
    async (_what, answer, reason) => {
      const { peer, lines, requests } = await peerOf((line, calls, channel) =>
        channel === 1 ? answer(line) : heldAll(line, calls),
      )
      // Nobody waits for so long.
      const mine = client(chordNodeApi, 120_000)
      for (const error of await outcomesOf(keys(3).map((key) => get(mine, peer, key))))
        expect(error).toSatisfy(isUnreachable(reason))
      expect(mine.outcomes).toEqual({ 'get unreachable': 3 })
      expect(await getAll(mine, peer, 2)).toEqual(keys(2).map(held))
      expect(lines).toHaveLength(2)
      await until(() => lines[0]?.isClosed === true)
      expect(requests).toEqual([])
    },
  )

  test('those that were answered before nonsense came have their answer', async () => {
    const { peer } = await peerOf(({ answer }, [first]) => answer([first?.[0], 200, held(keyOf(0))], null))
    const mine = client()
    const both = await outcomesOf(keys(2).map((key) => get(mine, peer, key)))
    expect(both[0]).toEqual(held(keyOf(0)))
    expect(both[1]).toSatisfy(isUnreachable(/no answers/))
  })

  test('of what a peer says and should not have no more is told than a person reads', async () => {
    const { peer } = await peerOf(({ answer }) => answer('x'.repeat(1_000_000)))
    const [error] = await outcomesOf([get(client(), peer, id)])
    expect(error).toSatisfy(isUnreachable(/no answers: "x+/))
    expect((error as Error).message.length).toBeLessThan(500)
  })

  test('what nobody has asked is passed over, and what is answered twice too', async () => {
    const { peer, lines } = await peerOf((line, calls) => {
      const [[number, , { key }]] = calls as [Asked]
      line.answer([number + 1000, 200, held(id)], [-1, 200, {}], [0.5, 500, 'x'], [number, 200, held(key)])
      line.answer([number, 404, { error: 'NOT_HELD', message: 'x' }], [number, 200, held(id)])
    })
    const mine = client()
    for (const key of keys(3)) expect(await get(mine, peer, key)).toEqual(held(key))
    expect(lines).toHaveLength(1)
    expect(mine.outcomes).toEqual({ 'get ok': 3 })
  })
})

describe('a peer that opens no channel', () => {
  const saying =
    (status: number, body: unknown): RequestListener =>
    (_request, response) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  const isOther = isUnreachable(/OTHER_NETWORK/)

  /** As a server that knows of no upgrade: its answer to GET /channel, and to what else is asked. */
  const plain = async (channel: RequestListener, alone: RequestListener) => {
    const asked: string[] = []
    const server = createHttp((request, response) => {
      asked.push(`${request.method} ${request.url}`)
      const answer = request.url === '/channel' ? channel : alone
      answer(request, response)
    })
    return { peer: { id, url: await listen(server) }, asked, server }
  }

  test.each<[string, RequestListener, RequestListener, (outcome: unknown) => boolean]>([
    ['200', saying(200, {}), heldAlone, (outcome) => (outcome as { held?: boolean }).held === true],
    ['404', saying(404, { error: 'NO_SUCH_ENDPOINT', message: 'x' }), heldAlone, (outcome) => !(outcome instanceof Error)],
    [
      '400, as a page behind a proxy',
      (_request, response) => response.writeHead(400, { connection: 'close' }).end('<html>'),
      heldAlone,
      (outcome) => !(outcome instanceof Error),
    ],
    [
      '409',
      saying(409, { error: 'OTHER_NETWORK', message: 'x' }),
      saying(409, { error: 'OTHER_NETWORK', message: 'x' }),
      isOther,
    ],
    [
      '421',
      saying(421, { error: 'WRONG_NODE', message: 'x' }),
      saying(421, { error: 'WRONG_NODE', message: 'x' }),
      isUnreachable(/WRONG_NODE/),
    ],
    [
      '503',
      saying(503, { error: 'OVERLOADED', message: 'x' }),
      saying(503, { error: 'OVERLOADED', message: 'x' }),
      (outcome) => outcome instanceof Refusal && outcome.code === 'OVERLOADED',
    ],
    [
      '501 and no end of it',
      (_q, response) => response.writeHead(501).write('x'),
      heldAlone,
      (outcome) => !(outcome instanceof Error),
    ],
    ['the end of the connection', (request) => request.socket.end(), heldAlone, (outcome) => !(outcome instanceof Error)],
  ])(
    'but answers %s: the calls are plain requests at once, and no channel is tried for a while',
    async (_what, channel, alone, fits) => {
      const { peer, asked } = await plain(channel, alone)
      // Nobody waits for so long.
      const mine = client(chordNodeApi, 120_000)
      for (const outcome of await outcomesOf(keys(3).map((key) => get(mine, peer, key)))) expect(outcome).toSatisfy(fits)
      for (const outcome of await outcomesOf(keys(2).map((key) => get(mine, peer, key)))) expect(outcome).toSatisfy(fits)
      expect(asked.filter((one) => one === 'GET /channel')).toHaveLength(1)
      expect(asked).toHaveLength(6)
      expect(Object.values(mine.outcomes)).toEqual([5])
    },
    10_000,
  )

  test('is asked for one again after a while', async () => {
    const { peer, upgrades, requests } = await peerOf(heldAll, (begin, socket, channel) => {
      if (channel === 1) socket.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n')
      else begin()
    })
    const mine = client()
    for (const key of keys(2)) expect(await get(mine, peer, key)).toEqual(held(key))
    expect([upgrades.length, requests.length]).toEqual([1, 2])
    const now = performance.now.bind(performance)
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + 10_000)
    onTestFinished(() => clock.mockRestore())
    for (const key of keys(2)) expect(await get(mine, peer, key)).toEqual(held(key))
    expect([upgrades.length, requests.length]).toEqual([2, 2])
  })

  test('each waits for as long as it may', async () => {
    const { peer, asked } = await plain(saying(404, {}), silent)
    const mine = client(chordNodeApi, 300)
    for (const error of await outcomesOf(keys(3).map((key) => get(mine, peer, key))))
      expect(error).toSatisfy(isUnreachable(/nothing within \d+ ms/))
    expect(asked).toContain(`GET /get/${keyOf(0)}`)
    expect(mine.outcomes).toEqual({ 'get unreachable': 3 })
  })

  test('nor answers that is asked by plain requests in the time that is left', async () => {
    const { peer, upgrades, requests } = await peerOf(heldAll, () => {})
    const mine = client(chordNodeApi, 1000)
    expect(await getAll(mine, peer, 3)).toEqual(keys(3).map(held))
    expect(await getAll(mine, peer, 2)).toEqual(keys(2).map(held))
    expect([upgrades.length, requests.length]).toEqual([1, 5])
  })

  test('but ends the connection at the word is asked by plain requests', async () => {
    const server = createHttp(heldAlone).on('upgrade', (_request, socket: Socket) => socket.resetAndDestroy())
    const peer = { id, url: await listen(server) }
    expect(await getAll(client(), peer, 3)).toEqual(keys(3).map(held))
  })

  test('nor answers anything is Unreachable in the time of a call', async () => {
    const { peer } = await peerOf(heldAll, () => {}, silent)
    const mine = client(chordNodeApi, 300)
    for (const error of await outcomesOf(keys(3).map((key) => get(mine, peer, key))))
      expect(error).toSatisfy(isUnreachable(/nothing within \d+ ms/))
    expect(mine.outcomes).toEqual({ 'get unreachable': 3 })
  })

  test('as it does not listen, is Unreachable at once, and tried again with the next call', async () => {
    const port = await freePort()
    const peer = { id, url: `http://127.0.0.1:${port}` }
    const mine = client(chordNodeApi, 120_000)
    for (let time = 0; time < 2; time++)
      for (const error of await outcomesOf(keys(3).map((key) => get(mine, peer, key))))
        expect(error).toSatisfy(isUnreachable(/connection refused/))
    expect(mine.outcomes).toEqual({ 'get unreachable': 6 })
    const server = createHttp(heldAlone).listen(port, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    expect(await get(mine, peer, id)).toEqual(held(id))
  }, 10_000)

  test.each<[string, (socket: Socket) => void]>([
    ['another program', (socket) => socket.end('SSH-2.0-OpenSSH\r\n')],
    ['who switches to nothing', (socket) => void socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')],
    [
      'who switches to something else',
      (socket) =>
        void socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello'),
    ],
    ['who resets the connection', (socket) => socket.resetAndDestroy()],
  ])('but is %s, has failed', async (_who, answer) => {
    const server = createTcp((socket) => socket.on('error', () => {}).once('data', () => answer(socket)))
    const mine = client(chordNodeApi, 1000)
    const peer = { id, url: await listen(server) }
    for (const error of await outcomesOf(keys(2).map((key) => get(mine, peer, key)))) expect(error).toBeInstanceOf(Unreachable)
    expect(mine.outcomes).toEqual({ 'get unreachable': 2 })
  })
})

describe('who waits too long', () => {
  test('is told so, and a peer that was silent all the while is asked in a new connection', async () => {
    const { peer, lines } = await peerOf((line, calls, channel) => channel > 1 && heldAll(line, calls))
    const mine = client(chordNodeApi, 1000)
    const first = outcomesOf([get(mine, peer, id)])
    await until(() => lines[0]?.calls.length === 1)
    const others = outcomesOf(keys(3).map((key) => get(mine, peer, key)))
    for (const error of [...(await first), ...(await others)]) expect(error).toSatisfy(isUnreachable(/nothing within 1000 ms/))
    expect(mine.outcomes).toEqual({ 'get unreachable': 4 })
    expect(await get(mine, peer, id)).toEqual(held(id))
    expect(lines).toHaveLength(2)
    await until(() => lines[0]?.isClosed === true)
  })

  test('does not take along those that came later', async () => {
    const { peer, lines } = await peerOf(silent)
    const mine = client(chordNodeApi, 1000)
    const early = outcomesOf([get(mine, peer, keyOf(1))])
    await until(() => lines[0]?.calls.length === 1)
    stall(500)
    const late = get(mine, peer, keyOf(2))
    const [error] = await early
    expect(error).toSatisfy(isUnreachable(/nothing within 1000 ms/))
    await until(() => lines[0]?.calls.length === 2)
    for (const line of lines) heldAll(line, line.calls)
    expect(await late).toEqual(held(keyOf(2)))
  })

  test('while the peer answers others does not cost it its channel, and a late answer is passed over', async () => {
    const { peer, lines } = await peerOf((line, calls) =>
      heldAll(
        line,
        calls.filter(([, , { key }]) => key !== id),
      ),
    )
    const mine = client(chordNodeApi, 500)
    let isOver = false
    const slow = outcomesOf([get(mine, peer, id)]).finally(() => (isOver = true))
    let asked = 0
    while (!isOver) expect(await get(mine, peer, keyOf(asked))).toEqual(held(keyOf(asked++)))
    const [error] = await slow
    expect(error).toSatisfy(isUnreachable(/nothing within 500 ms/))
    const [line] = lines as [Line]
    heldAll(line, line.calls.slice(0, 1))
    expect(await get(mine, peer, keyOf(7))).toEqual(held(keyOf(7)))
    expect(lines).toHaveLength(1)
    expect(mine.outcomes).toEqual({ 'get ok': asked + 1, 'get unreachable': 1 })
  })

  test('is not sent at all when this process had stalled', async () => {
    const { peer, lines, sizes } = await peerOf((line, calls, channel) => channel > 1 && heldAll(line, calls))
    const mine = client(chordNodeApi, 1000)
    const first = outcomesOf([get(mine, peer, id)])
    await until(() => lines[0]?.calls.length === 1)
    const others = outcomesOf(keys(3).map((key) => get(mine, peer, key)))
    stall(1100)
    for (const error of [...(await first), ...(await others)]) expect(error).toSatisfy(isUnreachable(/nothing within 1000 ms/))
    expect(await get(mine, peer, id)).toEqual(held(id))
    expect(sizes()).toEqual([[1], [1]])
    expect(mine.outcomes).toEqual({ 'get ok': 1, 'get unreachable': 4 })
  })

  test('is not sent when the channel had not opened before', async () => {
    let begin = () => {}
    const { peer, upgrades, sizes } = await peerOf(heldAll, (opened, _socket, channel) =>
      channel === 1 ? (begin = opened) : opened(),
    )
    const mine = client(chordNodeApi, 1000)
    const first = outcomesOf([get(mine, peer, id)])
    await until(() => upgrades.length === 1)
    begin()
    stall(1100)
    const [error] = await first
    if (error instanceof Error) expect(error).toSatisfy(isUnreachable(/nothing within 1000 ms/))
    expect(await get(mine, peer, id)).toEqual(held(id))
    expect(sizes().flat().length).toBeLessThanOrEqual(2)
  })
})

describe('an end', () => {
  test('comes when nothing was said for long, and nobody waits; the next call opens another channel', async () => {
    const setTimeout = Socket.prototype.setTimeout
    let timeouts = 0
    // The same, sooner.
    const sooner = vi.spyOn(Socket.prototype, 'setTimeout').mockImplementation(function (this: Socket, ms, then) {
      if (ms === 60_000) this.on('timeout', () => timeouts++)
      return setTimeout.call(this, ms === 60_000 ? 50 : ms, then)
    })
    onTestFinished(() => sooner.mockRestore())
    let answers = false
    const { peer, lines } = await peerOf((line, calls) => answers && heldAll(line, calls))
    const mine = client()
    const first = get(mine, peer, id)
    await eventually(
      () => timeouts,
      (count) => count > 0,
    )
    expect(lines[0]?.isClosed).toBe(false)
    answers = true
    if (lines[0]) heldAll(lines[0], lines[0].calls)
    expect(await first).toEqual(held(id))
    await eventually(
      () => lines[0]?.isClosed,
      (is) => is === true,
    )
    expect(await get(mine, peer, keyOf(1))).toEqual(held(keyOf(1)))
    expect(lines).toHaveLength(2)
  })

  test('of the network answers everyone', async () => {
    const { peer, lines } = await peerOf(silent)
    const mine = client(chordNodeApi, 120_000)
    const first = get(mine, peer, id)
    await until(() => lines[0]?.calls.length === 1)
    const all = outcomesOf([first, ...keys(3).map((key) => get(mine, peer, key))])
    await mine.http.close()
    for (const error of await all) expect(error).toSatisfy(isUnreachable(/this node ends/))
    expect(mine.outcomes).toEqual({ 'get unreachable': 4 })
    await until(() => lines[0]?.isClosed === true)
  })

  test('of the network answers those too whose channel was about to open, or who travel alone', async () => {
    const opening = await peerOf(silent, silent)
    const asked: string[] = []
    const alone = createHttp(({ url, socket }) => {
      asked.push(String(url))
      if (url === '/channel') socket.end()
    })
    const mine = client(chordNodeApi, 120_000)
    const all = outcomesOf([get(mine, opening.peer, id), get(mine, { id, url: await listen(alone) }, id)])
    await until(() => opening.upgrades.length === 1 && asked.length === 2)
    await mine.http.close()
    for (const error of await all) expect(error).toBeInstanceOf(Unreachable)
    expect(mine.outcomes).toEqual({ 'get unreachable': 2 })
  }, 10_000)

  test('comes for the channels of those first met when there are many, once they have answered what was asked', async () => {
    let isSilent = true
    const { peer, lines } = await peerOf((line, calls) => !isSilent && heldAll(line, calls))
    const mine = client(chordNodeApi, 60_000)
    const count = 300
    const ids = keys(count)
    const calls = Promise.all(ids.map((each) => get(mine, { ...peer, id: each }, each)))
    const asked = () => lines.filter(({ calls: { length } }) => length === 1)
    await until(() => asked().length === count)
    expect(lines.some(({ isClosed }) => isClosed)).toBe(false)
    isSilent = false
    for (const line of lines) heldAll(line, line.calls)
    expect((await calls).map(({ key }) => key)).toEqual(ids)
    const closed = () => lines.filter(({ isClosed }) => isClosed).map(({ headers }) => String(headers['polychord-to']))
    await eventually(closed, ({ length }) => length === count - 256)
    expect(closed().toSorted()).toEqual(ids.slice(0, count - 256))
    expect((await Promise.all(ids.map((each) => get(mine, { ...peer, id: each }, each)))).map(({ key }) => key)).toEqual(ids)
    expect(mine.outcomes).toEqual({ 'get ok': 2 * count })
  })
})

test('calls are answered in the channel what they are answered alone', async () => {
  const node = await startNodeHere()
  const table = Object.fromEntries(
    Object.entries<Row>(chordNodeApi).map(([name, row]) => [name, { ...row, channelled: false }]),
  ) as unknown as NodeApi
  const [together, oneByOne] = [client().http, client(table).http]
  const hex = fc.constantFrom(...keys(4), 'f'.repeat(40))
  const wrong = fc.constantFrom<unknown>('zz', 'A'.repeat(40), 'a'.repeat(39))
  type Called = 'get' | 'route' | 'insert' | 'cell' | 'digest'
  const call = fc.oneof(
    fc.record({ name: fc.constantFrom<Called>('get', 'cell'), request: fc.record({ key: fc.oneof(hex, wrong) }) }),
    fc.record({
      name: fc.constant<Called>('route'),
      request: fc.record({
        key: hex,
        count: fc.integer({ min: -1, max: 40 }),
        avoid: fc.array(fc.oneof(hex, wrong), { maxLength: 3 }),
        mode: fc.constantFrom('fingers', 'linear', 'none'),
      }),
    }),
    fc.record({
      name: fc.constant<Called>('insert'),
      request: fc.record({ key: hex, record: fc.constantFrom({}, null, 'x'), with: fc.constant([]) }),
    }),
    fc.record({
      name: fc.constant<Called>('digest'),
      request: fc.record({ arcs: fc.constantFrom<unknown>([], {}, [{}], null), by: fc.oneof(hex, wrong) }),
    }),
  )
  const answerOf = (http: Network<NodeApi>, { name, request }: { name: Called; request: object }) =>
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

// Ended the process.
test('at an address that is none every call fails, and nothing else does', async () => {
  const mine = client()
  const outcomes = await outcomesOf([1, 2].map(() => get(mine, { id, url: 'nowhere at all' }, id)))
  expect(outcomes).toEqual([expect.any(TypeError), expect.any(TypeError)])
})

// What nobody waited for any more was kept until the peer would read: without end, where it said something now and then.
test('what was given up is not kept for a peer that reads nothing and says something', async () => {
  setFlagsFromString('--expose_gc')
  const collect = runInNewContext('gc') as () => void
  const { peer, lines } = await peerOf(heldAll)
  // Longer than it takes to write 500 of them: a node that is busy for as long takes the peer for silent, and calls it without a channel.
  const mine = client(chordNodeApi, 1000)
  expect(await get(mine, peer, id)).toEqual(held(id))
  const [line] = lines
  line?.socket.pause()
  const talk = setInterval(() => line?.answer([-1, 200, {}]), 20)
  onTestFinished(() => clearInterval(talk))
  const version = { hlc: '0'.repeat(16), origin: id }
  const record = { key: id, index: `v:${id}`, contentType: 'text/plain', version, value: 'x'.repeat(60_000) }
  const megabytes: number[] = []
  for (let round = 0; round < 4; round++) {
    await outcomesOf(Array.from({ length: 500 }, () => mine.http.call(peer, 'insert', { key: id, record, with: [] })))
    collect()
    megabytes.push(process.memoryUsage().heapUsed / 1e6)
  }
  // A round is 30 of them.
  expect((megabytes.at(-1) as number) - (megabytes[0] as number)).toBeLessThan(45)
})

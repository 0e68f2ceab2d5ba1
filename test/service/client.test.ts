/** Whatever answers at a peer's address: a reply that fits, an error of the catalogue, or `Unreachable`. */
import { createServer as createHttp, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { nodeApi } from '../../src/node/api.ts'
import { Refusal, Unreachable } from '../../src/protocol/errors.ts'
import { HttpNetwork } from '../../src/service/client.ts'
import { createValidation } from '../../src/service/validation.ts'
import { freePort } from '../ports.ts'
import { network, startNodeHere } from './live.ts'

const chordNodeApi = nodeApi('chord')

const id = 'a'.repeat(40)
const outcomes: string[] = []

const client = (callTimeoutMs = 5000) => {
  const http = new HttpNetwork(chordNodeApi, {
    network,
    callTimeoutMs,
    validation: createValidation(160),
    observe: (name, outcome) => outcomes.push(`${name} ${outcome}`),
  })
  onTestFinished(() => http.close())
  return http
}

const listen = async (server: Server): Promise<string> => {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
const answering = (listener: RequestListener) => listen(createHttp(listener))
const saying = (text: string, status = 200, type = 'application/json') =>
  answering((_request, response) => response.writeHead(status, { 'content-type': type }).end(text))

const peer = JSON.stringify({ id, url: 'http://127.0.0.1:1' })

describe.each<[string, () => Promise<string>, RegExp]>([
  ['nobody', async () => `http://127.0.0.1:${await freePort()}`, /connection refused/],
  ['a web page', () => saying('<html>', 200, 'text/html'), /not JSON/],
  ['another reply', () => saying('{"hello":"world"}'), /successor that is none/],
  ['a reply with more in it than there should be', () => saying(peer.replace('}', ',"x":1}')), /successor that is none/],
  ['an id of another width', () => saying(JSON.stringify({ id: 'aa', url: 'http://127.0.0.1:1' })), /successor that is none/],
  ['half a reply', () => saying(peer.slice(0, 9)), /not JSON/],
  ['another success', () => saying(peer, 201), /status 201/],
  ['an error of nobody’s catalogue', () => saying('{"error":"Oops","message":"x"}', 500), /status 500/],
  ['an error with the wrong status', () => saying('{"error":"NOT_FOUND","message":"x"}', 500), /status 500/],
  ['a redirect', () => answering((_q, response) => response.writeHead(302, { location: '/nodeinfo' }).end('{}')), /status 302/],
  ['silence', () => listen(createTcp()), /nothing within 300 ms/],
  [
    'a reply that does not end',
    () => answering((_q, response) => response.writeHead(200).write('{"id":')),
    /nothing within 300 ms/,
  ],
  ['a connection that is cut', () => answering((request) => request.socket.destroy()), /other side closed|ECONNRESET|SOCKET/],
  ['a protocol that is none', () => listen(createTcp((socket) => socket.end('SSH-2.0-OpenSSH\r\n'))), /did not answer/],
  ['another network', () => saying('{"error":"OTHER_NETWORK","message":"x"}', 409), /OTHER_NETWORK/],
  ['another node', () => saying('{"error":"WRONG_NODE","message":"x"}', 421), /WRONG_NODE/],
  ['a node that has not joined', () => saying('{"error":"NOT_JOINED","message":"x"}', 503), /NOT_JOINED/],
])('%s at the address', (_what, start, reason) => {
  test('is Unreachable', async () => {
    const url = await start()
    const failure = await client(reason.source.includes('300 ms') ? 300 : undefined)
      .call({ id, url }, 'successor', {})
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(Unreachable)
    expect((failure as Error).message).toMatch(reason)
    expect(outcomes.at(-1)).toBe('successor unreachable')
  })
})

test('an error of the catalogue is thrown again, with its details', async () => {
  const url = await saying('{"error":"NOT_HELD","message":"not here","held":false}', 404)
  const failure = client().call({ id, url }, 'get', { key: id })
  await expect(failure).rejects.toMatchObject({ code: 'NOT_HELD', message: 'not here', details: { held: false } })
  await expect(failure).rejects.toBeInstanceOf(Refusal)
})

test('a call says for whom it is and of which network, and puts every field where its row says', async () => {
  const seen: unknown[] = []
  const url = await answering((request, response) => {
    const chunks: Buffer[] = []
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        seen.push([
          request.method,
          request.url,
          request.headers['polychord-network'],
          request.headers['polychord-to'],
          String(Buffer.concat(chunks)),
        ])
        response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"NOT_FOUND","message":"x"}')
      })
  })
  const http = client()
  await http.call({ id, url }, 'lookupBy', { name: 'a&b/ü?' }).catch(() => {})
  await http.call({ id, url }, 'route', { key: id, count: 2, avoid: [], mode: 'fingers' }).catch(() => {})
  expect(seen).toEqual([
    ['GET', '/lookup?name=a%26b%2F%C3%BC%3F', network, id, ''],
    // Where no channel is opened.
    ['GET', '/channel', network, id, ''],
    ['POST', `/route/${id}`, network, id, '{"count":2,"avoid":[],"mode":"fingers"}'],
  ])
})

test('a peer that is slow for one call answers the next one', async () => {
  let calls = 0
  const url = await answering((_request, response) => {
    if (++calls > 1) response.writeHead(200, { 'content-type': 'application/json' }).end(peer)
  })
  const http = client(500)
  await expect(http.call({ id, url }, 'successor', {})).rejects.toBeInstanceOf(Unreachable)
  expect(await http.call({ id, url }, 'successor', {})).toEqual(JSON.parse(peer))
})

test('a real node answers, and only those of its network who mean it', async () => {
  const node = await startNodeHere()
  const http = client()
  expect(await http.call(node.me, 'successor', {})).toEqual(node.me)
  await expect(http.call({ ...node.me, id }, 'successor', {})).rejects.toThrow('WRONG_NODE')
})

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type OverlayName, overlayNames } from '../../src/overlay/overlays.ts'
import type { NodeInfo } from '../../src/protocol/client-api.ts'
import { send, type Sign } from '../../tasks/client.ts'
import { WrongUse } from '../../tasks/failure.ts'
import { findEntry, nodeInfo } from '../../tasks/live.ts'
import type { Entry } from '../../tasks/state.ts'
import { startNodeHere } from '../service/live.ts'

const entry = (port: number, id: string): Entry => ({
  name: `node-${port}`,
  id,
  url: `http://127.0.0.1:${port}`,
  pid: null,
  incarnation: 1,
  startedAt: '2025-11-20T12:00:00.000Z',
  state: 'dead',
  logFile: `.polychord/logs/node-${port}.log`,
  dataDir: `.polychord/data/node-${port}`,
})
const ten = Array.from({ length: 10 }, (_, at) => entry(10_001 + at, `a${at}0`))

describe('a node', () => {
  test.each(['10003', 'node-10003', 'a20', 'a2'])('is meant by %s', (word) => expect(findEntry(ten, word)).toBe(ten[2]))

  test('is not meant by a short number that begins its id, but by all of a short id', () => {
    const [first, second] = [entry(10_001, '1cdb'), entry(10_002, '12')]
    expect(() => findEntry([first, second], '1')).toThrow('there is no node 1;')
    expect(findEntry([first, second], '12')).toBe(second)
  })

  // Began the ids of all, and so meant the only one.
  test('is not meant by nothing', () => {
    expect(() => findEntry(ten.slice(0, 1), '')).toThrow(WrongUse)
    expect(() => findEntry(ten.slice(0, 1), '')).toThrow('no node is named; a node is a port')
  })

  test.each([
    ['10011', 'there is no node 10011; a node is a port, a name, or the beginning of an id: 10001 (a00), 10002 (a10), '],
    ['10011', '10008 (a70), 2 more'],
    ['a', 'a begins the ids of 10001 (a00), '],
    ['a', '10008 (a70), 2 more; give more digits, or a port'],
  ])('is not meant by %s: %s', (word, message) => {
    expect(() => findEntry(ten, word)).toThrow(WrongUse)
    expect(() => findEntry(ten, word)).toThrow(message)
  })
})

describe('what answers somewhere', () => {
  /** Someone who says so of itself, on being asked for anything. */
  const saying = async (info: object): Promise<string> => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(info))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.close()
      server.closeAllConnections()
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const honest = async (overlay: OverlayName): Promise<NodeInfo> => {
    const { url } = await startNodeHere({ overlay })
    return (await (await fetch(`${url}/nodeinfo`)).json()) as NodeInfo
  }

  test.each(overlayNames)('is a node of %s, whose name does nothing to a terminal', async (overlay) => {
    const info = await honest(overlay)
    const found = await nodeInfo(await saying({ ...info, name: 'ev\u001b]0;owned\u0007il' }))
    expect(found).toEqual({ ...info, name: 'ev\\u{1b}]0;owned\\u{7}il' })
  })

  // Made status, check and monitor say that they have a defect.
  test.each<[what: string, lie: (info: NodeInfo) => object]>([
    ['a time that is none', () => ({ incarnation: 1e17 })],
    ['a url that is none', () => ({ url: 'x' })],
    ['an id of another width', () => ({ id: 'aa' })],
    ['bits that no network has', () => ({ bits: 7 })],
    ['an overlay that nobody knows', () => ({ overlay: 'mesh' })],
    ['neighbours that are no list', () => ({ successors: 5 })],
    ['a neighbour whose url is none', () => ({ predecessor: { id: 'aa', url: 'x' } })],
    ['fewer records than none', ({ content }) => ({ content: { ...content, owned: -5 } })],
  ])('is no node with %s', async (_what, lie) => {
    const info = await honest('chord')
    expect(await nodeInfo(await saying({ ...info, ...lie(info) }))).toBeUndefined()
  })
})

// Another path was signed than was sent.
test.each(["/lookup?value=it's", '/lookup?value="a"', '/lookup?value=<a>', '/docs/../healthz', '/lookup?value=%3Ca%3E'])(
  '%s is signed as it is sent',
  async (path) => {
    const sent: (string | undefined)[] = []
    const server = createServer(({ url }, response) => {
      sent.push(url)
      response.end('{}')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const signed: string[] = []
    const sign: Sign = (method, to, body) => {
      signed.push(to)
      return { method, path: to, body, header: 'none' } as unknown as ReturnType<Sign>
    }
    await send(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 'GET', path, undefined, 5000, sign)
    expect(sent).toEqual(signed)
  },
)

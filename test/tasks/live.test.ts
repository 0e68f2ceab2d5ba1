import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type OverlayName, overlayNames } from '../../src/overlay/overlays.ts'
import { clientApi, type NodeInfo } from '../../src/protocol/client-api.ts'
import type { Row } from '../../src/protocol/rpc.ts'
import { ask, send, type Sign } from '../../tasks/client.ts'
import { nodeInfo } from '../../tasks/live.ts'
import { startNodeHere } from '../service/live.ts'

/** Someone who says so, on being asked for anything. */
const saying = async (answer: object): Promise<string> => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('what answers somewhere', () => {
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

// It was shown as it came: it could clear the terminal, and keys that are none were a defect of polychord.
test.each<[what: string, row: Row, answer: object]>([
  [
    'a member',
    clientApi.members,
    { members: [{ id: '\u001b[2J', url: 'http://127.0.0.1:1', name: '', state: 'alive', sinceMs: 1 }] },
  ],
  [
    'a state',
    clientApi.members,
    { members: [{ id: 'aa', url: 'http://127.0.0.1:1', name: '', state: '\u001b[2J', sinceMs: 1 }] },
  ],
  ['a url', clientApi.members, { members: [{ id: 'aa', url: '\u001b[2J', name: '', state: 'alive', sinceMs: 1 }] }],
  [
    'a key',
    clientApi.find,
    { key: 'zz', owner: { id: 'aa', url: 'http://127.0.0.1:1' }, window: [], mode: 'onehop', hops: 0, path: [] },
  ],
])('%s that is none is no answer of a node', async (_what, row, answer) => {
  const asked = ask(await saying(answer), row, { key: 'aa' })
  await expect(asked).rejects.toThrow('something else than a node answers there')
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

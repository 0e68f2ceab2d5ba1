/** A network with a secret: what a stranger gets, what members get, and what was said before. */
import { createSocket } from 'node:dgram'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeApi } from '../../src/node/api.ts'
import type { NodeInfo } from '../../src/protocol/client-api.ts'
import { Unreachable } from '../../src/protocol/errors.ts'
import type { Row } from '../../src/protocol/rpc.ts'
import type { Peer } from '../../src/protocol/schemas.ts'
import { HttpNetwork } from '../../src/service/client.ts'
import { Keyring } from '../../src/service/keyring.ts'
import { admitting } from '../../src/service/seeds.ts'
import { Signer } from '../../src/service/signature.ts'
import { createValidation } from '../../src/service/validation.ts'
import { counted, send } from './asking.ts'
import { eventually, type Live, network, startNode, startNodeHere } from './live.ts'

const chordNodeApi = nodeApi('chord')

const secret = 'a-secret-of-a-network'
const keyring = new Keyring(() => secret)
const quick = { stabilizeEveryMs: 100, refreshFingersEveryMs: 200, rehomeEveryMs: 500, probeEveryMs: 200, probeTimeoutMs: 100 }

let nodes: [Live, Live, Live]
beforeAll(async () => {
  const first = await startNode(quick, [], keyring)
  nodes = [first, await startNode(quick, [first], keyring), await startNode(quick, [first], keyring)]
  const infos = async () =>
    Promise.all(nodes.map(async ({ url }) => (await (await request(`${url}/nodeinfo`)).body.json()) as NodeInfo))
  await eventually(infos, (seen) =>
    seen.every(({ successors, content }) => (successors as unknown[] | undefined)?.length === 2 && content.complete),
  )
})
afterAll(() => Promise.all(nodes.map((node) => node.stop())))

const id = 'a'.repeat(40)
const pathOf = ({ path }: Row) => path.replace(/:\w+/, id)

const refusals = (node: Live, reason: string) => counted(node, `polychord_unauthorized_total{reason="${reason}"}`)
const drops = (node: Live, reason: string) => counted(node, `polychord_packet_drops_total{reason="${reason}"}`)

test('it stores, finds and deletes for whoever asks, through any node', async () => {
  const stored = await send(nodes[0].url, { method: 'POST', path: '/store' }, { body: '{"value":"hello"}' })
  expect(JSON.parse(stored.text)).toMatchObject({ stored: 3, wanted: 3 })
  for (const { url } of nodes) {
    const found = await send(url, { method: 'GET', path: '/lookup?value=hello' })
    expect(JSON.parse(found.text)).toMatchObject({ values: [{ value: 'hello' }] })
  }
  expect((await send(nodes[1].url, { method: 'DELETE', path: '/delete?value=hello' })).status).toBe(200)
})

test('its members watch each other by signed packets', async () => {
  await eventually(
    () => counted(nodes[0], 'polychord_packets_received_total{type="ack"}'),
    (acks) => acks > 1,
  )
  for (const reason of ['not signed', 'bad tag', 'unknown key', 'replayed', 'unparsable'])
    expect(await drops(nodes[0], reason)).toBe(0)
})

describe('a stranger', () => {
  const rows = Object.values<Row>(chordNodeApi)

  test.each(rows.filter((row) => row.signed).map((row) => [row.method, row.path, row] as const))(
    'may not call %s %s',
    async (_method, _path, row) => {
      const before = await refusals(nodes[0], 'not signed')
      const { status, text } = await send(nodes[0].url, { method: row.method, path: pathOf(row) }, { body: '{' })
      expect([status, JSON.parse(text)]).toEqual([
        401,
        {
          error: 'UNAUTHORIZED',
          message:
            'this network has a secret, and the call is not signed; reads work without a signature, and npm run task call signs',
          reason: 'not signed',
        },
      ])
      expect(await refusals(nodes[0], 'not signed')).toBe(before + 1)
    },
  )

  test('may not open a channel', async () => {
    expect(await send(nodes[0].url, { method: 'GET', path: '/channel' })).toMatchObject({ status: 401 })
  })

  test('is refused all that changes what peers believe or hold, or lets one take part', () => {
    const guarded = rows.filter((row) => row.signed).map(({ method, path }) => `${method} ${path}`)
    expect(guarded.toSorted()).toEqual(
      [
        'DELETE /forget/:key',
        'POST /digest',
        'POST /fetch',
        'POST /join',
        'POST /leave',
        'POST /meet',
        'POST /merge',
        'POST /records',
        'POST /sync',
        'POST /versions',
        'PUT /insert/:key',
        'PUT /keep',
        'PUT /predecessor',
        'PUT /successor',
        'PUT /tags',
      ].toSorted(),
    )
  })

  test.each(rows.filter((row) => row.method === 'GET').map((row) => [row.path, row] as const))(
    'may read %s',
    async (_path, row) => {
      expect((await send(nodes[0].url, { method: row.method, path: pathOf(row) })).status).not.toBe(401)
    },
  )

  test('is not heard by UDP either', async () => {
    const before = await drops(nodes[0], 'bad magic')
    const socket = createSocket('udp4')
    socket.send(Buffer.alloc(200), Number(new URL(nodes[0].url).port), '127.0.0.1', () => socket.close())
    await eventually(
      () => drops(nodes[0], 'bad magic'),
      (now) => now === before + 1,
    )
  })
})

describe('a node that does not know the secret', () => {
  const client = (known?: Keyring) =>
    new HttpNetwork(chordNodeApi, {
      network,
      callTimeoutMs: 500,
      validation: createValidation(160),
      observe: () => {},
      signer: known && new Signer(known, network, 'test'),
    })

  test.each<[string, Keyring | undefined]>([
    ['has none', undefined],
    ['has another one', new Keyring(() => 'a-secret-of-others')],
  ])('%s: to it the members are not there', async (_what, known) => {
    const http = client(known)
    await expect(http.call(nodes[0].me, 'fetch', { cursors: [] })).rejects.toBeInstanceOf(Unreachable)
    await http.close()
  })

  test('is not believed by those who know one', async () => {
    const open = await startNodeHere({ ...quick, membership: 'off' })
    const http = client(keyring)
    await expect(http.call(open.me, 'successor', {})).rejects.toThrow(/status 200 that is not signed/)
    await http.close()
  })
})

describe('whoever joins knocks first', () => {
  const [secured, open] = [() => Promise.resolve(nodes[0]), () => startNodeHere({ ...quick, membership: 'off' })]
  const answerOf = (peer: Peer) => ({ ...peer, network }) as NodeInfo
  const others = new Keyring(() => 'a-secret-of-others')

  test.each<[string, () => Promise<Live>, Keyring | undefined, RegExp | undefined]>([
    ['with the secret of the network is welcome', secured, keyring, undefined],
    ['without a secret is welcome where there is none', open, undefined, undefined],
    ['without a secret is told to get it', secured, undefined, /takes this node for a stranger: give it the secret/],
    ['with another secret is told to get the right one', secured, others, /takes this node for a stranger: give it the secret/],
    ['with a secret where there is none is told to leave it out', open, keyring, /does not know the secret of this node/],
  ])('%s', async (_what, start, known, message) => {
    const { me } = await start()
    const admitted = admitting([me.url], [answerOf(me)], network, known)
    if (message === undefined) expect(await admitted).toEqual([answerOf(me)])
    else {
      await expect(admitted).rejects.toThrow(message)
      await expect(admitted).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
    }
  })

  test.each<[string, () => Promise<Live>]>([
    ['has missed a rotation', () => startNodeHere({ ...quick, membership: 'off' }, [], others)],
    ['has no secret', open],
  ])('and is not kept from it by one that %s, nor told by it what the network is', async (_what, start) => {
    const [good, odd] = [nodes[0].me, (await start()).me]
    expect(await admitting([odd.url, good.url], [answerOf(odd), answerOf(good)], network, keyring)).toEqual([
      undefined,
      answerOf(good),
    ])
  })

  test('and is not kept from it by those who do not answer', async () => {
    const gone = { id, url: 'http://127.0.0.1:1' }
    expect(await admitting([gone.url], [answerOf(gone)], network, keyring)).toEqual([answerOf(gone)])
  })
})

test('calls in a channel are signed with it', async () => {
  const http = new HttpNetwork(chordNodeApi, {
    network,
    callTimeoutMs: 5000,
    validation: createValidation(160),
    observe: () => {},
    signer: new Signer(keyring, network, 'test'),
  })
  const asked = Array.from({ length: 20 }, () => http.call(nodes[2].me, 'keep', { records: [], with: [id] }))
  for (const reply of await Promise.all(asked)) expect(reply).toEqual({ kept: [] })
  await http.close()
})

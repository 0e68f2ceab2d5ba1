/** Packets between two real sockets, and what else may come in or fail to go out. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import type { Sender } from '../../src/ports.ts'
import { type Packet, packets } from '../../src/protocol/packets.ts'
import type { Peer } from '../../src/protocol/schemas.ts'
import { type Loss, UdpDatagrams } from '../../src/service/datagrams.ts'
import { Keyring } from '../../src/service/keyring.ts'
import { createLog } from '../../src/service/log.ts'
import { PacketCodec } from '../../src/service/packet.ts'
import { createValidation, type Validation } from '../../src/service/validation.ts'
import { freePort } from '../ports.ts'
import { eventually, network } from './live.ts'

const ping: Packet = { type: 'ping', seq: 1, target: 'b'.repeat(40), updates: [] }

/** A node's socket, and all that it has heard and counted. */
const listen = async (id: string, host = '127.0.0.1', validation = createValidation(160)) => {
  const port = await freePort()
  const heard: { packet: Packet; from: Sender }[] = []
  const counts: string[] = []
  const lost: Loss[] = []
  const lines: string[] = []
  const datagrams = new UdpDatagrams({
    codec: new PacketCodec({
      me: id,
      incarnation: 1,
      network,
      keyring: new Keyring(() => 'a-secret-of-a-network'),
      validation,
      now: Date.now,
    }),
    log: createLog('test', 'error', { write: (line: string) => void lines.push(line) }),
    hear: (packet, from) => {
      heard.push({ packet, from })
      if (packet.type === 'gossip') throw new Error('a defect')
    },
    observe: {
      sent: (type) => counts.push(`sent ${type}`),
      received: (type) => counts.push(`received ${type}`),
      dropped: (reason) => lost.push(reason),
    },
  })
  await datagrams.bind(host, port)
  onTestFinished(() => datagrams.close())
  const name = host.includes(':') ? `[${host}]` : host
  return { id, port, url: `http://${name}:${port}`, datagrams, heard, counts, lost, lines }
}
const [ada, bob] = ['a'.repeat(40), 'b'.repeat(40)]

test.each(['127.0.0.1', '::1', 'localhost'])('what one sends at %s the other hears, and can answer', async (host) => {
  const [from, to] = [await listen(ada, host), await listen(bob, host)]
  from.datagrams.send(to, ping)
  const [{ packet, from: sender } = {}] = await eventually(
    () => to.heard,
    ({ length }) => length > 0,
  )
  expect(packet).toEqual(ping)
  expect(sender).toMatchObject({ id: ada, incarnation: 1 })
  to.datagrams.send(sender as Peer, { ...ping, type: 'ack', now: 1 })
  const [answer] = await eventually(
    () => from.heard,
    ({ length }) => length > 0,
  )
  expect(answer?.packet.type).toBe('ack')
  expect(answer?.from.url).toBe(to.url)
  await eventually(
    () => from.counts,
    (counts) => counts.length === 2,
  )
  expect(from.counts.toSorted()).toEqual(['received ack', 'sent ping'])
})

test('whoever was never written to is known by its address, and by its name once it was', async () => {
  const [from, to] = [await listen(ada), await listen(bob)]
  const hear = async (count: number) =>
    (
      await eventually(
        () => to.heard,
        ({ length }) => length === count,
      )
    ).at(-1)?.from.url
  from.datagrams.send(to, ping)
  expect(await hear(1)).toBe(`http://127.0.0.1:${from.port}`)
  to.datagrams.send({ id: ada, url: `http://localhost:${from.port}` }, ping)
  await eventually(
    () => from.heard,
    ({ length }) => length === 1,
  )
  from.datagrams.send(to, ping)
  expect(await hear(2)).toBe(`http://localhost:${from.port}`)
})

test('whoever listens at every address speaks IPv4 too', async () => {
  const [from, to] = [await listen(ada, '::'), await listen(bob)]
  from.datagrams.send(to, ping)
  const [{ from: sender } = {}] = await eventually(
    () => to.heard,
    ({ length }) => length > 0,
  )
  to.datagrams.send(sender as Peer, ping)
  const [answer] = await eventually(
    () => from.heard,
    ({ length }) => length > 0,
  )
  expect(answer?.from.url).toBe(to.url)
})

test('what a stranger sends is counted by its reason and not heard', async () => {
  const to = await listen(bob)
  const stranger = createSocket('udp4')
  onTestFinished(() => void stranger.close())
  const unsigned = new PacketCodec({
    me: ada,
    incarnation: 1,
    network,
    keyring: undefined,
    validation: createValidation(160),
    now: Date.now,
  }).seal(bob, ping)
  for (const bytes of [Buffer.alloc(0), Buffer.from('hello'), Buffer.alloc(200), Buffer.alloc(60_000), unsigned])
    stranger.send(bytes, to.port, '127.0.0.1')
  await eventually(
    () => to.lost,
    ({ length }) => length === 5,
  )
  expect(to.lost.toSorted()).toEqual(['bad magic', 'not signed', 'too long', 'too short', 'too short'])
  expect(to.heard).toEqual([])
})

test('nobody there, a name that means nothing, an address that this socket cannot reach: packets are lost, and nothing ends', async () => {
  const [from, to] = [await listen(ada), await listen(bob)]
  from.datagrams.send({ id: bob, url: `http://127.0.0.1:${await freePort()}` }, ping)
  from.datagrams.send({ id: bob, url: `http://${'x'.repeat(64)}.invalid:10001` }, ping)
  from.datagrams.send({ id: bob, url: 'http://[::1]:10001' }, ping)
  await eventually(
    () => from.lost,
    ({ length }) => length === 2,
  )
  expect(from.lost).toEqual(['unsent', 'unsent'])
  from.datagrams.send(to, ping)
  await eventually(
    () => to.heard,
    ({ length }) => length === 1,
  )
})

test('a defect in what a node does with one packet leaves it the others', async () => {
  const [from, to] = [await listen(ada), await listen(bob)]
  from.datagrams.send(to, { type: 'gossip', updates: [] })
  from.datagrams.send(to, ping)
  await eventually(
    () => to.heard,
    ({ length }) => length === 2,
  )
})

test('nor does one in what checks a packet, and it is said', async () => {
  const { strict } = createValidation(160)
  const validation: Validation = {
    strict: (schema) =>
      schema === packets.gossip
        ? ((() => {
            throw new TypeError('a defect')
          }) as unknown as ReturnType<typeof strict>)
        : strict(schema),
  }
  const [from, to] = [await listen(ada), await listen(bob, '127.0.0.1', validation)]
  from.datagrams.send(to, { type: 'gossip', updates: [] })
  from.datagrams.send(to, ping)
  await eventually(
    () => to.heard,
    ({ length }) => length === 1,
  )
  expect(to.lost).toEqual([])
  expect(to.lines.filter((line) => line.includes('packet failed') && line.includes('a defect'))).toHaveLength(1)
})

test('a port that another program has is an error of the system', async () => {
  const other = createSocket('udp4')
  other.bind(0, '127.0.0.1')
  await once(other, 'listening')
  onTestFinished(() => void other.close())
  const { port } = other.address()
  const { datagrams } = await listen(ada)
  datagrams.close()
  await expect(datagrams.bind('127.0.0.1', port)).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

test('after its end nothing is sent, and nothing throws', async () => {
  const { datagrams, url, lost, counts } = await listen(ada)
  datagrams.send({ id: bob, url }, ping)
  datagrams.close()
  datagrams.close()
  datagrams.send({ id: bob, url }, ping)
  expect([lost, counts.filter((count) => count !== 'sent ping')]).toEqual([[], []])
})

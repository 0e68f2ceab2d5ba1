/** Requests that do not come to their end, and connections on which none begins: half of a body was kept for as long as the sender liked. */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { MemoryStore } from '../../src/content/memory-store.ts'
import { nodeApi } from '../../src/node/api.ts'
import { parseConfig } from '../../src/node/config.ts'
import { Node } from '../../src/node/node.ts'
import { Refusal } from '../../src/protocol/errors.ts'
import { HttpNetwork } from '../../src/service/client.ts'
import { ServiceClock } from '../../src/service/clock.ts'
import { hash } from '../../src/service/hash.ts'
import { createLog } from '../../src/service/log.ts'
import { Metrics } from '../../src/service/metrics.ts'
import { createServer } from '../../src/service/server.ts'
import { createValidation } from '../../src/service/validation.ts'

const chordNodeApi = nodeApi('chord')

/** @param store what takes its time */
const serve = (store?: Node['handlers']['store']) => {
  const config = parseConfig({ name: 'slow', url: 'http://127.0.0.1', network: '0'.repeat(16), incarnation: 0 })
  const log = createLog('slow', 'silent', { write: () => {} })
  const validation = createValidation(config.bits)
  const metrics = new Metrics()
  const network = new HttpNetwork(chordNodeApi, { ...config, validation, observe: metrics.called })
  const datagrams = { send: () => {} }
  const ports = {
    network,
    datagrams,
    clock: new ServiceClock(log),
    random: { below: () => 0 },
    store: new MemoryStore(),
    log,
    hash,
  }
  const node = new Node(config, ports, () => {})
  const handlers = store ? { ...node.handlers, store } : node.handlers
  const served = { me: node.me, config, handlers, info: () => node.info() }
  return createServer(served, { log, metrics, validation })
}

/** Has it listen somewhere. */
const portOf = async (app: ReturnType<typeof serve>): Promise<number> => {
  await app.listen({ host: '127.0.0.1', port: 0 })
  return (app.server.address() as AddressInfo).port
}

/** One whose stores are answered when the test says so. */
const silentServer = () => {
  let go = () => {}
  const silent = new Promise<void>((resolve) => (go = resolve))
  const slow = serve(async () => {
    await silent
    throw new Refusal('NOT_ENOUGH_COPIES', 'at last')
  })
  onTestFinished(() => slow.close())
  return { slow, go }
}

const storing = 'POST /store HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello'

let app: ReturnType<typeof serve>
beforeEach(() => {
  app = serve()
})
afterEach(() => app.close())

test('a request has half a minute, and so has a connection on which nothing happens', () => {
  const { requestTimeout, headersTimeout, timeout } = app.server
  expect({ requestTimeout, headersTimeout, timeout }).toEqual({
    requestTimeout: 30_000,
    headersTimeout: 30_000,
    timeout: 30_000,
  })
})

test.each([
  ['body', 'POST /store HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nhalf'],
  ['head', 'POST /store HTTP/1.1\r\nHost: 127.0'],
])('half a %s ends with an answer, and the connection with it, though the sender keeps it open', async (_, half) => {
  // The same, sooner.
  Object.assign(app.server, { requestTimeout: 50, headersTimeout: 50, connectionsCheckingInterval: 10 })
  const port = await portOf(app)
  const text = await new Promise<string>((resolve, reject) => {
    let answer = ''
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.write(half))
    onTestFinished(() => void socket.destroy())
    socket
      .on('data', (data) => (answer += String(data)))
      .on('error', reject)
      .on('end', () => resolve(answer))
  })
  expect(text).toContain('the request did not come to its end in time')
  await expect.poll(() => new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)))).toBe(0)
})

test('a connection on which nothing was said keeps nobody from stopping', async () => {
  const port = await portOf(app)
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  await expect.poll(() => new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)))).toBe(1)
  // Unless it is ended it lasts as long as a request may, longer than this test.
  await app.close()
})

// Stayed open for as long as its client would have it: a node that was asked all the while did not stop.
test('nor does one whose last answer came after the end had begun, and it says so', async () => {
  const { slow, go } = silentServer()
  const port = await portOf(slow)
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.write(storing.repeat(2)))
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.on('data', (data) => (text += String(data)))
  let asked = 0
  slow.server.on('request', () => asked++)
  await expect.poll(() => asked).toBe(2)
  const closed = slow.close()
  await expect.poll(async () => (await fetch(`http://127.0.0.1:${port}/healthz`)).headers.get('connection')).toBe('close')
  go()
  await closed
  await expect
    .poll(() => text.match(/HTTP\S* \d+|connection: \S*/gi))
    .toEqual(['HTTP/1.1 503', 'Connection: keep-alive', 'HTTP/1.1 503', 'connection: close'])
})

// The head of its answer promised that it would be kept; and was cut off a second after the end had begun.
test('nor does one whose answer is read to its end only then, however long that takes', async () => {
  const much = 'x'.repeat(64 * 1024 * 1024)
  const large = serve(() => Promise.reject(new Refusal('NOT_ENOUGH_COPIES', much)))
  const port = await portOf(large)
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.write(storing))
  onTestFinished(() => void socket.destroy())
  await once(socket, 'readable')
  const closed = large.close()
  let bytes = 0
  socket.on('data', (data: Buffer) => {
    const eighth = Math.floor((8 * bytes) / much.length)
    bytes += data.length
    if (Math.floor((8 * bytes) / much.length) === eighth) return
    socket.pause()
    setTimeout(() => socket.resume(), 200)
  })
  await closed
  await expect.poll(() => bytes).toBeGreaterThan(much.length)
})

test('nor does one whose answer nobody reads', async () => {
  const large = serve(() => Promise.reject(new Refusal('NOT_ENOUGH_COPIES', 'x'.repeat(64 * 1024 * 1024))))
  const port = await portOf(large)
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.write(storing))
  onTestFinished(() => void socket.destroy())
  await once(socket, 'readable')
  // Unless it is cut off it lasts as long as a connection may on which nothing happens, and longer than this test.
  await large.close()
}, 20_000)

test('whoever waits for an answer is not cut off for its silence', async () => {
  const { slow, go } = silentServer()
  // A listener of the server's own event would keep Node from cutting anyone off.
  slow.server.on('connection', (socket) => socket.once('timeout', () => setImmediate(go)))
  // The same, sooner.
  slow.server.setTimeout(100)
  const url = await slow.listen({ host: '127.0.0.1', port: 0 })
  const answer = await fetch(`${url}/store`, { method: 'POST', body: 'hello', headers: { 'content-type': 'text/plain' } })
  expect(await answer.json()).toMatchObject({ error: 'NOT_ENOUGH_COPIES', message: 'at last' })
})

test('a connection is cut on which nothing happens, and whoever has an answer and does not read it', async () => {
  const much = 'x'.repeat(64 * 1024 * 1024)
  const large = serve(() => Promise.reject(new Refusal('NOT_ENOUGH_COPIES', much)))
  onTestFinished(() => large.close())
  large.server.setTimeout(100)
  const port = await portOf(large)
  for (const said of ['', storing]) {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(said))
    onTestFinished(() => void socket.destroy())
    await once(large.server, 'timeout')
    await expect.poll(() => new Promise((resolve) => large.server.getConnections((_error, count) => resolve(count)))).toBe(0)
  }
})

test('who sends requests and reads no answers is answered to sixteen of them', async () => {
  const { slow, go } = silentServer()
  const port = await portOf(slow)
  const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(storing.repeat(40)))
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.on('data', (data) => (text += String(data)))
  const codes = () => [...text.matchAll(/"error":"(\w+)"/g)].map(([, code]) => code)
  await expect.poll(() => socket.bytesWritten).toBe(40 * storing.length)
  await fetch(`http://127.0.0.1:${port}/healthz`)
  go()
  await expect.poll(() => codes().length).toBe(40)
  expect(codes().filter((code) => code === 'OVERLOADED')).toHaveLength(24)
  socket.write(storing)
  await expect.poll(() => codes().length).toBe(41)
  expect(codes().at(-1)).toBe('NOT_ENOUGH_COPIES')
})

test('of large answers that nobody reads so many are kept, and others are answered all the while', async () => {
  const much = 'x'.repeat(40 * 1024 * 1024)
  const large = serve(() => Promise.reject(new Refusal('NOT_ENOUGH_COPIES', much)))
  onTestFinished(() => large.close())
  const url = await large.listen({ host: '127.0.0.1', port: 0 })
  const { port } = large.server.address() as AddressInfo
  const ask = async () => {
    const response = await fetch(`${url}/store`, { method: 'POST', body: 'hello', headers: { 'content-type': 'text/plain' } })
    return ((await response.json()) as { error: string }).error
  }
  expect(await ask()).toBe('NOT_ENOUGH_COPIES')
  const sockets = Array.from({ length: 3 }, () => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(storing))
    onTestFinished(() => void socket.destroy())
    return socket
  })
  await expect.poll(ask).toBe('OVERLOADED')
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  for (const socket of sockets) socket.destroy()
  await expect.poll(ask).toBe('NOT_ENOUGH_COPIES')
})

test('answers to those who have gone meanwhile do not count', async () => {
  const much = 'x'.repeat(40 * 1024 * 1024)
  const gone: Promise<void>[] = []
  let asked = 0
  const large = serve(async () => {
    await gone[asked++]
    throw new Refusal('NOT_ENOUGH_COPIES', much)
  })
  onTestFinished(() => large.close())
  const url = await large.listen({ host: '127.0.0.1', port: 0 })
  const { port } = large.server.address() as AddressInfo
  for (let number = 0; number < 4; number++) {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(storing))
    onTestFinished(() => void socket.destroy())
    const [connection] = (await once(large.server, 'connection')) as [Socket]
    gone.push(once(connection, 'close').then(() => {}))
    await once(large.server, 'request')
    socket.destroy()
    await gone.at(-1)
  }
  const response = await fetch(`${url}/store`, { method: 'POST', body: 'hello', headers: { 'content-type': 'text/plain' } })
  expect(await response.json()).toMatchObject({ error: 'NOT_ENOUGH_COPIES' })
})

// Counted for good: a client that asked for much and hung up made the node refuse all large answers.
test('nor do those that waited behind another one on its connection', async () => {
  const much = 'x'.repeat(40 * 1024 * 1024)
  let go = () => {}
  const silent = new Promise<void>((resolve) => (go = resolve))
  let asked = 0
  const large = serve(async () => {
    if (asked++ === 0) await silent
    throw new Refusal('NOT_ENOUGH_COPIES', much)
  })
  onTestFinished(() => large.close())
  const url = await large.listen({ host: '127.0.0.1', port: 0 })
  const { port } = large.server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(storing.repeat(4)))
  onTestFinished(() => void socket.destroy())
  const [connection] = (await once(large.server, 'connection')) as [Socket]
  const closed = once(connection, 'close')
  await expect.poll(() => asked).toBe(4)
  const ask = async () => {
    const response = await fetch(`${url}/store`, { method: 'POST', body: 'hello', headers: { 'content-type': 'text/plain' } })
    return ((await response.json()) as { error: string }).error
  }
  await expect.poll(ask).toBe('OVERLOADED')
  socket.destroy()
  await closed
  go()
  expect(await ask()).toBe('NOT_ENOUGH_COPIES')
})

// Was answered first, and so taken for the answer of what came before it.
test('what is no HTTP behind a request that is not answered yet ends the connection without a word', async () => {
  const { slow, go } = silentServer()
  const port = await portOf(slow)
  const answersTo = async (text: string) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(text))
    let heard = ''
    socket.on('data', (chunk) => (heard += String(chunk)))
    await once(socket, 'close')
    return heard
  }
  const chunked = 'POST /store HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n'
  expect(await answersTo(`${storing}GARBAGE\r\n\r\n`)).toBe('')
  expect(await answersTo(`${storing}GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGARBAGE\r\n\r\n`)).toBe('')
  expect(await answersTo(`${storing}${chunked}zz\r\n`)).toBe('')
  expect(await answersTo(`${chunked}zz\r\n`)).toMatch(/^HTTP\/1.1 400 /)
  expect(await answersTo('GARBAGE\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /)
  go()
})

// Was waited for until its end, and nothing was put in order then.
test.each([
  ['whose end is told', 'Content-Length: 10485760'],
  ['without an end', 'Transfer-Encoding: chunked'],
])('who goes on sending %s of what was too large keeps no server from its end', async (_, header) => {
  const app = serve()
  const port = await portOf(app)
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  onTestFinished(() => void socket.destroy())
  socket.write(`POST /store HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n${header}\r\n\r\n`)
  const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(0x100000, 'a'), Buffer.from('\r\n')])
  for (let sent = 0; sent < 9; sent++) socket.write(chunk)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(String(answer)).toMatch(/^HTTP\/1.1 413 /)
  await app.close()
})

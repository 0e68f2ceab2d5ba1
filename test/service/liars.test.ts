/** Peers that answer what no node would: whatever they say, the node that asked them goes on, and passes nothing on that others refuse. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { NodeConfig } from '../../src/node/config.ts'
import { hash } from '../../src/service/hash.ts'
import { idOf } from '../../src/space/id.ts'
import { freePort } from '../ports.ts'
import { eventually, type Live, startNodeHere } from './live.ts'

/** Someone at a url whose answers to some paths the test gives; to all else it says that there is no such thing. */
const liarOf = async (bits: number, answers: Record<string, { status: number; body: string }>) => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    request.resume()
    const path = Object.keys(answers).find((begun) => request.url?.startsWith(begun)) ?? ''
    asked.push(path)
    const { status, body } = answers[path] ?? { status: 404, body: '{}' }
    response.writeHead(status, { 'content-type': 'application/json' }).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  /** How often something was asked. */
  const times = (path: string) => asked.filter((one) => one === path).length
  return { me: { id: idOf(hash(url), bits), url }, times }
}

const ready = { status: 200, body: '{"state":"ready"}' }

/** A node that takes someone for a member. */
const whoKnows = async (member: object, settings: Partial<NodeConfig> = {}): Promise<Live> => {
  const node = await startNodeHere(settings)
  const body = JSON.stringify({ members: [{ ...member, incarnation: 1, state: 'alive' }] })
  const told = await fetch(`${node.url}/sync`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
  expect(told.status).toBe(200)
  await told.text()
  return node
}

const defectsIn = ({ lines }: Live) => lines.filter(({ level }) => Number(level) >= 50)

// Ended the node that had asked.
test.each(['nowhere at all', 'http://169.254.1.1:80', 'http://user@127.0.0.1:1'])(
  'whom a peer names in a refusal is not asked at %j',
  async (url) => {
    const standing = { held: false, complete: false, window: 0, ask: [{ id: 'a'.repeat(40), url }] }
    const body = JSON.stringify({ error: 'NOT_HELD', message: 'not held here', records: [], ...standing })
    const liar = await liarOf(160, { '/get/': { status: 404, body }, '/healthz': ready })
    const node = await whoKnows(liar.me)
    const answer = await fetch(`${node.url}/lookup?name=motd`)
    expect([404, 503]).toContain(answer.status)
    expect(JSON.stringify(await answer.json())).not.toContain(JSON.stringify(url))
    expect(liar.times('/get/')).toBeGreaterThan(0)
    expect(defectsIn(node)).toEqual([])
  },
)

// Ended the newcomer.
test('who is said to have the id of a newcomer is not asked at an address that is none', async () => {
  const bits = 8
  const port = await freePort()
  const id = idOf(hash(`http://127.0.0.1:${port}`), bits)
  let url = 'nowhere'
  for (let number = 0; idOf(hash(url), bits) !== id; number++) url = `nowhere ${number}`
  const body = JSON.stringify({ error: 'ID_TAKEN', message: 'taken', by: { id, url } })
  const liar = await liarOf(bits, { '/join': { status: 409, body } })
  const node = await startNodeHere({ bits, foundAfterMs: 500 }, [liar as unknown as Live], undefined, port)
  expect(liar.times('/join')).toBeGreaterThan(0)
  expect((await fetch(`${node.url}/readyz`)).status).toBe(200)
  expect(defectsIn(node)).toEqual([])
})

// Was kept and told to others, who refused all that came with it, and the channel in which it came.
test('half a surrogate pair in an answer goes no further', async () => {
  const url = 'http://127.0.0.1:1'
  const body = `{"members":[{"id":"${hash(url)}","url":"${url}","incarnation":1,"state":"alive","meta":{"name":"\\ud800","overlay":"chord","version":"1","tags":{}}}]}`
  const liar = await liarOf(160, { '/sync': { status: 200, body }, '/healthz': ready })
  const node = await whoKnows(liar.me, { syncEveryMs: 200 })
  await eventually(
    () => liar.times('/sync'),
    (times) => times > 1,
  )
  const { members } = (await (await fetch(`${node.url}/members`)).json()) as { members: { url: string }[] }
  expect(members.map((one) => one.url)).toContain(liar.me.url)
  expect(members.map((one) => one.url)).not.toContain(url)
})

test('of what a peer refuses with no more is logged than a person reads', async () => {
  const body = JSON.stringify({ error: 'OVERLOADED', message: `${'x'.repeat(499)}${'😀'.repeat(1_000_000)}` })
  const liar = await liarOf(160, { '/': { status: 503, body }, '/channel': { status: 404, body: '{}' } })
  const node = await startNodeHere()
  const headers = { 'content-type': 'application/json' }
  await (await fetch(`${node.url}/meet`, { method: 'POST', body: JSON.stringify(liar.me), headers })).text()
  const refused = await eventually(
    () => node.lines.filter(({ msg }) => msg === 'peer refused'),
    ({ length }) => length > 0,
  )
  for (const { why } of refused) {
    expect(String(why).length).toBeLessThan(1000)
    expect(String(why)).toSatisfy((text: string) => text.isWellFormed())
  }
})

// Each was looked for among all: seconds of work for one answer.
test('of one who tells of more values under a key than one call carries nothing is heard', async () => {
  const bits = 8
  const answers: Parameters<typeof liarOf>[1] = { '/healthz': ready, '/fetch': { status: 404, body: '{}' } }
  const liar = await liarOf(bits, answers)
  // It owns its own id.
  const key = liar.me.id
  const records = Array.from({ length: 30_000 }, (_, at) => ({
    key,
    index: `v:${key}${at.toString(16).padStart(38, '0')}`,
    contentType: 'text/plain',
    version: { hlc: '0'.repeat(16), origin: 'aa' },
  }))
  const body = JSON.stringify({ key, records, held: true, complete: true, window: 1, ask: [] })
  answers['/get/'] = { status: 200, body }
  const node = await whoKnows(liar.me, { bits, replicas: 1 })
  await (await fetch(`${node.url}/lookup/${key}`)).text()
  expect(liar.times('/get/')).toBeGreaterThan(0)
  // For a value that it has told of it would be asked.
  expect(liar.times('/fetch')).toBe(0)
})

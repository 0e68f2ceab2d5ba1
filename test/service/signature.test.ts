/** Signed calls: which are served, and which are not what was signed, or were said before. */
import fc from 'fast-check'
import { createHash, createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Keyring } from '../../src/service/keyring.ts'
import { Signer } from '../../src/service/signature.ts'
import { send } from './asking.ts'
import { type Live, network, startNode } from './live.ts'

const secret = 'a-secret-of-a-network'
const keyring = new Keyring(() => secret)

let nodes: [Live, Live]
beforeAll(async () => {
  nodes = [await startNode({ membership: 'off' }, [], keyring), await startNode({ membership: 'off' }, [], keyring)]
})
afterAll(() => Promise.all(nodes.map((node) => node.stop())))

describe('a signed call', () => {
  const fetching = { method: 'POST', path: '/fetch' }
  const body = '{"cursors":[]}'
  const signer = () => new Signer(keyring, network, 'test')
  const sign = (to: Live, asked = fetching, said: string | undefined = body, now = Date.now()) =>
    signer().sign({ ...asked, to: to.me.id }, said, now)
  const post = (to: Live, signature: string, said = body) => send(to.url, fetching, { body: said, signature })

  test('is served, and its answer is signed: neither its status nor its words can be changed', async () => {
    const call = sign(nodes[0])
    const answer = await post(nodes[0], call.header)
    expect(answer).toMatchObject({ status: 200, text: '{"records":[]}' })
    expect(signer().faultOf(call, answer)).toBeUndefined()
    expect(signer().faultOf(call, { ...answer, status: 404 })).toMatch(/bad tag/)
    expect(signer().faultOf(call, { ...answer, text: '{}' })).toMatch(/bad tag/)
    expect(signer().faultOf(call, { ...answer, signature: undefined })).toMatch(/not signed/)
    expect(signer().faultOf(sign(nodes[0]), answer)).toMatch(/bad tag/)
  })

  test('is served once', async () => {
    const { header } = sign(nodes[0])
    expect((await post(nodes[0], header)).status).toBe(200)
    const again = await post(nodes[0], header)
    expect(again.status).toBe(401)
    expect(JSON.parse(again.text)).toMatchObject({ error: 'UNAUTHORIZED', reason: 'replayed' })
  })

  test.each<[string, string, () => Promise<{ status: number; text: string }>]>([
    ['at another node', 'bad tag', () => post(nodes[1], sign(nodes[0]).header)],
    ['at another path', 'bad tag', () => post(nodes[0], sign(nodes[0], { method: 'POST', path: '/fetch?x=1' }).header)],
    ['with another body', 'another body', () => post(nodes[0], sign(nodes[0]).header, '{"cursors":["x"]}')],
    ['without its body', 'another body', () => send(nodes[0].url, fetching, { signature: sign(nodes[0]).header })],
    ['with another method', 'bad tag', () => post(nodes[0], sign(nodes[0], { method: 'PUT', path: '/fetch' }).header)],
    ['of six minutes ago', 'stale', () => post(nodes[0], sign(nodes[0], fetching, body, Date.now() - 360_000).header)],
    ['of six minutes ahead', 'stale', () => post(nodes[0], sign(nodes[0], fetching, body, Date.now() + 360_000).header)],
    [
      'of before the node began',
      'replayed',
      () => post(nodes[0], sign(nodes[0], fetching, body, nodes[0].config.incarnation - 1).header),
    ],
    [
      'with another secret',
      'unknown key',
      () => {
        const others = new Signer(new Keyring(() => 'a-secret-of-others'), network, 'test')
        return post(nodes[0], others.sign({ ...fetching, to: nodes[0].me.id }, body, Date.now()).header)
      },
    ],
    [
      'of another network',
      'bad tag',
      () => {
        const others = new Signer(keyring, 'f'.repeat(16), 'test')
        return post(nodes[0], others.sign({ ...fetching, to: nodes[0].me.id }, body, Date.now()).header)
      },
    ],
    ['that is none', 'no signature', () => post(nodes[0], 'please')],
    [
      'of a read, changed,',
      'bad tag',
      () => send(nodes[0].url, { method: 'GET', path: '/db' }, { signature: sign(nodes[0]).header }),
    ],
  ])('%s is refused: %s', async (_what, reason, call) => {
    const { status, text } = await call()
    expect([status, (JSON.parse(text) as { reason: string }).reason]).toEqual([401, reason])
  })
})

test('a signed header of any kind gets an answer, and so does a path that is none', async () => {
  const header = fc.stringMatching(/^[\x21-\x7e]([\x20-\x7e]{0,300}[\x21-\x7e])?$/)
  const good = new Signer(keyring, network, 'fuzz').sign(
    { to: nodes[0].me.id, method: 'GET', path: '/healthz' },
    undefined,
    Date.now(),
  )
  const near = fc.tuple(fc.nat(5), header).map(([at, word]) => good.header.split(' ').with(at, word).join(' '))
  await fc.assert(
    fc.asyncProperty(fc.oneof(header, near), async (signature) => {
      fc.pre(signature !== good.header)
      expect((await send(nodes[0].url, { method: 'GET', path: '/healthz' }, { signature })).status).toBe(401)
    }),
    { numRuns: 200 },
  )
  expect((await send(nodes[0].url, { method: 'GET', path: '/nothing' })).status).toBe(404)
  expect((await send(nodes[0].url, { method: 'GET', path: '/%ff' })).status).toBe(400)
  expect((await send(nodes[0].url, { method: 'POST', path: '/nodeinfo' })).status).toBe(405)
})

test('the signature is the one that docs/PROTOCOL.md tells', async () => {
  const line = '\n'
  const base64 = (bytes: Buffer) => bytes.toString('base64url')
  const key = createHash('sha256').update(`polychord key id${line}${secret}`).digest('hex').slice(0, 8)
  const [body, { id: to }] = ['{"cursors":[]}', nodes[1].me]
  const bodyHash = base64(createHash('sha256').update(body).digest())
  const words = ['someone.0123456789ab', String(Date.now()), '0', bodyHash]
  const tagOf = (text: string) => base64(createHmac('sha256', secret).update(text).digest().subarray(0, 16))
  const tag = tagOf(['polychord call', network, to, 'POST', '/fetch', ...words].join(line))
  const path = { method: 'POST', path: '/fetch' }
  const answer = await send(nodes[1].url, path, { body, signature: [key, ...words, tag].join(' ') })
  expect(answer.status).toBe(200)
  const answerHash = base64(createHash('sha256').update(answer.text).digest())
  expect(answer.signature).toBe(`${key} ${tagOf(['polychord reply', tag, '200', answerHash].join(line))}`)
})

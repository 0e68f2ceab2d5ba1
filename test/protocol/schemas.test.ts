import fc from 'fast-check'
import { expect, test } from 'vitest'
import { errorFromPeer, isErrorBody, Refusal, Unreachable } from '../../src/protocol/errors.ts'
import { peerApi } from '../../src/protocol/peer-api.ts'
import { isIdBits, isOrigin } from '../../src/protocol/schemas.ts'
import { createValidation } from '../../src/service/validation.ts'

test.each([
  ['http://127.0.0.1:10001', true],
  ['https://node-1.example.org', true],
  ['http://localhost:65535', true],
  ['http://[::1]:10001', true],
  ['http://127.0.0.1:10001/', false],
  ['http://127.0.0.1:10001/path', false],
  ['http://user@127.0.0.1:10001', false],
  ['http://127.0.0.1:80', false],
  ['https://a.example:443', false],
  ['http://127.0.0.1:65536', false],
  ['http://127.0.0.1:0', false],
  ['http://UPPER.example', false],
  ['ftp://127.0.0.1:21', false],
  ['http://169.254.169.254', false],
  // What is no address, and the same link-local address written as one number, in hex, in octal, inside IPv6
  ['http://999.1.1.1', false],
  ['http://1.2.3', false],
  ['http://2852039166', false],
  ['http://0xa9fea9fe', false],
  ['http://0251.0376.0251.0376', false],
  ['http://[::ffff:a9fe:a9fe]', false],
  ['http://[0:0:0:0:0:ffff:a9fe:a9fe]', false],
  ['http://[1:2:3]', false],
  ['http://[:::::]:1', false],
  ['http://[1::2::3]', false],
  ['http://[2001:db8::1]:8080', true],
  ['http://[1:2:3:4:5:6:7:8]', true],
  ['http://a..example', false],
  ['http://node-1.example2', true],
  ['http://[fe80::1]:1', false],
  // The same address in other words would be another peer.
  ['http://[0:0:0:0:0:0:0:1]:10001', false],
  ['http://[0001::1]:1', false],
  ['http://[1::0:0:2]:1', false],
  ['http://[1:2::3:4:5:6:7]:1', false],
  ['http://[1:0:0:2::3]:1', true],
  ['http://[::]:1', true],
  ['http://a.example\nhost: b', false],
  ['', false],
  // What a url parser takes for a label that is none would end whoever sends there.
  ['http://xn--a', false],
  ['http://a.xn--zzzz:8001', false],
  ['http://224.0.0.1:9', false],
  ['http://255.255.255.255:1', false],
])('%s is an origin: %s', (text, expected) => expect(isOrigin(text)).toBe(expected))

test('an origin is as parsers of urls write it', () => {
  const group = fc.constantFrom('0', '0', '0', '1', 'a0', '00', '0b', 'ffff', 'fe80')
  const parts = fc.array(group, { maxLength: 8 }).map((groups) => groups.join(':'))
  fc.assert(
    fc.property(fc.array(parts, { minLength: 1, maxLength: 3 }), (said) => {
      const url = `http://[${said.join('::')}]:1`
      if (isOrigin(url)) expect(new URL(url).origin).toBe(url)
      // And of what they write, nothing but link-local addresses, and IPv4 in other words, is none.
      else if (URL.canParse(url)) expect([url, /\[(fe8|::ffff:)/.test(url)]).not.toEqual([new URL(url).origin, false])
    }),
    { numRuns: 1000 },
  )
})

test.each([
  [8, true],
  [160, true],
  [10, false],
  [4, false],
  [164, false],
  [8.5, false],
])('ids of %s bits: %s', (bits, expected) => expect(isIdBits(bits)).toBe(expected))

test('a refusal survives the way to the caller, with those of its details that the caller looks at', () => {
  const by = { id: 'aa', url: 'http://127.0.0.1:2' }
  const refusal = new Refusal('ID_TAKEN', 'the id is taken', { by, more: [[]] })
  const body: unknown = JSON.parse(JSON.stringify(refusal.toBody()))
  expect(isErrorBody(body)).toBe(true)
  const back = isErrorBody(body) ? errorFromPeer('http://127.0.0.1:1', body) : undefined
  expect(back).toEqual(new Refusal('ID_TAKEN', 'the id is taken', { by }))
  expect(back).toMatchObject({ code: 'ID_TAKEN', status: 409, details: { by } })
  expect(Object.keys((back as Refusal).details)).toEqual(['by'])
})

test.each(['NOT_JOINED', 'OTHER_NETWORK', 'WRONG_NODE'] as const)('%s means that the peer one wanted is not there', (error) =>
  expect(errorFromPeer('http://127.0.0.1:1', { error, message: 'no' })).toBeInstanceOf(Unreachable),
)

test.each([[{ error: 'toString', message: '' }], [{ error: 'NOT_FOUND' }], [null], ['NOT_FOUND'], [[]]])(
  '%j is no error body',
  (body) => expect(isErrorBody(body)).toBe(false),
)

const id = 'a'.repeat(40)
const version = { hlc: '0'.repeat(16), origin: 'aa' }
const record = { key: id, index: `v:${id}`, value: 'x', contentType: 'text/plain', version }
const claims = { held: true, shared: true, complete: [], witnessed: [], doubting: false, forgotten: 0, knowsFrom: 0, knew: 0 }
const standing = { held: true, complete: true, window: 1, ask: [] }

// Sums of these became no numbers any more, and pages as long as a peer liked were worked on in one turn.
test.each<[keyof typeof peerApi, number, (many: number) => object]>([
  ['digest', 2 ** 32, (count) => ({ digests: [{ parts: [{ to: id, count, print: 'f'.repeat(16) }], ...claims }] })],
  ['records', 500, (length) => ({ records: Array.from({ length }, () => record) })],
  ['fetch', 500, (length) => ({ records: Array.from({ length }, () => record) })],
  ['versions', 500, (length) => ({ entries: Array.from({ length }, () => ({ index: record.index, version })) })],
  ['get', 27_962, (length) => ({ key: id, records: Array.from({ length }, () => record), ...standing })],
])('a reply to %s tells of %i at the most', (name, most, reply) => {
  const { strict } = createValidation(160)
  const fits = strict(peerApi[name].reply)
  expect([most, most + 1].map((many) => fits(reply(many)))).toEqual([true, false])
})

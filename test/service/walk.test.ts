/** The walk may send anything on to Ajv, but what it lets through Ajv would let through as well. */
import { Ajv } from 'ajv'
import fc from 'fast-check'
import { type TSchema, Type } from 'typebox'
import { expect, test } from 'vitest'
import { nodeApi } from '../../src/node/api.ts'
import { packets, Tags } from '../../src/protocol/packets.ts'
import type { Row } from '../../src/protocol/rpc.ts'
import { formats } from '../../src/protocol/schemas.ts'
import { walkOf } from '../../src/service/walk.ts'

const chordNodeApi = nodeApi('chord')

const known = formats(16)
const ajv = new Ajv({ strictTypes: false, formats: known })

const id = 'a0b1'
const peer = { id, url: 'http://127.0.0.1:10001' }
const version = { hlc: '0'.repeat(16), origin: id }
const record = { key: id, index: `v:${'a'.repeat(40)}`, value: 'hello', contentType: 'text/plain', version }

const rows = Object.entries<Row>(chordNodeApi).flatMap(([name, { request, reply }]): [string, TSchema][] => [
  [`${name}, request`, request],
  [`${name}, reply`, reply],
])
const parcels = Object.entries(packets).map(([name, packet]): [string, TSchema] => [`a packet of ${name}`, packet])

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(id, peer.url, version.hlc, record.index, 'A0B1', 'http://127.0.0.1:80', 'fingers', '', '7', 'x'.repeat(600)),
  fc.constantFrom('\u{1f600}'.repeat(300), '\ud800', 'v:', 'base64', 'ready'),
)
const anything = fc.oneof(
  text,
  fc.jsonValue(),
  fc.integer({ min: -1, max: 2000 }),
  fc.constantFrom(null, undefined, NaN, 1.5, 2 ** 60, peer, version, record, { ...record, value: null }, { ...peer, more: 1 }),
  fc.array(fc.constantFrom<unknown>(id, peer, record, true, 'A0'), { maxLength: 70 }),
)

/** Mostly what the schema asks for, in places something else. */
const near = (schema: TSchema): fc.Arbitrary<unknown> => {
  const { properties, patternProperties, items, type } = schema as {
    properties?: Record<string, TSchema>
    patternProperties?: Record<string, TSchema>
    items?: TSchema
    type?: string
  }
  const [alike] = Object.values(patternProperties ?? {})
  const fitting = properties
    ? fc.record(Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, near(one)])), { requiredKeys: [] })
    : alike
      ? fc.dictionary(fc.oneof(fc.constantFrom('zone', 'a b', ''), text), near(alike), { maxKeys: 3 })
      : items
        ? fc.array(near(items), { maxLength: 3 })
        : type === 'string'
          ? text
          : type === 'integer'
            ? fc.integer({ min: -1, max: 2000 })
            : type === 'boolean'
              ? fc.boolean()
              : anything
  return fc.oneof({ weight: 12, arbitrary: fitting }, { weight: 1, arbitrary: anything })
}

test.each([...rows, ...parcels])('%s: what the walk lets through fits', (_name, schema) => {
  const walk = walkOf(schema, known)
  const valid = ajv.compile(schema)
  fc.assert(
    fc.property(near(schema), (value) => {
      if (walk(value)) expect(valid(value), JSON.stringify(value)).toBe(true)
    }),
  )
})

const meta = { name: 'node-10001', overlay: 'chord', version: '0.1.0', tags: { zone: 'a' } }
const member = { ...peer, incarnation: 1, state: 'alive', meta }
const nodeInfo = {
  ...peer,
  network: 'a network',
  name: 'node-10001',
  overlay: 'chord',
  bits: 16,
  replicas: 3,
  mode: 'onehop',
  version: '0.1.0',
  incarnation: 1,
  state: 'ready',
  degraded: false,
  content: { owned: 0, replicas: 0, misplaced: 0, bytes: 0, full: false, moving: 0, complete: true },
  membership: {
    alive: 3,
    suspect: 0,
    dead: 1,
    left: 0,
    health: 0,
    cutOff: false,
    known: true,
    aheadMs: 0,
    drops: { stranger: 1 },
  },
}

test('what nodes say to each other all day needs no Ajv', () => {
  const { value: _, ...outline } = record
  const said: [keyof typeof chordNodeApi, 'request' | 'reply', object][] = [
    ['route', 'request', { key: id, count: 8, avoid: [id], mode: 'fingers' }],
    ['route', 'reply', { peers: [peer, peer], final: true }],
    ['neighborhood', 'reply', { self: peer, predecessor: peer, successors: [peer] }],
    ['insert', 'request', { key: id, record: { ...record, value: null, name: 'greeting', expiresAt: 1 }, with: [id] }],
    ['insert', 'reply', { version: record.version, held: true, complete: true, window: 3, ask: [] }],
    ['keep', 'request', { records: [record], with: [id] }],
    ['keep', 'reply', { kept: [true, false] }],
    ['get', 'request', { key: id, index: record.index, brief: true }],
    ['get', 'reply', { key: id, records: [record, outline], held: true, complete: true, window: 3, ask: [peer] }],
    ['digest', 'request', { arcs: [{ from: id, to: id, count: 1, print: 'f'.repeat(16) }], by: id }],
    ['lookup', 'request', { key: id, mode: 'linear' }],
    ['nodeinfo', 'reply', nodeInfo],
    ['sync', 'request', { members: [member] }],
    ['sync', 'reply', { members: [member] }],
  ]
  for (const [name, side, value] of said) expect(walkOf(chordNodeApi[name][side], known)(value), name).toBe(true)
  expect(walkOf(packets.gossip, known)({ updates: [member] }), 'gossip').toBe(true)
})

test.each([
  ['a keyword that it does not know', Type.Object({}, { minProperties: 1 }), { a: 1 }],
  ['a format that nobody knows', Type.String({ format: 'colour' }), 'red'],
  ['a length that is counted in characters', Type.String({ maxLength: 2 }), '\u{1f600}\u{1f600}'],
  ['a number in a text', Type.Integer(), '7'],
  ['no object', Type.Object({}), []],
  ['what is undefined, by a name that is like a pattern', Tags, { zone: undefined }],
])('%s is for Ajv', (_what, schema, value) => expect(walkOf(schema, known)(value)).toBe(false))

/** Packets as bytes: what comes out is what was put in, and whatever else comes in is dropped for a reason. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Packet, packetBytes } from '../../src/protocol/packets.ts'
import { Keyring, skewMs } from '../../src/service/keyring.ts'
import { type Drop, drops, type Opened, PacketCodec } from '../../src/service/packet.ts'
import { createValidation } from '../../src/service/validation.ts'

const network = '0123456789abcdef'
const secret = 'a-secret-of-a-network'
const [ada, bob] = ['a'.repeat(40), 'b'.repeat(40)]
const began = 1_763_640_000_000

interface Codec {
  readonly me?: string
  readonly incarnation?: number
  readonly network?: string
  readonly secret?: string | undefined
  readonly bits?: number
  /** ms after `began`. */
  readonly now?: () => number
}
const codec = (setting: Codec = {}) => {
  const text = 'secret' in setting ? setting.secret : secret
  return new PacketCodec({
    me: setting.me ?? bob,
    incarnation: setting.incarnation ?? 7,
    network: setting.network ?? network,
    keyring: text === undefined ? undefined : new Keyring(() => text),
    validation: createValidation(setting.bits ?? 160),
    now: () => began + (setting.now?.() ?? 0),
  })
}
const sender = (setting: Codec = {}) => codec({ me: ada, ...setting })

const update = { id: ada, url: 'http://127.0.0.1:1', incarnation: 7, state: 'alive' as const }
const ping: Packet = { type: 'ping', seq: 3, target: bob, updates: [update] }
const each: Packet[] = [
  ping,
  { type: 'ack', seq: 3, target: bob, updates: [], now: 1_764_000_000_000 },
  { type: 'pingReq', seq: 3, target: ada, updates: [] },
  { type: 'nack', seq: 3, target: ada, updates: [] },
  { type: 'gossip', updates: [{ ...update, state: 'suspect', from: bob }] },
]

describe.each([
  ['signed', secret],
  ['not signed', undefined],
])('%s', (_what, shared) => {
  test.each(each)('$type', (packet) => {
    const opened = codec({ secret: shared }).open(sender({ secret: shared }).seal(bob, packet))
    expect(opened).toEqual({ packet, sender: { id: ada, incarnation: 7 } })
  })

  test.each([8, 12, 32])('ids of %i bits', (bits) => {
    const [one, two] = ['1'.repeat(bits / 4), '2'.repeat(bits / 4)]
    const packet: Packet = { type: 'ping', seq: 0, target: two, updates: [] }
    const opened = codec({ me: two, bits, secret: shared }).open(sender({ me: one, bits, secret: shared }).seal(two, packet))
    expect(opened).toEqual({ packet, sender: { id: one, incarnation: 7 } })
  })

  test('no bytes make it throw, whatever they are', () => {
    const receiver = codec({ secret: shared })
    const bytes = sender({ secret: shared }).seal(bob, ping)
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 1600 }),
      // What begins well.
      fc
        .tuple(fc.nat(bytes.length), fc.uint8Array({ maxLength: 300 }))
        .map(([kept, rest]) => Buffer.concat([bytes.subarray(0, kept), rest])),
      fc.jsonValue().map((json) => Buffer.concat([bytes.subarray(0, 80), Buffer.from(JSON.stringify(json))])),
    )
    fc.assert(
      fc.property(anything, (these) => {
        const opened = receiver.open(Buffer.from(these))
        if (typeof opened === 'string') expect(drops).toContain(opened)
        else if (shared !== undefined) expect(Buffer.compare(Buffer.from(these), bytes)).toBe(0)
      }),
      { numRuns: 2000 },
    )
  })
})

test('of a signed packet no byte can be changed, left out or added', () => {
  const bytes = sender().seal(bob, ping)
  const receiver = codec()
  for (const [at, byte] of bytes.entries()) {
    const changed = Buffer.from(bytes)
    changed[at] = byte ^ (1 << (at % 8))
    expect(receiver.open(changed), `byte ${at}`).toBeTypeOf('string')
    expect(receiver.open(bytes.subarray(0, at)), `cut at ${at}`).toBeTypeOf('string')
    expect(receiver.open(Buffer.concat([bytes.subarray(0, at), Buffer.of(0), bytes.subarray(at)]))).toBeTypeOf('string')
  }
  expect(receiver.open(bytes)).toHaveProperty('packet', ping)
  expect(receiver.open(bytes)).toBe('replayed')
})

/** A sealed packet, tampered with by someone who knows the secret. */
const signedAgain = (bytes: Buffer, tamper: (bytes: Buffer) => Buffer): Buffer => {
  const words = tamper(Buffer.from(bytes.subarray(0, -16)))
  return Buffer.concat([words, new Keyring(() => secret).sign(words)])
}
const poked = (at: number, value: number) => (bytes: Buffer) => {
  bytes[at] = value
  return bytes
}
const withBody = (body: string | Buffer) => (bytes: Buffer) =>
  Buffer.concat([bytes.subarray(0, 80), Buffer.from(body as string)])

describe('every reason to drop a packet', () => {
  const sealed = (setting: Codec = {}) => sender(setting).seal(bob, ping)
  const rows: [Drop, () => Opened | Drop][] = [
    ['too short', () => codec().open(Buffer.alloc(0))],
    ['too short', () => codec().open(sealed().subarray(0, 95))],
    ['too long', () => codec().open(Buffer.concat([sealed(), Buffer.alloc(packetBytes)]))],
    ['bad magic', () => codec().open(poked(0, 0)(sealed()))],
    ['unknown version', () => codec().open(poked(2, 9)(sealed()))],
    ['not signed', () => codec().open(sealed({ secret: undefined }))],
    ['unknown key', () => codec().open(sealed({ secret: 'a-secret-of-others' }))],
    ['unknown key', () => codec({ secret: undefined }).open(sealed())],
    ['bad tag', () => codec().open(poked(90, 0)(sealed()))],
    ['other network', () => codec().open(sealed({ network: 'f'.repeat(16) }))],
    ['from myself', () => codec().open(sender({ me: bob }).seal(bob, ping))],
    ['not for me', () => codec().open(sender().seal('c'.repeat(40), ping))],
    ['stale', () => codec({ now: () => skewMs + 1 }).open(sealed())],
    ['stale', () => codec().open(sealed({ now: () => skewMs + 1 }))],
    ['replayed', () => codec({ now: () => 1 }).open(sealed())],
    ['unknown type', () => codec().open(signedAgain(sealed(), poked(3, 99)))],
    ['unparsable', () => codec().open(signedAgain(sealed(), withBody('{"seq":')))],
    ['unparsable', () => codec().open(signedAgain(sealed(), withBody(Buffer.of(0xff, 0xfe))))],
    ['unparsable', () => codec().open(signedAgain(sealed(), withBody('{"seq":1,"target":"zz","updates":[]}')))],
    [
      'unparsable',
      () => codec().open(signedAgain(sealed(), withBody(`{"seq":1,"target":"${bob}","updates":[],"__proto__":{}}`))),
    ],
    ['unparsable', () => codec().open(signedAgain(sealed(), withBody(JSON.stringify({ ...ping, seq: -1 }))))],
    ['unparsable', () => codec().open(signedAgain(sealed(), poked(64, 0xff)))],
    // Of another width it is not the id that its last digits are.
    [
      'unparsable',
      () => codec({ me: '22', bits: 8 }).open(sender({ me: ada }).seal('22', { ...ping, target: '22', updates: [] })),
    ],
  ]

  test.each(rows)('%s', (reason, open) => expect(open()).toBe(reason))

  test('older boot', () => {
    const receiver = codec()
    expect(receiver.open(sealed({ incarnation: 8 }))).toHaveProperty('packet')
    expect(receiver.open(sealed({ incarnation: 7 }))).toBe('older boot')
  })

  test('is among these', () => expect(new Set([...rows.map(([reason]) => reason), 'older boot'])).toEqual(new Set(drops)))
})

test('packets may overtake each other by a thousand, and none is heard twice', () => {
  const from = sender()
  const packets = Array.from({ length: 1500 }, () => from.seal(bob, ping))
  const receiver = codec()
  const open = (at: number) => receiver.open(packets[at] as Buffer)
  expect(open(1400)).toHaveProperty('packet')
  expect(open(400)).toHaveProperty('packet')
  expect(open(376)).toBe('replayed')
  expect(open(400)).toBe('replayed')
})

test('the tag is the last of it: a packet of the greatest size passes, one byte more is a defect of ours', () => {
  const room = packetBytes - sender().seal(bob, { ...ping, updates: [{ ...update, meta: metaOf(0) }] }).length
  const sized = (bytes: number): Packet => ({ ...ping, updates: [{ ...update, meta: metaOf(bytes) }] })
  expect(codec().open(sender().seal(bob, sized(room)))).toHaveProperty('sender')
  expect(() => sender().seal(bob, sized(room + 1))).toThrow(`a packet of ${packetBytes + 1} bytes`)
})

/** So many characters in tags, however they are spread. */
const metaOf = (chars: number) => ({
  name: 'x',
  overlay: 'chord',
  version: '0',
  tags: Object.fromEntries(
    ['a', 'b', 'c', 'd', 'e', 'f'].map((tag, at) => [tag, 'x'.repeat(Math.max(0, Math.min(256, chars - 256 * at)))]),
  ),
})

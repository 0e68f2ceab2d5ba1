/**
 * One packet as the bytes of a datagram: a header, a body in JSON, and, where the network has a secret, a tag over all of it.
 *
 *   0  magic "pc"   2  version   3  type   4  key id (4 bytes; 0: not signed)   8  network (8)   16  sender (20)
 *   36  sender's incarnation (8)   44  receiver (20)   64  number (8, from 0 in each life)   72  time, ms since 1970 (8)
 *   80  the body   and, of a signed packet, the tag (16)
 *
 * Whatever comes in is looked at in this order and dropped for the first reason there is; nothing of it is parsed before its tag is
 * found good. One secret for all: it keeps strangers out, and does not tell one member from another.
 */
import assert from 'node:assert/strict'
import type { ValidateFunction } from 'ajv'
import type { Sender } from '../ports.ts'
import { type Packet, packetBytes, packets, type PacketType } from '../protocol/packets.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Id } from '../space/id.ts'
import { parseJson } from './json.ts'
import { keyIdDigits, type Keyring, skewMs, tagBytes } from './keyring.ts'
import { Replays } from './replays.ts'
import type { Validation } from './validation.ts'

export const drops = [
  'too short',
  'too long',
  'bad magic',
  'unknown version',
  'not signed',
  'unknown key',
  'bad tag',
  'other network',
  'from myself',
  'not for me',
  'stale',
  'older boot',
  'replayed',
  'unknown type',
  'unparsable',
] as const
/** Why a datagram was not heeded. */
export type Drop = (typeof drops)[number]

export interface Opened {
  readonly packet: Packet
  readonly sender: Pick<Sender, 'id' | 'incarnation'>
}

export interface PacketSetting {
  readonly me: Id
  readonly incarnation: number
  /** The id of the network. */
  readonly network: string
  /** Undefined where the network has no secret: then nothing is signed, and nothing that is signed is heeded. */
  readonly keyring: Keyring | undefined
  readonly validation: Validation
  /** ms since 1970. */
  readonly now: () => number
}

const magic = 0x7063
/** Of the layout. */
export const version = 1
const at = { version: 2, type: 3, key: 4, network: 8, sender: 16, incarnation: 36, receiver: 44, seq: 64, time: 72, body: 80 }
const idDigits = 40
const noKey = '0'.repeat(keyIdDigits)

/** How the types travel. */
export const codes: Readonly<Record<PacketType, number>> = { ping: 1, ack: 2, pingReq: 3, nack: 4, gossip: 5 }
const types = new Map(Object.entries(codes).map(([type, code]) => [code, type as PacketType]))

/** How far a packet may overtake others of its sender. */
const window = 1024
const sendersMost = 4096

export class PacketCodec {
  readonly #setting: PacketSetting
  readonly #me: Buffer
  /** What ids of this network's width lack to 20 bytes. */
  readonly #padding: string
  readonly #network: Buffer
  readonly #valid: Readonly<Record<PacketType, ValidateFunction>>
  readonly #replays: Replays
  #seq = 0

  constructor(setting: PacketSetting) {
    const { me, network, keyring, validation, now } = setting
    this.#setting = setting
    this.#me = bytesOf(me)
    this.#padding = '0'.repeat(idDigits - me.length)
    this.#network = Buffer.from(network, 'hex')
    this.#valid = {
      ping: validation.strict(packets.ping),
      ack: validation.strict(packets.ack),
      pingReq: validation.strict(packets.pingReq),
      nack: validation.strict(packets.nack),
      gossip: validation.strict(packets.gossip),
    }
    this.#replays = new Replays({ window, senders: sendersMost, since: keyring ? Math.floor(now()) : undefined })
  }

  seal(to: Id, { type, ...body }: Packet): Buffer {
    const { keyring, incarnation, now } = this.#setting
    const text = Buffer.from(JSON.stringify(body))
    const end = at.body + text.length
    const bytes = Buffer.alloc(end + (keyring ? tagBytes : 0))
    assert(bytes.length <= packetBytes, `a packet of ${bytes.length} bytes`)
    bytes.writeUInt16BE(magic)
    bytes[at.version] = version
    bytes[at.type] = codes[type]
    this.#network.copy(bytes, at.network)
    this.#me.copy(bytes, at.sender)
    bytes.writeBigUInt64BE(BigInt(incarnation), at.incarnation)
    bytesOf(to).copy(bytes, at.receiver)
    bytes.writeBigUInt64BE(BigInt(this.#seq++), at.seq)
    bytes.writeBigUInt64BE(BigInt(Math.floor(now())), at.time)
    text.copy(bytes, at.body)
    if (keyring) {
      bytes.write(keyring.keyId, at.key, 'hex')
      keyring.sign(bytes.subarray(0, end)).copy(bytes, end)
    }
    return bytes
  }

  /** What a datagram says, and who says it; or why it is dropped. Whatever they are, nothing is thrown but for a defect of ours. */
  open(bytes: Buffer): Opened | Drop {
    const drop = this.#strange(bytes)
    if (drop !== undefined) return drop
    const sender = bytes.toString('hex', at.sender, at.sender + 20)
    const incarnation = numberIn(bytes, at.incarnation)
    const stale = this.#stale(bytes, sender, incarnation)
    if (stale !== undefined) return stale
    const type = types.get(bytes[at.type] as number)
    if (type === undefined) return 'unknown type'
    const body = this.#parse(type, bytes)
    if (body === undefined) return 'unparsable'
    return { packet: { ...body, type } as Packet, sender: { id: sender.slice(this.#padding.length), incarnation } }
  }

  /** Why this is none of this network, or not for this node. */
  #strange(bytes: Buffer): Drop | undefined {
    const { keyring } = this.#setting
    if (bytes.length < at.body + (keyring ? tagBytes : 0)) return 'too short'
    if (bytes.length > packetBytes) return 'too long'
    if (bytes.readUInt16BE() !== magic) return 'bad magic'
    if (bytes[at.version] !== version) return 'unknown version'
    const keyId = bytes.toString('hex', at.key, at.key + keyIdDigits / 2)
    if (keyring) {
      if (keyId === noKey) return 'not signed'
      const end = bytes.length - tagBytes
      const verdict = keyring.verify(keyId, bytes.subarray(0, end), bytes.subarray(end))
      if (verdict !== 'good') return verdict
    } else if (keyId !== noKey) return 'unknown key'
    if (this.#network.compare(bytes, at.network, at.network + 8) !== 0) return 'other network'
    if (this.#me.compare(bytes, at.sender, at.sender + 20) === 0) return 'from myself'
    if (this.#me.compare(bytes, at.receiver, at.receiver + 20) !== 0) return 'not for me'
    return undefined
  }

  /** Why this is not the first time that it is heard. */
  #stale(bytes: Buffer, sender: string, incarnation: number): Drop | undefined {
    const seq = numberIn(bytes, at.seq)
    const time = numberIn(bytes, at.time)
    if (![incarnation, seq, time].every(Number.isSafeInteger) || !sender.startsWith(this.#padding)) return 'unparsable'
    if (this.#setting.keyring && Math.abs(time - this.#setting.now()) > skewMs) return 'stale'
    const novelty = this.#replays.take(sender, incarnation, seq, time)
    return novelty === 'new' ? undefined : novelty
  }

  #parse(type: PacketType, bytes: Buffer): object | undefined {
    try {
      const body = parseJson(bytes.subarray(at.body, bytes.length - (this.#setting.keyring ? tagBytes : 0)))
      return this.#valid[type](body) ? (body as object) : undefined
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return undefined
    }
  }
}

const numberIn = (bytes: Buffer, offset: number): number => Number(bytes.readBigUInt64BE(offset))

/** An id of any width as 20 bytes. */
const bytesOf = (id: Id): Buffer => Buffer.from(id.padStart(idDigits, '0'), 'hex')

/**
 * What members say to each other in single packets, which may get lost, come twice or come late: SWIM's messages, and the
 * updates that ride on them. SWIM (DSN'02) §3, §4.1; Lifeguard (arXiv 1707.00788) §IV.
 */
import { type Static, Type } from 'typebox'
import { exact, IdText, Name } from './schemas.ts'

export const memberStates = ['alive', 'suspect', 'dead', 'left'] as const

/** Of one datagram, header and signature included: what passes any link undivided. */
export const packetBytes = 1400
/** Of what a member tells of itself, as JSON. */
export const metaBytes = 512
/** Others that one node knows at the most, tombstones among them. */
export const membersMost = 4096

const Natural = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

/** What a member is said to be besides: `{ zone: 'a' }`. No commas: as an option they are a list. */
export const Tags = Type.Record(
  Type.String({ pattern: '^[a-zA-Z0-9_.-]{1,64}$' }),
  Type.String({ maxLength: 256, pattern: '^[^,\\p{Cc}]*$', description: 'text without commas and control characters' }),
  // Else a name that is none could have any value.
  { additionalProperties: false },
)

/** What a member tells of itself: `{ name: 'node-10001', overlay: 'chord', version: '0.1.0', tags: { zone: 'a' } }`. */
export const Meta = exact({
  name: Name,
  overlay: Type.String({ maxLength: 32 }),
  version: Type.String({ maxLength: 32 }),
  tags: Tags,
})
export type Meta = Static<typeof Meta>

/**
 * One member as someone believes it to be. The incarnation is the member's own: ms since 1970 at its start, and one more with each
 * refutation and each change of what it tells of itself. `from`: who accuses it. `settled`: it lives, and has been there for thirty
 * rounds of gossip, so that whoever is with it has heard of it.
 */
export const Update = exact({
  id: IdText,
  url: Type.String({ format: 'origin', maxLength: 255 }),
  incarnation: Natural,
  state: Type.Enum(memberStates),
  from: Type.Optional(IdText),
  meta: Type.Optional(Meta),
  settled: Type.Optional(Type.Literal(true)),
})
export type Update = Static<typeof Update>

const updates = Type.Array(Update, { maxItems: 64 })
const Question = exact({ seq: Natural, target: IdText, updates })

/**
 * By type. `ping`: are you there? `ack`: yes, to `seq`, and by the clock of whoever says so it is `now`; from a helper: that the one you
 * asked about is. `pingReq`: ping that one for me. `nack`: it has not answered me yet. `gossip`: updates alone.
 */
export const packets = {
  ping: Question,
  ack: exact({ ...Question.properties, now: Natural }),
  pingReq: Question,
  nack: Question,
  gossip: exact({ updates }),
}
export type PacketType = keyof typeof packets
export type Packet = { [T in PacketType]: { readonly type: T } & Readonly<Static<(typeof packets)[T]>> }[PacketType]

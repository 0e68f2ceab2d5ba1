/** What can be set of the failure detector: defaults are those of a local network, presets what differs elsewhere. */
import { type Static, Type } from 'typebox'

const ms = (fallback: number, minimum = 10) => Type.Integer({ minimum, default: fallback })

/** Where nobody says which preset. */
export const usualMembership = 'lan'

export const membershipOptions = {
  /** Which preset the knobs below start from; off: nobody but the overlay says who is there. */
  membership: Type.Enum(['off', 'local', 'lan', 'wan'], { default: usualMembership }),
  /** The protocol period T': between two probes, each of another member. Less: failures are seen sooner, more packets. SWIM §3.1. */
  probeEveryMs: ms(1000),
  /** For an ack before others are asked to probe; about the 99th percentile of a round trip, and less than the period. */
  probeTimeoutMs: ms(500),
  /** Members asked to ping on our behalf, k. More: fewer false suspicions, 4 more packets for each failed probe. SWIM §3.1. */
  indirectProbes: Type.Integer({ minimum: 0, maximum: 16, default: 3 }),
  /**
   * Shortest suspicion: suspicionMult × max(1, log10 N) periods; members that confirm it, K = suspicionMult − 2. More: fewer false
   * deaths, later true ones.
   */
  suspicionMult: Type.Integer({ minimum: 1, maximum: 32, default: 4 }),
  /** Longest suspicion, that of an accuser whom nobody confirms: so many times the shortest. 1: SWIM's fixed time-out. Lifeguard §IV-B. */
  suspicionMaxMult: Type.Integer({ minimum: 1, maximum: 32, default: 6 }),
  /** A node that doubts itself stretches its period up to so many times. 1: never. Lifeguard §IV-A, S. */
  healthMax: Type.Integer({ minimum: 1, maximum: 32, default: 8 }),
  /** Times that one update is sent: retransmitMult × ⌈log10(N + 1)⌉. SWIM §4.1, λ. */
  retransmitMult: Type.Integer({ minimum: 1, maximum: 32, default: 4 }),
  /** Between two rounds of gossip, which are only made while there is news. */
  gossipEveryMs: ms(200),
  /** Members that one round of gossip goes to. */
  gossipNodes: Type.Integer({ minimum: 1, maximum: 16, default: 3 }),
  /** How long the dead are gossiped to as well, so that they can refute it. */
  gossipToDeadMs: ms(30_000, 0),
  /** Between two exchanges of all members with someone, over HTTP; × (⌈log2 N⌉ − 4) in networks of more than 32. */
  syncEveryMs: ms(30_000),
  /** Between two attempts to reach someone dead, or the seeds when nobody else is left: how a healed network grows together. */
  reconnectEveryMs: ms(30_000),
  /** How long the dead and those who left are remembered. */
  tombstoneMs: ms(24 * 3600_000),
  /** `zone=a,disk=ssd`: what this node tells of itself besides; 512 bytes in all. */
  tags: Type.String({ maxLength: 512, default: '' }),
}

/** What differs from a local network with some distance between machines. `local`: one machine; `wan`: between data centres. */
export const membershipPresets = {
  off: {},
  local: {
    probeEveryMs: 500,
    probeTimeoutMs: 200,
    gossipEveryMs: 100,
    gossipToDeadMs: 15_000,
    syncEveryMs: 15_000,
    reconnectEveryMs: 5_000,
  },
  lan: {},
  wan: {
    probeEveryMs: 5000,
    probeTimeoutMs: 3000,
    suspicionMult: 6,
    gossipEveryMs: 500,
    gossipNodes: 4,
    gossipToDeadMs: 60_000,
    syncEveryMs: 60_000,
    reconnectEveryMs: 60_000,
  },
} as const

/** `'zone=a,disk=ssd'` → `{ zone: 'a', disk: 'ssd' }`; undefined for what is none. */
export const parseTags = (text: string): Record<string, string> | undefined => {
  const tags = text.split(',').filter((part) => part !== '')
  const pairs = tags.map((part) => /^([a-zA-Z0-9_.-]{1,64})=([^,\p{Cc}]{0,256})$/u.exec(part))
  return pairs.every((pair) => pair !== null) ? Object.fromEntries(pairs.map(([, name, value]) => [name, value])) : undefined
}

const Options = Type.Object(membershipOptions)
export type MembershipOptions = Readonly<Static<typeof Options>>

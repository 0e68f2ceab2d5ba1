/** What SWIM is made of, and what its conversations share: the options, the ports, the table and the doubts of one node. */
import type { Clock, Datagrams, Log, Random } from '../ports.ts'
import type { ClientApi } from '../protocol/client-api.ts'
import type { Meta, Update } from '../protocol/packets.ts'
import type { PeerApi } from '../protocol/peer-api.ts'
import type { Network } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import type { Member, MemberEvent } from './members.ts'
import type { MembershipOptions } from './options.ts'

export type SwimApi = Pick<PeerApi, 'sync'> & Pick<ClientApi, 'healthz'>

export interface SwimPorts {
  readonly network: Network<SwimApi>
  readonly datagrams: Datagrams
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface SwimSetting {
  readonly me: Peer
  /** Of this life: ms since 1970 at its start. */
  readonly incarnation: number
  readonly meta: Meta
  readonly options: MembershipOptions
  readonly ports: SwimPorts
  /** Whether someone may have this id at this url. */
  readonly accepts: (peer: Peer) => boolean
  /** Whom the overlay has to do with: in the end they are to be members as well. */
  readonly neighbors: () => readonly Peer[]
  /** Told of every change of the table, this node's own among them. */
  readonly notify: (event: MemberEvent) => void
}

/** What probing and exchanging need of the node that does it. */
export interface Membership {
  readonly isRunning: boolean
  /** 0: well; up to healthMax − 1: this node is slow itself, and probes slower. */
  readonly health: number
  /** This node first, then all others, tombstones among them. */
  members(): readonly Member[]
  get(id: Id): Member | undefined
  /** Others who are alive, or suspected. */
  live(): readonly Member[]
  /** At most so many others at random, of those that are wanted. */
  find(count: number, isWanted: (member: Member) => boolean): Member[]
  /** Heeds what somebody says of a member, and tells it on where it is news. */
  take(update: Update): void
  /** The same, and tells nobody. @returns the member where it is news */
  learn(update: Update): Member | undefined
  /** It has answered a call. */
  answered(id: Id): void
  /** It has answered; or its machine has, that nobody listens there. */
  noteListening(id: Id, listens: boolean): void
  /** Has it probed out of turn. */
  hurry(member: Member): void
  /** This node itself has found that nobody hears of a member. */
  suspect(member: Member): void
  /** Runs work that nobody waits for; what fails in it is a defect of ours, and no reason to end the node. */
  later(work: () => Promise<unknown>): void
  /** This node has reason to doubt itself, or less of it. */
  doubt(by: number): void
  /** Tells as many as it can at once of this node: gossip alone leaves out one of twenty now and then, until members are exchanged. */
  announce(): void
  /** Notes that something was not heeded. */
  drop(reason: string): void
  /** Forgets those who have been gone for long. */
  reap(): void
  /** What rides on a packet to a member: that it is suspected, if it is, so that it can refute it; and news. Lifeguard §IV-C. */
  updatesFor(to: Id): Update[]
}

/**
 * An overlay: who owns a key, and how to get there. Whatever is shared never asks which one it is.
 *
 * What can be decided from what the node already knows is synchronous; joining, leaving and the jobs ask others.
 */
import type { TSchema } from 'typebox'
import type { Ports } from '../ports.ts'
import type { Route } from '../protocol/peer-api.ts'
import type { Handlers, Table } from '../protocol/rpc.ts'
import type { Mode, Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import type { Arc } from '../space/ring.ts'

/** The keys on the arc (from, to], and the window of nodes that should hold them, owner first. */
export interface Cell {
  readonly from: Id
  readonly to: Id
  readonly window: readonly Peer[]
}

/** Work that an overlay does from time to time. */
export interface Job {
  readonly name: string
  readonly everyMs: number
  run(): Promise<void>
}

/** A peer that this node has known, and since when it is as it is (by `Clock.now`). */
export interface Acquaintance {
  readonly peer: Peer
  readonly alive: boolean
  readonly since: number
}

/** What is an overlay's own, as /nodeinfo shows it: `{ predecessor, successor, successors, fingers }` in Chord. */
export type Attributes = Readonly<Record<string, unknown>>

export interface Overlay {
  /**
   * When a lookup may end. 0: with the first final route. k: once the k best by place() have answered, because nobody has the last
   * word; at most 32.
   */
  readonly confirm: number
  /** Whether it has its place in the network. */
  readonly isMember: boolean
  /** Whether it had one, and is to have one again: it is on its way from one ring into another. */
  readonly isMoving: boolean
  /** Whether it gives it up, for good. */
  readonly isLeaving: boolean
  /** Grows whenever isMember, or what cells() say, or who is in neighbors() or the attributes, may have changed. */
  readonly revision: number
  /** Whether there are fewer nodes, as far as it knows, than copies are wanted. */
  readonly isDegraded: boolean
  /** Whom it has known, and may turn to. */
  readonly acquaintances: readonly Acquaintance[]
  /** Whether nobody was there when it came in last: it founded a network then. */
  readonly hasFounded: boolean
  readonly attributes: Attributes
  /**
   * Where to go next for a key: best next first, at most `count`, none of `avoid`. When final, the window, owner first.
   * @throws Refusal NOT_JOINED while this node has no place in the network
   */
  route(key: Id, count: number, avoid: ReadonlySet<Id>, mode: Mode): Route
  readonly place: Place
  readonly heldBy: HeldBy
  /** The ranges that this node believes it holds, and with whom. None while it has no place in the network. */
  cells(): Cell[]
  /** The peers this node shares ranges with, nearest first. */
  neighbors(): Peer[]
  /** Whether someone may have this id at this url: it is the hash of that, unless the network allows others. */
  isSound(peer: Peer): boolean
  /** Others say that someone is there: a hint, to be looked into. */
  introduce(peer: Peer): void
  /** Someone answered us, after so many milliseconds. */
  admit(peer: Peer, rttMs: number): void
  /** Someone did not answer us. */
  evict(id: Id): void
  /**
   * Takes a place in the network that the seeds belong to; founds one when there are no seeds. Resolves once joined.
   * @throws Refusal ID_TAKEN, BAD_ID: nothing that waiting would cure
   */
  join(seeds: readonly Peer[]): Promise<void>
  /** Gives the place up, and tells the neighbours. What this node holds is not its business. */
  leave(): Promise<void>
  readonly jobs: readonly Job[]
}

/** The window of a key over a given set of peers, owner first. */
export type Place = (key: Id, peers: readonly Peer[], count: number) => Peer[]

/** The ranges of which a peer would be in the window, were these all who are there, it among them. */
export type HeldBy = (peer: Id, peers: readonly Peer[], count: number) => readonly Arc[]

/** What /nodeinfo shows of each member of one network, by id. */
export type Snapshot = ReadonlyMap<Id, Attributes>

/** Violations in words: the property and the nodes. None when it holds. */
export type Violations = readonly string[]

/** An overlay before there is a node of it: its entry in the list, and all that shared code wants to know of it by name. */
export interface Kind<Options> {
  /** The rows that only it answers. */
  readonly api: Table
  /** What can be set of it besides what can be set of all; those that its attributes show are the same for all nodes of a network. */
  readonly options: Readonly<Record<string, TSchema>>
  /** Named sets of options. */
  readonly presets: Readonly<Record<string, object>>
  /** How lookups travel by it, the usual way first. */
  readonly modes: readonly Mode[]
  /** What members make up when all is well: a ring, a tree. */
  readonly shape: string
  /** What /nodeinfo shows of it, as fields of the reply's schema. */
  readonly attributes: Readonly<Record<string, TSchema>>
  /** The most telling of that, by headings of a table. */
  readonly columns: (attributes: Attributes) => Readonly<Record<string, Peer | number | undefined>>
  /** What follows for its own options from what was said, unless that is said as well. */
  readonly derive: (said: Partial<Options>) => Partial<Options>
  /** What is wrong with these options, in a sentence. */
  readonly fault: (options: Options) => string | undefined
  /** How keys are placed under these options. */
  readonly placement: (options: Options) => Place
  /** What must hold at every moment, and does not. */
  readonly violations: (snapshot: Snapshot, options: Options) => Violations
  /** What is not as it will be once maintenance has done its work. */
  readonly imperfections: (snapshot: Snapshot, options: Options) => Violations
  /** @param setting an OverlaySetting of its own rows and options */
  readonly create: (setting: never) => Overlay & { readonly handlers: object }
}

/** What every overlay is made from. */
export interface OverlaySetting<T extends Table, Options> {
  readonly me: Peer
  readonly options: Options
  readonly ports: Ports<T>
  /** To be called whenever cells() may have changed. */
  readonly changed: () => void
}

/** An overlay with the rows that only it answers. */
export interface ServedOverlay<T extends Table> extends Overlay {
  readonly handlers: Handlers<T>
}

/** All that a node needs of the world. The service and the simulator each have one body of it. */
import type { Packet } from './protocol/packets.ts'
import type { Network, Table } from './protocol/rpc.ts'
import type { Peer, StoredRecord } from './protocol/schemas.ts'
import type { Id } from './space/id.ts'

export interface Ports<T extends Table> {
  readonly network: Network<T>
  readonly datagrams: Datagrams
  readonly clock: Clock
  readonly random: Random
  readonly store: Store
  readonly log: Log
  readonly hash: Hash
}

/** Packets to peers of this network. They may get lost, come twice, or overtake each other, and nobody is told. */
export interface Datagrams {
  send(to: Peer, packet: Packet): void
}

/** Who has sent a packet, as far as the packet and where it came from can say. */
export interface Sender {
  readonly id: Id
  readonly url: string
  /** One life of that node: ms since 1970 at its start. */
  readonly incarnation: number
}

export interface Clock {
  /**
   * By which a node tells how long ago something was: milliseconds that go by evenly, whatever the machine's clock is set to, also while the
   * machine sleeps. In a virtual machine that is stopped itself they stand still.
   */
  now(): number
  /** Milliseconds since 1970, by the machine's clock; never goes back. */
  wall(): number
  /**
   * Resolves once what has arrived by then was heard: an answer in time is not missed. After 0 ms that is what has arrived by now.
   * Never resolves once the node has stopped.
   */
  sleep(ms: number): Promise<void>
  /** Runs the job every `periodMs`, at a random phase, never while its last run is under way. Returns how to stop it. */
  every(periodMs: number, job: () => Promise<void>): () => void
}

/** Of the time in which a node is awake. */
const stepMs = 1000

/** Tells whether so long has passed since then in which this node was awake: as long as it is stopped, or its machine sleeps, it waits for nobody. */
export const lapse = (clock: Pick<Clock, 'sleep'>, ms: number): (() => boolean) => {
  let leftMs = ms
  const count = async () => {
    for (; leftMs > 0; leftMs -= stepMs) await clock.sleep(Math.min(stepMs, leftMs))
  }
  void count()
  return () => leftMs <= 0
}

export interface Random {
  /** A whole number, 0 <= n < limit. */
  below(limit: number): number
}

/**
 * What this node keeps, by (key, index). Reads are synchronous and see every write at once. What was written before
 * `flushed` was called survives a crash once that has resolved; nothing else is sure to.
 */
export interface Store {
  get(key: Id, index: string): StoredRecord | undefined
  /**
   * Records after a cursor (see `cursorOf`; every one comes after '') in order of (key, index); at most `limit`, none with a key beyond
   * the last, and none after those that have more than so many bytes together (see `sizeOf`).
   */
  scan(after: string, limit: number, last?: Id, bytesMost?: number): StoredRecord[]
  /** How many records there are. */
  readonly size: number
  /** Whether its disk has taken nothing of late: what was written since is seen, and may be lost when the node ends. */
  readonly isFull: boolean
  /** A few words that the node keeps beside its records; undefined in a new store. */
  readonly memo: string | undefined
  remember(memo: string): void
  /**
   * Replaces the record under (record.key, record.index).
   * @throws Refusal STORE_FULL when so much waits for a disk without room that no more can be kept
   */
  write(record: StoredRecord): void
  drop(key: Id, index: string): void
  /** @throws Refusal STORE_FULL when the disk has no room: what was written is seen, and tried again by the next call */
  flushed(): Promise<void>
}

export interface Log {
  debug(fields: object, event: string): void
  info(fields: object, event: string): void
  warn(fields: object, event: string): void
  error(fields: object, event: string): void
}

/** SHA-256 of the bytes that the text stands for, cut to 160 bits: 40 hex digits. */
export type Hash = (text: string, encoding?: 'base64') => string

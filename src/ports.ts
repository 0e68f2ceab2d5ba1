/** All that a node needs of the world. The service and the simulator each have one body of it. */
import type { StoredRecord } from './protocol/schemas.ts'
import type { Network, Table } from './protocol/rpc.ts'
import type { Id } from './space/id.ts'

export interface Ports<T extends Table> {
  readonly network: Network<T>
  readonly clock: Clock
  readonly random: Random
  readonly store: Store
  readonly log: Log
  readonly hash: Hash
}

export interface Clock {
  /** Milliseconds since 1970, by this node's clock. */
  now(): number
  /** Never resolves once the node has stopped. */
  sleep(ms: number): Promise<void>
  /** Runs the job every `periodMs`, at a random phase, never while its last run is under way. Returns how to stop it. */
  every(periodMs: number, job: () => Promise<void>): () => void
}

export interface Random {
  /** A whole number, 0 <= n < limit. */
  below(limit: number): number
}

/** What this node keeps, by (key, index). Reads are synchronous; a write that resolved survives a crash of the process. */
export interface Store {
  /** Every record under a key, in order of index. */
  read(key: Id): StoredRecord[]
  /** Replaces the record under (record.key, record.index). */
  write(record: StoredRecord): Promise<void>
  drop(key: Id, index: string): Promise<void>
  /** Records after a cursor (see `cursorOf`) in order of (key, index), from the start without one; at most `limit`. */
  scan(after: string | undefined, limit: number): StoredRecord[]
  /** How many records there are. */
  readonly size: number
}

export interface Log {
  debug(fields: object, event: string): void
  info(fields: object, event: string): void
  warn(fields: object, event: string): void
  error(fields: object, event: string): void
}

/** SHA-256 of the bytes that the text stands for, cut to 160 bits: 40 hex digits. */
export type Hash = (text: string, encoding?: 'base64') => string

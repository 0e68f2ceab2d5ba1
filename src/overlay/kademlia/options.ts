/** What can be set of Kademlia besides: defaults, units, and what turning each does. */
import { type Static, Type } from 'typebox'
import type { SharedOptions } from '../options.ts'

export const kademliaOptions = {
  /**
   * Contacts in a bucket, and nodes that must agree at the end of a lookup, k >= replicas. More: lookups survive more failures, and make
   * about as many calls.
   */
  k: Type.Integer({ minimum: 2, maximum: 32, default: 8, description: 'contacts in a bucket, and who must agree on a lookup' }),
  /** Everything but the neighbours, which are looked after all the time. */
  refreshEveryMs: Type.Integer({ minimum: 100, default: 600_000, description: 'between two refreshes of the buckets' }),
}
const Options = Type.Object(kademliaOptions)
export type KademliaOptions = SharedOptions & Static<typeof Options>

/** As Bytestag has it: 20 of everything, and hourly work. */
export const bytestag = {
  overlay: 'kademlia',
  k: 20,
  replicas: 20,
  refreshEveryMs: 3_600_000,
  rehomeEveryMs: 3_600_000,
}

/** What can be set of every overlay: defaults, units, and what turning each does. */
import { type Static, Type } from 'typebox'
import { modes } from '../protocol/schemas.ts'

export const sharedOptions = {
  /** Copies of a record, r: the length of a window. What is acknowledged survives one loss fewer, and the next once it is repaired. */
  replicas: Type.Integer({ minimum: 1, maximum: 20, default: 3 }),
  /**
   * How lookups travel unless they say otherwise: straight to the window that the known members make, or in one of the ways of the
   * overlay (`Kind.modes`), the first of which onehop is as long as the members are not known.
   */
  mode: Type.Enum(modes, { default: 'onehop' }),
  /** Between two rounds of maintenance among neighbours. Less: failures and joins are noticed sooner; a call or two per round. */
  stabilizeEveryMs: Type.Integer({ minimum: 10, default: 1000 }),
  /** Between two looks for others of the same network that are not known yet, left by a split. */
  reuniteEveryMs: Type.Integer({ minimum: 10, default: 10_000 }),
  /** How long a node that finds nobody tries, and by chance up to twice that, before it founds a network, and goes on looking from there. */
  foundAfterMs: Type.Integer({ minimum: 0, default: 5000 }),
  /** Whether an id may differ from the hash of the url: networks drawn by hand, for teaching. */
  allowCustomIds: Type.Boolean({ default: false }),
}
const Options = Type.Object(sharedOptions)
export type SharedOptions = Static<typeof Options>

/** What can be set of Chord: defaults, units, and what turning each does. */
import { type Static, Type } from 'typebox'
import { modes, ownerships } from '../../protocol/schemas.ts'

export const chordOptions = {
  /** Copies of a record, r: the length of a window. What is acknowledged survives one loss fewer, and the next once it is repaired. */
  replicas: Type.Integer({ minimum: 1, maximum: 16, default: 3 }),
  /**
   * Who owns a key: its successor (Chord) or its predecessor (the lab's reading): the window's offset, 1 or 0.
   */
  ownership: Type.Enum(ownerships, { default: 'successor' }),
  /**
   * How lookups travel unless they say otherwise: in O(N) hops, in O(log N), or straight to the window that the known members make.
   * As long as the members are not known, onehop is fingers.
   */
  mode: Type.Enum(modes, { default: 'onehop' }),
  /** Length of the successor list, L >= replicas + 2. More: survives more simultaneous failures, longer replies. */
  successors: Type.Integer({ minimum: 1, maximum: 32, default: 5 }),
  /** Between two rounds of stabilisation. Less: failures and joins are noticed sooner; 1 call per round, more when something has changed. */
  stabilizeEveryMs: Type.Integer({ minimum: 10, default: 1000 }),
  /** Between two refreshes of the finger table, which cost O(log N) lookups each. */
  refreshFingersEveryMs: Type.Integer({ minimum: 10, default: 2000 }),
  /** Between two looks for another ring of the same network, left by a split, and for changes before the predecessor. */
  reuniteEveryMs: Type.Integer({ minimum: 10, default: 10_000 }),
  /** How long a node that finds nobody tries before it founds a ring of its own, and goes on looking from there. */
  foundAfterMs: Type.Integer({ minimum: 0, default: 5000 }),
  /** Whether an id may differ from the hash of the url: rings drawn by hand, for teaching. */
  allowCustomIds: Type.Boolean({ default: false }),
}
const Options = Type.Object(chordOptions)
export type ChordOptions = Static<typeof Options>

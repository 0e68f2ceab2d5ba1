/** What can be set of Chord besides: defaults, units, and what turning each does. */
import { type Static, Type } from 'typebox'
import { ownerships } from '../../protocol/schemas.ts'
import type { SharedOptions } from '../options.ts'

export const chordOptions = {
  /** The window's offset, 1 (Chord) or 0 (the lab's reading). */
  ownership: Type.Enum(ownerships, { default: 'successor', description: 'who owns a key: its successor, or its predecessor' }),
  /** L >= replicas + 2. More: survives more simultaneous failures, longer replies. */
  successors: Type.Integer({ minimum: 1, maximum: 32, default: 5, description: 'length of the successor list, replicas + 2' }),
  /** They cost O(log N) lookups each. */
  refreshFingersEveryMs: Type.Integer({ minimum: 10, default: 2000, description: 'between two refreshes of the fingers' }),
}
const Options = Type.Object(chordOptions)
export type ChordOptions = SharedOptions & Static<typeof Options>

/** The words of the lab hold literally (docs/LAB.md). */
export const lab = { overlay: 'chord', ownership: 'predecessor', mode: 'linear', bits: 32, replicas: 1 }

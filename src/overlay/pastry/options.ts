/** What can be set of Pastry besides: defaults, units, and what turning each does. */
import { type Static, Type } from 'typebox'
import type { SharedOptions } from '../options.ts'

export const pastryOptions = {
  /** Even, and twice the replicas at least: a window lies within half of it. More: more may die at once, longer replies. */
  leafSetSize: Type.Integer({
    minimum: 2,
    maximum: 64,
    default: 16,
    description: '|L|: the nearest by id, half of them on either side',
  }),
  /** More: better chances to know who is near, and a longer join. */
  neighborhoodSize: Type.Integer({ minimum: 1, maximum: 64, default: 32, description: '|M|: the nearest by round trip' }),
  /** FreePastry: 15 minutes. A call for each populated row, and some to who may be nearer. */
  refreshRowsEveryMs: Type.Integer({ minimum: 10, default: 60_000, description: 'between two refreshes of the routing table' }),
  /** Less: who is dead and still named by others is asked more often. Who speaks for itself is heard at once. */
  quarantineMs: Type.Integer({
    minimum: 0,
    default: 900_000,
    description: 'how long no word of others brings back who did not answer',
  }),
}
const Options = Type.Object(pastryOptions)
export type PastryOptions = SharedOptions & Static<typeof Options>

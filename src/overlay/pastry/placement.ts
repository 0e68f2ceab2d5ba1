/** Windows over a given set of peers: those whose ids are nearest to the key. */
import { nearest } from '../../space/digits.ts'
import { clockwise } from '../../space/ring.ts'
import type { Place } from '../overlay.ts'

/** See Overlay.place. */
export const place: Place = (key, peers, count) => nearest(key, clockwise(peers), count)

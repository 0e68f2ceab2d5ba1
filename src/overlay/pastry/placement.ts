/** Windows over a given set of peers: those whose ids are nearest to the key. */
import type { Peer } from '../../protocol/schemas.ts'
import { lastNearer, nearest } from '../../space/digits.ts'
import type { Id } from '../../space/id.ts'
import { clockwise } from '../../space/ring.ts'
import type { Cell, Place } from '../overlay.ts'

/** See Overlay.place. */
export const place: Place = (key, peers, count) => nearest(key, clockwise(peers), count)

/**
 * The arcs of keys that have this node among their so many nearest, each with one owner and one window. A border is where the owner
 * changes, halfway between neighbours, or where the window does, halfway between who goes and who comes.
 * @param peers this node among them
 */
export const cellsOf = (me: Id, peers: readonly Peer[], count: number): Cell[] => {
  const circle = clockwise(peers)
  const apart = circle.length > count ? [1, count] : [1]
  const pairs = circle.flatMap((low, at) =>
    apart.map((places) => [low, circle[(at + places) % circle.length] as Peer] as const),
  )
  const borders = [...new Set(pairs.flatMap(([low, high]) => (low === high ? [] : lastNearer(low.id, high.id))))].sort()
  if (borders.length === 0) return [{ from: me, to: me, window: [...peers] }]
  return borders
    .map((to, at) => ({ from: borders.at(at - 1) as Id, to, window: nearest(to, circle, count) }))
    .filter(({ window }) => window.some(({ id }) => id === me))
}

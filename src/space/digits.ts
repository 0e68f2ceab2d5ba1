/**
 * Ids as digits, and as points that are near each other: the space of Pastry. Rowstron & Druschel (Middleware'01) §2.
 *
 * A digit has four bits (b = 4 in the paper), so it is a character of the text. Nearness goes both ways round the circle; of two
 * ids that are as near, the smaller one counts as nearer, so that everybody decides alike.
 */
import type { Id } from './id.ts'
import { distance, step, successorOf } from './ring.ts'

/** How many leading digits two ids share: shl(A, B) of the paper. */
export const sharedDigits = (a: Id, b: Id): number => {
  let count = 0
  while (count < a.length && a[count] === b[count]) count++
  return count
}

/** Steps between two ids the shorter way round. */
export const gap = (a: Id, b: Id): bigint => {
  const there = distance(a, b)
  const back = distance(b, a)
  return there < back ? there : back
}

/** Digits that a number holds exactly. */
const leading = 12

/** Whether the one id is nearer to a point than the other. */
export const isNearer = (point: Id, one: Id, other: Id): boolean => {
  // The first digits mostly tell; each of the two gaps is off by less than one.
  const difference = leadingGap(point, one) - leadingGap(point, other)
  if (Math.abs(difference) >= 2) return difference < 0
  const [ours, theirs] = [gap(point, one), gap(point, other)]
  return ours === theirs ? one < other : ours < theirs
}

/** The gap of two ids as their leading digits show it. */
const leadingGap = (a: Id, b: Id): number => {
  const steps = Math.abs(Number.parseInt(a.slice(0, leading), 16) - Number.parseInt(b.slice(0, leading), 16))
  return Math.min(steps, 16 ** Math.min(leading, a.length) - steps)
}

/** The last point clockwise from the one id that is nearer to it than to the other. */
export const lastNearer = (low: Id, high: Id): Id => {
  const steps = distance(low, high)
  return step(low, (low < high ? steps : steps - 1n) / 2n)
}

/** So many of a clockwise list that are nearest to a point, the nearest first. */
export const nearest = <T extends { readonly id: Id }>(point: Id, clockwise: readonly T[], count: number): T[] => {
  const size = clockwise.length
  let after = successorOf(clockwise, point)
  let before = after - 1
  return Array.from({ length: Math.min(count, size) }, () => {
    const up = clockwise[after % size] as T
    const down = clockwise[(before + size) % size] as T
    return isNearer(point, up.id, down.id) ? (after++, up) : (before--, down)
  })
}

/**
 * The circle of Chord: arcs, clockwise distance, and steps along it. Chord (ToN'03) §IV.
 */
import { firstFrom, type Id } from './id.ts'

/**
 * Whether x lies on the open arc (low, high), clockwise.
 * The arc (a, a) is the whole circle but a, as in Zave's model of Chord: a lone node has everyone else in its arc.
 */
export const between = (low: Id, x: Id, high: Id): boolean =>
  low < high ? low < x && x < high : low < x || x < high ? x !== low : false

/** Whether x lies on the half-open arc (low, high]. The arc (a, a] is the whole circle: a lone node owns every key. */
export const inArc = (low: Id, x: Id, high: Id): boolean => x === high || between(low, x, high)

/** Steps clockwise from one id to the other, 0 to 2^bits - 1. */
export const distance = (from: Id, to: Id): bigint => {
  const steps = BigInt(`0x${to}`) - BigInt(`0x${from}`)
  return steps < 0n ? steps + sizeOf(from) : steps
}

/** The id so many steps clockwise, or counter-clockwise when negative. */
export const step = (from: Id, steps: bigint): Id => {
  const size = sizeOf(from)
  const at = (((BigInt(`0x${from}`) + steps) % size) + size) % size
  return at.toString(16).padStart(from.length, '0')
}

/** The id next to this one, clockwise. */
export const idAfter = (id: Id): Id => carry(id, 'f', '0', 1)

/** The id next to this one, counter-clockwise. */
export const idBefore = (id: Id): Id => carry(id, '0', 'f', -1)

/** One digit changes, and those behind it that are at their end go to the other end. */
const carry = (id: Id, end: string, start: string, by: 1 | -1): Id => {
  let at = id.length - 1
  while (at >= 0 && id[at] === end) at--
  const changed = at < 0 ? '' : id.slice(0, at) + (Number.parseInt(id[at] as string, 16) + by).toString(16)
  return changed.padEnd(id.length, start)
}

/** Where finger number `index` of a node begins: id + 2^index. Chord (ToN'03) §IV-D, Table I, counted from 0. */
export const fingerStart = (id: Id, index: number): Id => step(id, 1n << BigInt(index))

/** Whatever has an id. */
interface Point {
  readonly id: Id
}

/** An arc (from, to]; with from = to the whole circle. */
export interface Arc {
  readonly from: Id
  readonly to: Id
}

const inOrder = new WeakMap<readonly Point[], readonly Point[]>()

/** The same points from zero on. A list is sorted once: whoever goes by who is there asks about the same many again and again. */
export const clockwise = <P extends Point>(points: readonly P[]): readonly P[] => {
  const sorted = inOrder.get(points) ?? points.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  inOrder.set(points, sorted)
  return sorted as readonly P[]
}

/** The place in a clockwise list of the first at or after a point: a key's owner, in Chord. */
export const successorOf = (points: readonly Point[], point: Id): number => {
  const at = firstFrom(points, point, ({ id }) => id)
  return at === points.length ? 0 : at
}

const sizeOf = (id: Id): bigint => 1n << BigInt(id.length * 4)

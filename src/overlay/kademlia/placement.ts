/** Who is near a key, and which keys are held together: what follows from a set of peers. */
import type { Cell, Place } from '../overlay.ts'
import type { Peer } from '../../protocol/schemas.ts'
import type { Id } from '../../space/id.ts'
import { idBefore } from '../../space/ring.ts'
import { bitOf, commonBits, flipped, subtree } from '../../space/xor.ts'

/**
 * Two distances that agree in their first bits, this one more, are taken for equal, and the smaller id goes first.
 *
 * By the whole distance two nodes that happen to lie side by side would share the keys of a far region bit by bit, and what a node holds
 * would be hundreds of ranges instead of some ten.
 */
const slack = 3

/** Whether the first is nearer to the key: negative; positive when the second one is. */
export const compareDistance = (key: Id, a: Id, b: Id): number => {
  if (a === b) return 0
  const parting = commonBits(a, b)
  const distant = commonBits(key, a)
  if (parting - distant > slack) return a < b ? -1 : 1
  return bitOf(key, parting) === bitOf(a, parting) ? -1 : 1
}

/** See Overlay.place. */
export const place: Place = (key, peers, count) => {
  const nearest: Peer[] = []
  for (const peer of peers) {
    const last = nearest.at(-1)
    if (last && nearest.length === count && compareDistance(key, last.id, peer.id) < 0) continue
    let at = nearest.length
    while (at > 0 && compareDistance(key, peer.id, (nearest[at - 1] as Peer).id) < 0) at--
    nearest.splice(at, 0, peer)
    if (nearest.length > count) nearest.pop()
  }
  return nearest
}

/**
 * The ranges whose window has this node in it, and on which the owner, the window and the next in line are the same.
 *
 * Keys are told apart bit by bit. Those that begin alike have one line of peers, but for groups of which only further bits tell who is
 * nearer: a range is found once no group reaches across an end that matters.
 * @param peers this node among them
 */
export const cellsOf = (me: Id, peers: readonly Peer[], count: number): Cell[] => {
  const ranges: { from: Id; to: Id; line: readonly Peer[] }[] = []
  /** @param key the first of those that begin in so many bits as it does */
  const descend = (key: Id, bits: number, some: readonly Peer[]): void => {
    const line = some.toSorted((a, b) => compareDistance(key, a.id, b.id))
    /** Whether whoever stands there is of one group with whoever stands before. */
    const isOpen = (at: number): boolean => {
      const [before, peer] = [line[at - 1], line[at]]
      return before !== undefined && peer !== undefined && isOneGroup(key, bits, before.id, peer.id)
    }
    let first = line.findIndex(({ id }) => id === me)
    while (isOpen(first)) first--
    if (first < 0 || first >= count) return
    if ([1, count, count + 1].some(isOpen)) {
      let most = count + 1
      while (isOpen(most)) most++
      for (const half of [key, flipped(key, bits)]) descend(half, bits + 1, line.slice(0, most))
      return
    }
    const range = { from: idBefore(key), to: subtree(key, bits).last, line: line.slice(0, count + 1) }
    const last = ranges.at(-1)
    if (last?.to === range.from && last.line.every((peer, at) => peer === range.line[at])) last.to = range.to
    else ranges.push(range)
  }
  descend('0'.repeat(me.length), 0, peers)
  return ranges.map(({ from, to, line }) => ({ from, to, window: line.slice(0, count) }))
}

/** Whether two peers are alike as far as keys tell that begin in so many bits as this one, and more bits count: see `slack`. */
const isOneGroup = (key: Id, bits: number, a: Id, b: Id): boolean =>
  commonBits(a, b) >= bits && bits - commonBits(key, a) <= slack

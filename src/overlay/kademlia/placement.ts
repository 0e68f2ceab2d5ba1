/** Who is near a key, and which keys are held together: what follows from a set of peers. */
import type { Cell, Place } from '../overlay.ts'
import type { Peer } from '../../protocol/schemas.ts'
import type { Id } from '../../space/id.ts'
import { idBefore } from '../../space/ring.ts'
import { bitOf, commonBits } from '../../space/xor.ts'

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

/** Nodes that are one as far as the bits of a key tell that were looked at; `apart`: where they part from the key. */
interface Group {
  readonly peers: readonly Peer[]
  readonly apart?: number
}

/**
 * The ranges whose window has this node in it, and on which the owner, the window and the next in line are the same.
 *
 * A key is told apart bit by bit, and with each bit the groups of nodes that are equally near so far; a range is found once what matters
 * of their order is settled.
 * @param peers this node among them
 */
export const cellsOf = (me: Id, peers: readonly Peer[], count: number): (Cell & { readonly next: Peer | undefined })[] => {
  const bits = 4 * me.length
  const cells: (Cell & { readonly next: Peer | undefined })[] = []
  const descend = (first: bigint, depth: number, groups: readonly Group[]): void => {
    const before = groups.findIndex((group) => group.peers.some(({ id }) => id === me))
    if (before < 0 || groups.slice(0, before).reduce((sum, group) => sum + group.peers.length, 0) >= count) return
    if (!isSettled(groups, count)) {
      const half = 1n << BigInt(bits - 1 - depth)
      for (const bit of [0, 1]) descend(bit === 0 ? first : first + half, depth + 1, splitAll(groups, depth, bit, count + 1))
      return
    }
    const line = groups.flatMap((group) => group.peers)
    const window = line.slice(0, count)
    if (!window.some(({ id }) => id === me)) return
    const from = idBefore(hex(first, me.length))
    const to = hex(first + (1n << BigInt(bits - depth)) - 1n, me.length)
    const last = cells.at(-1)
    const next = line[count]
    if (last && last.to === from && last.next?.id === next?.id && sameLine(last.window, window))
      cells[cells.length - 1] = { ...last, to }
    else cells.push({ from, to, window, next })
  }
  descend(0n, 0, [{ peers: peers.toSorted((a, b) => (a.id < b.id ? -1 : 1)) }])
  return cells
}

/** Whether the owner, the others of the window and the next one are known: groups end after each. */
const isSettled = (groups: readonly Group[], count: number): boolean => {
  let sum = 0
  for (const { peers } of groups) {
    const before = sum
    sum += peers.length
    if (peers.length > 1 && [1, count, count + 1].some((end) => before < end && end < sum)) return false
  }
  return true
}

/** What one more bit of the key says; those who cannot matter any more are left out. */
const splitAll = (groups: readonly Group[], depth: number, bit: number, most: number): Group[] => {
  const found: Group[] = []
  let sum = 0
  for (const group of groups)
    for (const part of split(group, depth, bit)) {
      if (sum >= most || part.peers.length === 0) continue
      found.push(part)
      sum += part.peers.length
    }
  return found
}

const split = (group: Group, depth: number, bit: number): Group[] => {
  const { peers, apart } = group
  if (apart !== undefined && depth - apart > slack) return peers.map((peer) => ({ peers: [peer], apart }))
  const [near, far]: [Peer[], Peer[]] = [[], []]
  for (const peer of peers) (bitOf(peer.id, depth) === bit ? near : far).push(peer)
  return [
    { peers: near, ...(apart === undefined ? {} : { apart }) },
    { peers: far, apart: apart ?? depth },
  ]
}

const sameLine = (a: readonly Peer[], b: readonly Peer[]): boolean =>
  a.length === b.length && a.every(({ id }, at) => id === b[at]?.id)

const hex = (number: bigint, width: number): Id => number.toString(16).padStart(width, '0')

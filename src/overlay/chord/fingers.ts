/**
 * The finger table: shortcuts at doubling distances. Chord (ToN'03) §IV-D.
 *
 * Finger i is the first node at or after id + 2^i. Those that the successor list already covers are read off it; the rest
 * cost one lookup for each distinct finger, O(log N) in all, and one call each as long as nothing has changed there.
 */
import type { Peer } from '../../protocol/schemas.ts'
import { distance, fingerStart, inArc } from '../../space/ring.ts'
import type { Ring } from './ring.ts'
import type { Table } from './table.ts'

/** By a finger's index, who comes right before where it begins: knows at once which node the finger is. */
export type Heralds = ReadonlyMap<number, Peer>

/** Looks up anew every finger beyond the successor list, asking first who announced it the last time. */
export const refreshFingers = async (ring: Ring, former: Heralds): Promise<Heralds> => {
  const { table, me } = ring
  const fingers = new Map<number, Peer>()
  const heralds = new Map<number, Peer>()
  const last = table.successors.at(-1)
  const { predecessor } = table
  if (last && !table.isClosed) {
    let finger = last
    for (let index = reach(me, last); index < me.id.length * 4; index++) {
      const start = fingerStart(me.id, index)
      if (!inArc(me.id, start, finger.id)) {
        if (predecessor.id !== me.id && inArc(predecessor.id, start, me.id)) break
        const [before, after = before] = await ring.nodesAround(start, { first: former.get(index) })
        if (!before || !after || after.id === me.id) break
        // One that is wrong costs no more than the finger it was asked for.
        if (!inArc(me.id, start, after.id)) continue
        heralds.set(index, before)
        finger = after
      }
      fingers.set(index, finger)
    }
  }
  if (ring.isMember) table.replaceFingers(fingers)
  return heralds
}

/** Runs of one finger: `{ from: 0, to: 157, peer }`, as people read them. */
export const fingerRuns = (table: Table): { from: number; to: number; peer: Peer }[] => {
  const runs: { from: number; to: number; peer: Peer }[] = []
  let from = 0
  for (const peer of table.successors) {
    const to = reach(table.me, peer) - 1
    if (to >= from) runs.push({ from, to, peer })
    from = Math.max(from, to + 1)
  }
  for (const [index, peer] of table.fingers) {
    const run = runs.at(-1)
    if (run && run.peer.id === peer.id && run.to === index - 1) run.to = index
    else if (index >= from) runs.push({ from: index, to: index, peer })
  }
  return runs
}

/** The first index whose finger begins beyond a peer: the bits of its distance. */
const reach = (me: Peer, peer: Peer): number => distance(me.id, peer.id).toString(2).length

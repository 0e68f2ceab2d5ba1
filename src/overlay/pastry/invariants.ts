/**
 * What must hold of Pastry nodes, over what they show of themselves.
 *
 * At every moment each table is sound, and nobody is cut off. Ideal is what upkeep arrives at: leaf sets are those that
 * the ids make, and nobody who is gone is in any table.
 */
import type { Snapshot, Violations } from '../overlay.ts'
import { sharedDigits } from '../../space/digits.ts'
import { type Id, shortId, shortIds } from '../../space/id.ts'
import { between } from '../../space/ring.ts'
import type { Known } from './api.ts'

interface Tables {
  readonly id: Id
  readonly leafSet: readonly Id[]
  readonly rows: readonly (readonly Id[])[]
  /** Of all three tables. */
  readonly known: readonly Id[]
}

const tablesOf = (snapshot: Snapshot): Tables[] => {
  const ids = (peers: unknown) => ((peers ?? []) as readonly Known[]).map((peer) => peer.id)
  return Array.from(snapshot, ([id, { leafSet, rows, neighborhood }]) => {
    const tables = { leafSet: ids(leafSet), rows: ((rows ?? []) as readonly unknown[]).map(ids) }
    return { id, ...tables, known: [...new Set([...tables.leafSet, ...tables.rows.flat(), ...ids(neighborhood)])] }
  })
}

/** What must hold at every moment. */
export const checkTables = (snapshot: Snapshot): Violations => {
  const all = tablesOf(snapshot)
  const known = new Set(all.flatMap((tables) => tables.known))
  return all.flatMap(({ id, leafSet, rows, known: others }) => {
    const clockwise = leafSet.every((leaf, at) => at === 0 || between(id, leafSet[at - 1] as Id, leaf))
    const strays = rows.flatMap((row, at) => row.filter((peer) => sharedDigits(id, peer) !== at))
    const twice = rows.filter((row, at) => new Set(row.map((peer) => peer[at])).size < row.length).flat()
    const alone = snapshot.size > 1 && !known.has(id) && !others.some((peer) => snapshot.has(peer))
    return [
      ...(others.includes(id) ? [`NoSelf: ${shortId(id)} lists itself`] : []),
      ...(clockwise ? [] : [`OrderedLeafSet: ${shortId(id)} lists ${shortIds(leafSet)}, which is not clockwise`]),
      ...(strays.length > 0 ? [`PrefixRows: ${shortId(id)} has ${shortIds(strays)} in rows that they do not belong into`] : []),
      ...(twice.length > 0 ? [`PrefixRows: ${shortId(id)} has one place for two of ${shortIds(twice)}`] : []),
      ...(alone ? [`Connected: ${shortId(id)} knows nobody who is there, and nobody knows it`] : []),
    ]
  })
}

/** What is not as it will be once upkeep has done its work. @param size |L| */
export const checkIdeal = (snapshot: Snapshot, size: number): Violations => {
  const ids = [...snapshot.keys()].sort()
  return tablesOf(snapshot).flatMap(({ id, leafSet, known }) => {
    const at = ids.indexOf(id)
    const others = [...ids.slice(at + 1), ...ids.slice(0, at)]
    const wanted = others.length > size ? [...others.slice(0, size / 2), ...others.slice(-size / 2)] : others
    const gone = known.filter((peer) => !snapshot.has(peer))
    return [
      ...(leafSet.join() === wanted.join()
        ? []
        : [`Ideal: the leaf set of ${shortId(id)} is ${shortIds(leafSet)} instead of ${shortIds(wanted)}`]),
      ...(gone.length === 0 ? [] : [`Ideal: ${shortId(id)} still has ${shortIds(gone)} in its tables`]),
    ]
  })
}

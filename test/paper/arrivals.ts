/**
 * How good the tables of nodes are that have come one after the other, each by the arrival of the paper (§2.4, §3.3) over what the others
 * know at that moment: distances are known, and nobody dies.
 */
import { Table } from '../../src/overlay/pastry/table.ts'
import type { Peer } from '../../src/protocol/schemas.ts'
import { latencyOf } from '../../src/sim/latency.ts'
import { stream } from '../../src/sim/random.ts'
import { sharedDigits } from '../../src/space/digits.ts'
import type { Id } from '../../src/space/id.ts'
import { drawRing } from './rings.ts'

export interface Arrivals {
  readonly seed: number
  readonly nodes: number
  /** 1: who comes takes over what it is told on its way; 2: it asks all of these as well, and keeps who is nearer. */
  readonly stages: 1 | 2
}

const options = { replicas: 1, leafSetSize: 16, neighborhoodSize: 32 }
const nobody: ReadonlySet<Id> = new Set()

export const arrivals = ({ seed, nodes, stages }: Arrivals) => {
  const random = stream(seed, `${nodes} nodes`, 'arrivals')
  const peers = drawRing(random, nodes, 128)
  const places = new Map(peers.map(({ id }, place) => [id, place]))
  const plane = latencyOf('plane', seed)
  const far = (a: Id, b: Id): number => plane(places.get(a) as number, places.get(b) as number)
  const tables = new Map<Id, Table>()
  const left = [...peers]
  while (left.length > 0) {
    const me = left.splice(random.below(left.length), 1)[0] as Peer
    const table = new Table(me, options)
    const take = (others: Iterable<Peer>) => {
      for (const other of others) if (other.id !== me.id) table.admit(other, far(me.id, other.id))
    }
    const way = wayTo(
      tables,
      me.id,
      nearTo(tables, (id) => far(me.id, id)),
    )
    let next = 0
    for (const [hop, met] of way.entries()) {
      const shared = sharedDigits(me.id, met.me.id)
      take([met.me, ...met.rows.slice(next, shared + 1).flatMap((row) => [...row.values()])])
      if (hop === 0) take(met.neighborhood)
      next = Math.max(next, shared + 1)
    }
    take(way.at(-1)?.leaves.members ?? [])
    if (stages === 2) for (const { id } of table.known) take((tables.get(id) as Table).known)
    for (const { id } of table.known) tables.get(id)?.admit(me, far(id, me.id))
    tables.set(me.id, table)
  }
  return {
    /** How many entries of that row are the nearest there is, and how many are not, on average. */
    entries: (row: number): { best: number; others: number } => {
      let best = 0
      let others = 0
      for (const { me, rows } of tables.values())
        for (const [digit, entry] of rows[row] ?? []) {
          const prefix = me.id.slice(0, row) + digit
          const isBest = peers.every(({ id }) => !id.startsWith(prefix) || far(me.id, entry.id) <= far(me.id, id))
          if (isBest) best++
          else others++
        }
      return { best: best / nodes, others: others / nodes }
    },
  }
}

/** The nearest that is there: A. */
const nearTo = (tables: ReadonlyMap<Id, Table>, far: (id: Id) => number): Table | undefined => {
  let best: Table | undefined
  for (const table of tables.values()) if (!best || far(table.me.id) < far(best.me.id)) best = table
  return best
}

const wayTo = (tables: ReadonlyMap<Id, Table>, id: Id, first: Table | undefined): Table[] => {
  const way: Table[] = []
  for (let at = first; at && !way.includes(at); ) {
    way.push(at)
    const [next] = at.route(id, 1, nobody).peers
    at = next && tables.get(next.id)
  }
  return way
}

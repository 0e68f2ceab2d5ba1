/**
 * How good the tables of nodes are that have come one after the other, each through the nearest that was there: real nodes in a world whose
 * distances are known, where nobody dies and nothing but arrivals improves a table. Pastry §2.4, §3.3.
 */
import type { Known } from '../../src/overlay/pastry/api.ts'
import { latencyOf } from '../../src/sim/latency.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'
import type { Id } from '../../src/space/id.ts'

export interface Arrivals {
  readonly seed: number
  readonly nodes: number
  /** 1: those whom a newcomer has been told of on its way do not say whom they know; 2: they do, and it keeps who is nearer. */
  readonly stages: 1 | 2
}

/** Longer than all arrivals take: what nodes do from time to time they do not do here. */
const neverMs = 1e9
const idle = { stabilizeEveryMs: neverMs, reuniteEveryMs: neverMs, refreshRowsEveryMs: neverMs, rehomeEveryMs: neverMs }
/** Until everyone who was told of a newcomer has measured it. */
const restMs = 2000

export const arrivals = async ({ seed, nodes, stages }: Arrivals) => {
  const weather = { ...calm, delayMaxMs: calm.delayMinMs }
  const world = new World({
    seed,
    latency: 'plane',
    encode: false,
    weather,
    settings: { overlay: 'pastry', bits: 64, ...idle },
  })
  // What must hold at every moment is looked at elsewhere.
  world.demanding = false
  const plane = latencyOf('plane', seed)
  const places = new Map<Id, number>()
  /** As messages take it: whole milliseconds. */
  const far = (a: Id, b: Id): number => Math.round(plane(places.get(a) as number, places.get(b) as number))
  while (places.size < nodes) {
    const place = places.size
    const there = [...places].map(([id, other]) => ({ id, ms: plane(place, other) })).sort((a, b) => a.ms - b.ms)
    const id = world.add({ seeds: there.slice(0, 1).map((nearest) => world.peer(nearest.id)) })
    const { index, node } = world.host(id)
    places.set(id, index)
    if (node && stages === 1) node.handlers.state = () => ({ leaves: [], rows: [], neighborhood: [] })
    await world.until(
      () => node?.state === 'ready',
      60_000,
      () => `${id} has not arrived`,
    )
    await world.run(restMs)
  }
  const ids = [...places.keys()]
  return {
    /** How many entries of that row are the nearest there is, and how many are not, on average. */
    entries: (row: number): { best: number; others: number } => {
      let best = 0
      let others = 0
      for (const me of ids) {
        const rows = world.snapshot().get(me)?.['rows'] as readonly (readonly Known[])[]
        for (const { id } of rows[row] ?? []) {
          const prefix = id.slice(0, row + 1)
          const isBest = ids.every((other) => !other.startsWith(prefix) || far(me, id) <= far(me, other))
          if (isBest) best++
          else others++
        }
      }
      return { best: best / nodes, others: others / nodes }
    },
  }
}

/** A lookup at the owner, which asks nobody, beside a bare Fastify route with the same bytes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { clientApi, type Found } from '../../src/protocol/client-api.ts'
import { type AskName, askings, valueOf } from './asks.ts'
import { withBare } from './bare-server.ts'
import { bundle } from './bundle.ts'
import type { Figure } from './figure.ts'
import type { Load, Plan } from './load.ts'
import { cpuMs, run } from './process.ts'
import { type Ring, storeValue, withRing } from './ring.ts'

const connections = 32
const sliceMs = 700
/** Rounds that do not count. */
const warmUps = 2
const rounds = 12
const settledWithinMs = 15_000

interface Slice {
  readonly perSecond: number
  /** CPU of the server, µs. */
  readonly cpuPerRequest: number
}

export const measureOwner = (): Promise<Figure[]> =>
  withRing(2, 0, async ({ nodes }) => {
    const { origin, pid, found } = await findOwner(nodes)
    return withBare({ schema: clientApi.lookup.reply, reply: found }, async (bare) => {
      const load = await bundle('test/bench/load.ts', 'dist/bench/load.cjs')
      const slices: { ours: Slice; against: Slice }[] = []
      for (let round = 0; round < warmUps + rounds; round++)
        slices.push({
          against: await loadFor(load, 'bare', bare),
          ours: await loadFor(load, 'lookup', { origin, pid }),
        })
      const warm = slices.slice(warmUps)
      return [
        {
          what: `requests, ${connections} connections`,
          ours: warm.map(({ ours }) => ours.perSecond),
          against: warm.map(({ against }) => against.perSecond),
          unit: '/s',
          goal: { least: 0.7 },
        },
        {
          what: 'CPU of one request',
          ours: warm.map(({ ours }) => ours.cpuPerRequest),
          against: warm.map(({ against }) => against.cpuPerRequest),
          unit: 'µs',
        },
      ]
    })
  })

/** Who answers a lookup without asking another node, once the ring has settled. */
const findOwner = async (nodes: Ring['nodes']): Promise<{ origin: string; pid: number; found: Found }> => {
  await storeValue(nodes[0]?.url ?? '', valueOf(0))
  const { path } = askings.lookup.ask(0)
  for (const deadline = performance.now() + settledWithinMs; performance.now() < deadline; await sleep(100))
    for (const { url: origin, pid } of nodes) {
      const response = await fetch(`${origin}${path}`)
      const found = (await response.json()) as Found
      if (response.ok && found.hops === 0) return { origin, pid, found }
    }
  throw new Error(`after ${settledWithinMs / 1000} s no node finds the value without asking another`)
}

const loadFor = async (load: string, asking: AskName, { origin, pid }: { origin: string; pid: number }): Promise<Slice> => {
  const plan: Plan = { origin, asking, connections, ms: sliceMs, from: 0, below: 1 }
  const before = cpuMs(pid)
  const { requests, seconds } = JSON.parse(await run(load, [JSON.stringify(plan)])) as Load
  return { perSecond: requests / seconds, cpuPerRequest: ((cpuMs(pid) - before) * 1000) / requests }
}

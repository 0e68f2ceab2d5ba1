/** A lookup at the owner, which asks nobody, beside a bare Fastify route with the same bytes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { clientApi, type Found } from '../../src/protocol/client-api.ts'
import { withBare } from './bare-server.ts'
import { bundle } from './bundle.ts'
import type { Figure } from './figure.ts'
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
    const { url, pid, found } = await findOwner(nodes)
    return withBare({ schema: clientApi.lookup.reply, reply: found }, async (bare) => {
      const load = await bundle('test/bench/load.ts', 'dist/bench/load.cjs')
      const slices: { ours: Slice; against: Slice }[] = []
      for (let round = 0; round < warmUps + rounds; round++)
        slices.push({
          against: await loadFor(load, `${bare.origin}/reply`, bare.pid),
          ours: await loadFor(load, url, pid),
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

/** The lookup that needs no other node, once the ring has settled. */
const findOwner = async (nodes: Ring['nodes']): Promise<{ url: string; pid: number; found: Found }> => {
  const key = await storeValue(
    nodes[0]?.url ?? '',
    'a value of about a hundred bytes, as most that people try are in their first hour with it',
  )
  for (const deadline = performance.now() + settledWithinMs; performance.now() < deadline; await sleep(100))
    for (const { url: origin, pid } of nodes) {
      const url = `${origin}/lookup/${key}`
      const response = await fetch(url)
      const found = (await response.json()) as Found
      if (response.ok && found.hops === 0) return { url, pid, found }
    }
  throw new Error(`after ${settledWithinMs / 1000} s no node finds the value without asking another`)
}

const loadFor = async (load: string, url: string, pid: number): Promise<Slice> => {
  const before = cpuMs(pid)
  const said = await run(load, [url, String(connections), String(sliceMs)])
  const { requests, seconds } = JSON.parse(said) as { requests: number; seconds: number }
  return { perSecond: requests / seconds, cpuPerRequest: ((cpuMs(pid) - before) * 1000) / requests }
}

/** Fifty nodes on one machine: how long until the ring is whole, and what they cost when nobody asks them anything. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Figure, mean } from './figure.ts'
import { cpuMs } from './process.ts'
import { withRing } from './ring.ts'

const booted = 2
const added = 48
/** What was compiled while they came is compiled better in the next half minute. */
const settleMs = 60_000
const idleMs = 20_000

export const measureFifty = (): Promise<Figure[]> => {
  const began = performance.now()
  return withRing(booted, added, async ({ nodes }) => {
    const wholeSeconds = (performance.now() - began) / 1000
    await sleep(settleMs)
    const idle = await idlePercent(nodes.map(({ pid }) => pid))
    const answers = await Promise.all(nodes.map(async ({ url }) => (await fetch(`${url}/readyz`)).ok))
    return [
      { what: 'boot 2 and addmany 48, until whole', ours: [wholeSeconds], unit: 's' },
      { what: 'CPU of an idle node, % of a core', ours: [mean(idle)], unit: '%', goal: { most: 1 } },
      { what: 'CPU of the busiest of them', ours: [Math.max(...idle)], unit: '%' },
      {
        what: 'ready at the end',
        ours: [answers.filter(Boolean).length],
        unit: 'nodes',
        goal: { least: booted + added },
      },
    ]
  })
}

const idlePercent = async (pids: readonly number[]): Promise<number[]> => {
  const before = pids.map(cpuMs)
  const began = performance.now()
  await sleep(idleMs)
  const ms = performance.now() - began
  return pids.map((pid, at) => ((cpuMs(pid) - (before[at] ?? NaN)) / ms) * 100)
}

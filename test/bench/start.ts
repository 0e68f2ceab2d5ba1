/** What it costs to start a node, beside a process that only loads the same packages and listens. */
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bundleBare } from './bundle.ts'
import { type Figure, mean } from './figure.ts'
import { freePort, pssMiB, type Started, start } from './process.ts'
import { withRing } from './ring.ts'

const nodes = 10
const rounds = 4
/** As many at the same time as addmany starts. */
const atOnce = 4
/** From the last that is ready to the look at memory. */
const settleMs = 1500

interface Cost {
  readonly cpuMs: number
  readonly pssMiB: number
}

export const measureStart = async (): Promise<Figure[]> => {
  const bare = await bundleBare()
  const measured: { ours: Cost; against: Cost }[] = []
  for (let round = 0; round < rounds; round++)
    // Both sides beside two nodes that run: the more processes, the less of the program each is charged for.
    measured.push(
      await withRing(2, 0, async ({ network, home, nodes: [seed] }) => {
        const log = openSync(join(home, 'started.log'), 'a')
        try {
          const against = await costOf(bare, {}, log)
          const env = { POLYCHORD_NETWORK: network, POLYCHORD_SEEDS: seed?.url ?? '' }
          return { against, ours: await costOf('dist/start.cjs', env, log) }
        } finally {
          closeSync(log)
        }
      }),
    )
  return [
    {
      what: 'CPU until it has joined',
      ours: measured.map(({ ours }) => ours.cpuMs),
      against: measured.map(({ against }) => against.cpuMs),
      unit: 'ms',
      goal: { most: 1.3 },
    },
    {
      what: 'memory (PSS)',
      ours: measured.map(({ ours }) => ours.pssMiB),
      against: measured.map(({ against }) => against.pssMiB),
      unit: 'MiB',
      goal: { most: 1.3 },
    },
  ]
}

/** The mean over ten of them. */
const costOf = async (script: string, env: Readonly<Record<string, string>>, log: number): Promise<Cost> => {
  const ports: number[] = []
  for (let count = 0; count < nodes; count++) ports.push(await freePort())
  const started: Started[] = []
  const worker = async () => {
    for (let port = ports.pop(); port !== undefined; port = ports.pop())
      started.push(await start(script, { ...env, POLYCHORD_PORT: String(port) }, log))
  }
  try {
    await Promise.all(Array.from({ length: atOnce }, worker))
    await sleep(settleMs)
    return { cpuMs: mean(started.map(({ startCpuMs }) => startCpuMs)), pssMiB: mean(started.map(({ pid }) => pssMiB(pid))) }
  } finally {
    for (const { end } of started) end()
  }
}

/** The simulator: how fast time passes in a large ring with churn, and how many random schedules fit into a minute. */
import { stream } from '../../src/sim/random.ts'
import { simulate } from '../../src/sim/scenarios.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'
import type { Figure } from './figure.ts'

const nodes = 1000
const values = 100
const lookupsPerSecond = 100
/** Virtual seconds of one round. */
const roundSeconds = 5
const rounds = 6
const seeds = 20

export const measureSim = async (): Promise<Figure[]> => [
  {
    what: `${nodes} nodes, churn, lookups, checks`,
    ours: await churn(),
    unit: 'messages per s of CPU',
    goal: { least: 50_000 },
  },
  { what: 'swarm: schedules played', ours: await swarm(), unit: '/min' },
]

/** One join, one death, and lookups through anyone, every second; the ring checked after every change. */
const churn = async (): Promise<number[]> => {
  const world = new World({ seed: 1, encode: false, weather: { ...calm, delayMinMs: 5, delayMaxMs: 50 } })
  const random = stream(world.seed, 'bench', 'churn')
  await world.boot(nodes)
  for (let value = 0; value < values; value++) await world.call(world.anyone(), 'store', { value: `value ${value}` })
  const perSecond: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const { messages } = world
    const began = process.cpuUsage()
    for (let second = 0; second < roundSeconds; second++) {
      world.add()
      const doomed = world.anyone()
      if (world.law.mayFail(doomed)) world.crash(doomed)
      for (let lookup = 0; lookup < lookupsPerSecond; lookup++)
        world.ask(world.anyone(), 'lookupBy', { value: `value ${random.below(values)}` })
      await world.run(1000)
    }
    const { user, system } = process.cpuUsage(began)
    // The first one is spent on compiling what the others run.
    if (round > 0) perSecond.push(((world.messages - messages) * 1_000_000) / (user + system))
  }
  return perSecond
}

const swarm = async (): Promise<number[]> => {
  const began = performance.now()
  for (let seed = 1; seed <= seeds; seed++) await simulate('swarm', seed)
  return [(seeds * 60_000) / (performance.now() - began)]
}

/** Lookups while nodes come and die, each in a moment of its own: what they find, and how far they travel. */
import type { NodeConfig } from '../../src/node/config.ts'
import { stream } from '../../src/sim/random.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'

const values = 50
const lookupsPerSecond = 25
/** Long enough for every lookup to end. */
const restMs = 10_000

export interface Churn {
  readonly size: number
  /** Mean; as many nodes come as die. */
  readonly lifetimeMs: number
  readonly seconds: number
  readonly membership: NodeConfig['membership']
  /** Chord without it. */
  readonly overlay?: NodeConfig['overlay']
}

/** Lookups that somebody was still there to hear of. One in ten is of what was never stored. */
export interface Looked {
  /** Of what was stored. */
  hits: number
  /** Of those, in which one node was asked at the most. */
  oneHop: number
  misses: number
  /** Nodes that died meanwhile, and as many came. */
  deaths: number
  /** What was stored and not found, or found and not stored; in words. */
  readonly wrong: string[]
}

export const lookUpInChurn = async ({ size, lifetimeMs, seconds, membership, overlay = 'chord' }: Churn): Promise<Looked> => {
  const weather = { ...calm, delayMinMs: 1, delayMaxMs: 10 }
  const world = new World({ seed: 1, encode: false, weather, settings: { membership, overlay } })
  const random = stream(world.seed, 'test', 'churn')
  await world.boot(size)
  await world.settle()
  for (let value = 0; value < values; value++) await world.call(world.anyone(), 'store', { value: `value ${value}` })
  const look = (number: number) => world.ask(world.anyone(), 'lookupBy', { value: `value ${number}` })
  const asked: { number: number; answer: ReturnType<typeof look> }[] = []
  const turnoverMs = lifetimeMs / size
  let deaths = 0
  let nextMs = world.nowMs + turnoverMs
  for (let second = 0; second < seconds; second++) {
    for (; nextMs < world.nowMs; nextMs += turnoverMs) {
      world.add()
      const doomed = world.anyone()
      if (!world.law.mayFail(doomed)) continue
      world.crash(doomed)
      deaths++
    }
    for (let lookup = 0; lookup < lookupsPerSecond; lookup++) {
      const number = lookup % 10 === 0 ? values : random.below(values)
      asked.push({ number, answer: look(number) })
    }
    await world.run(1000)
  }
  await world.run(restMs)
  const looked: Looked = { hits: 0, oneHop: 0, misses: 0, deaths, wrong: [] }
  for (const { number, answer } of asked) {
    // Whoever was asked may have died.
    if (answer.state === 'waiting') continue
    const found = answer.state === 'answered' ? answer.reply.values.map(({ value }) => value).join() : answer.error.error
    if (found !== (number === values ? 'NOT_FOUND' : `value ${number}`)) looked.wrong.push(`value ${number}: ${found}`)
    if (number === values) looked.misses++
    else looked.hits++
    if (answer.state === 'answered' && answer.reply.path.length <= 1) looked.oneHop++
  }
  return looked
}

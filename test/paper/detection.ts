/** How long a dead member stays unnoticed: the first ping that it does not answer, the first suspicion, the verdict. */
import { stream } from '../../src/sim/random.ts'
import { Group } from '../membership/group.ts'
import { spread } from './tally.ts'

/** What never comes within an experiment. */
export const never = 1_000_000_000

/** Of the LAN preset, with nothing but packets: no exchanges over HTTP. */
export const packetsAlone = { membership: 'lan', syncEveryMs: never, reconnectEveryMs: never } as const

/** The moments at which each member is pinged by anyone, ms. All live: up to its first ping, a dead member is like any other. */
const pingsOf = async (group: Group, periods: number): Promise<number[][]> => {
  const pings = new Map(group.processes.map(({ peer }) => [peer.id, [] as number[]]))
  const beganMs = group.nowMs
  group.watch = (packet) => {
    if (packet.type === 'ping') pings.get(packet.target)?.push(group.nowMs - beganMs)
  }
  await group.run(periods * group.options.probeEveryMs)
  return [...pings.values()]
}

/**
 * Periods from a moment at random to the first ping of a member at random, for each member and many moments.
 * @param inStep whether all ping at the same moments; then the period counts whole in which the ping is made
 */
export const periodsToPing = async (size: number, periods: number, inStep: boolean): Promise<{ mean: number; p99: number }> => {
  const group = new Group({ seed: size, size, inStep, options: packetsAlone })
  await group.gather()
  const { probeEveryMs } = group.options
  const stepMs = inStep ? probeEveryMs : probeEveryMs / 10
  // The longest wait is one turn of everyone: moments near the end may have no ping after them.
  const lastMs = (periods - 20) * probeEveryMs
  const waits = (await pingsOf(group, periods)).flatMap((pings) => {
    let next = 0
    return Array.from({ length: lastMs / stepMs }, (_, at) => {
      while ((pings[next] ?? never) < at * stepMs) next++
      const wait = ((pings[next] ?? never) - at * stepMs) / probeEveryMs
      return inStep ? Math.floor(wait) + 1 : wait
    })
  })
  waits.sort((a, b) => a - b)
  return { mean: spread(waits).mean, p99: waits[Math.floor(0.99 * waits.length)] ?? 0 }
}

/** The longest time, in periods, between two pings of one member by one other. */
export const worstGap = async (size: number, periods: number): Promise<number> => {
  const group = new Group({ seed: size, size, inStep: true, options: packetsAlone })
  await group.gather()
  const last = new Map<string, number>()
  let worst = 0
  group.watch = (packet, from) => {
    if (packet.type !== 'ping') return
    const pair = `${from.peer.id} ${packet.target}`
    worst = Math.max(worst, group.nowMs - (last.get(pair) ?? group.nowMs))
    last.set(pair, group.nowMs)
  }
  await group.run(periods * group.options.probeEveryMs)
  return worst / group.options.probeEveryMs
}

/** One death, ms: until somebody suspects it, from then until somebody has it dead, from then until all have. */
interface Death {
  readonly suspectMs: number
  readonly deadMs: number
  readonly toldMs: number
}

/** One member dies at a moment at random; once for each seed. */
export const deathsOf = async (size: number, trials: number, membership: 'lan' | 'local'): Promise<Death[]> => {
  const deaths: Death[] = []
  for (let seed = 0; seed < trials; seed++) {
    const group = new Group({ seed, size, options: { membership } })
    await group.gather()
    const random = stream(seed, 'death', 'victim')
    await group.run(random.below(group.options.probeEveryMs))
    const victim = group.processes[random.below(size)] as (typeof group.processes)[number]
    const { id } = victim.peer
    victim.crash()
    const someHave = (state: string) => () => group.up.some(({ swim }) => swim.get(id)?.state === state)
    const suspectMs = await group.until(someHave('suspect'), 60_000)
    const deadMs = await group.until(someHave('dead'), 60_000)
    const toldMs = await group.until(() => group.allHave(id, 'dead'), 60_000)
    deaths.push({ suspectMs, deadMs, toldMs })
  }
  return deaths
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

/** A member that hears nobody, and nobody hears: how long it suspects each before it has it dead, ms, in that order. */
export const suspicionsAlone = async (size: number, seed: number): Promise<number[]> => {
  const group = new Group({ seed, size, options: packetsAlone })
  await group.gather()
  const alone = group.processes[seed % size] as (typeof group.processes)[number]
  group.blocks = (from, to) => from === alone || to === alone
  await group.run(60_000)
  const began = new Map<string, number>()
  return alone.events.flatMap(({ kind, member: { id, since } }) => {
    if (kind === 'suspect') began.set(id, since)
    return kind === 'dead' ? [since - (began.get(id) ?? 0)] : []
  })
}

/** How often the living are suspected, and declared dead, where packets get lost and members are slow. */
import type { MembershipOptions } from '../../src/membership/options.ts'
import { Group } from '../membership/group.ts'
import { never, packetsAlone } from './detection.ts'

/** Probes that fail in a group where nobody dies, with so many helpers. No suspicion ever ends: they are only counted. */
export const failedProbes = async (periods: number, lossPerMille: number, helpers: number): Promise<number> => {
  const options = { ...packetsAlone, gossipEveryMs: never, indirectProbes: helpers, healthMax: 1 }
  const group = new Group({ seed: lossPerMille + helpers, size: 50, http: false, options })
  group.introduce()
  await group.run(10_000)
  group.lossPerMille = lossPerMille
  const count = () => group.processes.reduce((sum, { failures }) => sum + failures, 0)
  const before = count()
  await group.run(periods * group.options.probeEveryMs)
  return count() - before
}

interface Verdicts {
  readonly failures: number
  readonly suspicions: number
  /** Members that someone has had dead. */
  readonly deaths: number
}

/** What is said of those who are healthy in a group where nobody dies. */
const verdicts = (group: Group, healthy: ReadonlySet<string>): Verdicts => {
  const events = group.processes.flatMap((process) => process.events.map(({ kind, member }) => ({ kind, id: member.id })))
  const count = (wanted: string) => events.filter(({ kind, id }) => kind === wanted && healthy.has(id)).length
  const failures = group.processes.reduce((sum, process) => sum + process.failures, 0)
  return { failures, suspicions: count('suspect'), deaths: count('dead') }
}

/** A group of the local preset loses packets for so many periods. */
export const verdictsUnderLoss = async (
  seed: number,
  periods: number,
  lossPerMille: number,
  http: boolean,
): Promise<Verdicts> => {
  const group = new Group({ seed, size: 50, options: { membership: 'local' } })
  await group.gather()
  group.http = http
  group.lossPerMille = lossPerMille
  await group.run(periods * group.options.probeEveryMs)
  return verdicts(group, new Set(group.processes.map(({ peer }) => peer.id)))
}

/** A slow member hears and speaks for half a second in every 8.5. */
const stallMs = 8000
const burstMs = 500

/** SWIM without Lifeguard: no member doubts itself, and a suspicion lasts no longer because nobody confirms it. */
export const plain: Partial<MembershipOptions> = { healthMax: 1, suspicionMaxMult: 1 }

/** Four members are slow for so long. */
export const verdictsOfSlow = async (
  seed: number,
  size: number,
  ms: number,
  options: Partial<MembershipOptions>,
): Promise<Verdicts> => {
  const group = new Group({ seed, size, options: { membership: 'lan', ...options } })
  await group.gather()
  const slow = group.processes.slice(0, 4)
  for (const [at, process] of slow.entries())
    process.listensFrom = (nowMs) => {
      const phaseMs = (nowMs + (at * (stallMs + burstMs)) / slow.length) % (stallMs + burstMs)
      return phaseMs < stallMs ? nowMs + stallMs - phaseMs : nowMs
    }
  await group.run(ms)
  return verdicts(group, new Set(group.processes.slice(4).map(({ peer }) => peer.id)))
}

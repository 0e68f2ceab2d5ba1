/**
 * What the papers on SWIM and Lifeguard say, shown on the code that watches the members of a network.
 *
 * DSN'02: Das, Gupta, Motivala, SWIM: Scalable Weakly-consistent Infection-style Process Group Membership Protocol, 2002. Lifeguard:
 * Dadgar, Phillips, Currey, Lifeguard: Local Health Awareness for More Accurate Failure Detection, arXiv 1707.00788, 2017. “Another
 * simulation” is an independent one of the same rules. Groups are smaller and trials fewer than there; every draw follows from a seed.
 */
import { describe, expect, test } from 'vitest'
import { Group } from '../membership/group.ts'
import { failedProbes, plain, verdictsOfSlow, verdictsUnderLoss } from './accuracy.ts'
import { deathsOf, median, packetsAlone, periodsToPing, suspicionsAlone, worstGap } from './detection.ts'
import { roundsToAll } from './dissemination.ts'
import { spread } from './tally.ts'

const about = (value: number, expected: number, by: number) =>
  expect(Math.abs(value - expected), `${value.toFixed(3)} for ${expected}`).toBeLessThanOrEqual(by)

// DSN'02, abstract and §3.1: e / (e − 1) = 1.58 periods in lock-step when targets are drawn at random; another simulation of a group
// in which they are taken in turn (§4.3) has slightly less.
describe('“the expected time to first detection of each process failure” does “not vary with group size”', () => {
  test.each([
    [10, 400, 1.48],
    [20, 300, 1.52],
    [50, 100, 1.55],
    [100, 100, 1.57],
  ])('in step, a dead one of %i is pinged first in period %f', async (size, periods, mean) => {
    const seen = await periodsToPing(size, periods, true)
    about(seen.mean, mean, 0.04)
    expect(seen.mean).toBeLessThan(Math.E / (Math.E - 1))
  })

  test.each([
    [10, 400, 0.91],
    [20, 300, 0.94],
    [50, 100, 0.98],
    [100, 50, 1],
  ])('each at its own moments, a dead one of %i is pinged after %f periods', async (size, periods, mean) => {
    const seen = await periodsToPing(size, periods, false)
    about(seen.mean, mean, 0.04)
    expect(seen.p99).toBeLessThanOrEqual(4.7)
  })
})

// DSN'02, abstract and §4.3. At the worst a target is first in one turn and last in the next.
test('“a deterministic time bound to detect failures”: each of 50 is pinged by each at least every 2N − 3 periods', async () => {
  const gap = await worstGap(50, 250)
  expect(gap).toBeLessThanOrEqual(2 * 50 - 3)
  expect(gap).toBeGreaterThan(50)
})

// The first suspicion as above, and a period for the verdict; then suspicionMult × log10 N periods, as Lifeguard's LHA-Suspicion has it.
describe('a member of a local network dies', () => {
  const after = { 10: 4000, 20: 5204, 100: 8000 }

  test.each([
    [10, 40],
    [20, 40],
    [100, 1],
  ] as const)(
    '%i members with the LAN preset: suspected after two periods, dead after the shortest suspicion',
    async (size, trials) => {
      const deaths = await deathsOf(size, trials, 'lan')
      const suspectMs = deaths.map((death) => death.suspectMs)
      const { mean, sd } = spread(suspectMs)
      about(mean, 1950, (3 * Math.max(sd, 600)) / Math.sqrt(trials))
      const { gossipEveryMs } = new Group({ seed: 0, size: 1, options: { membership: 'lan' } }).options
      const minMs = after[size]
      for (const { deadMs } of deaths) expect(deadMs).toBeGreaterThanOrEqual(minMs - gossipEveryMs)
      about(median(deaths.map(({ deadMs }) => deadMs)), minMs, 2 * gossipEveryMs)
      about(median(deaths.map(({ toldMs }) => toldMs)), 300, 300)
    },
  )

  test('20 members with the local preset: in the middle of all cases everyone has it dead within 4 s', async () => {
    const deaths = await deathsOf(20, 40, 'local')
    expect(median(deaths.map(({ suspectMs, deadMs, toldMs }) => suspectMs + deadMs + toldMs))).toBeLessThanOrEqual(4000)
  })
})

// Lifeguard, LHA-Suspicion: the time-out begins at its longest, and each independent suspicion shortens it.
test('an accuser whom nobody can confirm waits six times as long as one whom enough confirm, and never less', async () => {
  const [first, ...others] = await suspicionsAlone(20, 4)
  const maxMs = 6 * 5204
  about(first ?? 0, maxMs, 200)
  expect(others.length).toBeGreaterThan(3)
  // The first were suspected while the group had 20 members; with fewer the shortest suspicion is shorter.
  for (const ms of others.slice(0, 4)) expect(ms).toBeGreaterThanOrEqual(maxMs - 10)
})

// DSN'02, abstract and §4.1: updates ride on pings and acks, each λ log N times; another simulation has these means and percentiles.
describe('“a robust and fast infection style of dissemination”: periods until all have heard', () => {
  test.each([
    [20, 200, 0, 4.5, 6],
    [20, 200, 100, 5.3, 8],
    [55, 80, 0, 6, 8],
    [55, 80, 100, 7, 10],
    [100, 40, 0, 6.6, 8],
    [100, 40, 100, 7.6, 10],
  ])('%i members, %i updates, %i ‰ of packets lost: %f, seldom more than %i', async (size, trials, loss, mean, high) => {
    const { rounds } = await roundsToAll(size, trials, loss, 'pings')
    about(rounds.mean, mean, 0.5)
    expect(rounds.percentile(0.95)).toBeLessThanOrEqual(high)
    // Linear in log N, whatever else.
    expect(rounds.percentile(0.99)).toBeLessThanOrEqual(3 * Math.log(size) + 4)
  })

  test.each([
    [20, 200, 0, 4, 5],
    [20, 200, 250, 4.8, 7],
    [100, 40, 0, 5.7, 7],
  ])('by gossip to 3 in each round, %i members, %i updates, %i ‰ lost: %f rounds', async (size, trials, loss, mean, high) => {
    const { rounds } = await roundsToAll(size, trials, loss, 'gossip')
    about(rounds.mean, mean, 0.5)
    expect(rounds.percentile(0.95)).toBeLessThanOrEqual(high)
  })

  // DSN'02 §4.1: after λ log N periods N^−(2λ−2) members are left out, on average; with loss more are, which exchanges must mend.
  test('with a quarter of the packets lost, some update in a hundred is not heard by all: there have to be exchanges', async () => {
    const { missed } = await roundsToAll(20, 400, 250, 'pings')
    // Updates told at the same time often miss the same member: 100 groups of four stray by 0.014, three times that at the most.
    expect(missed).toBeGreaterThan(0)
    about(missed, 0.02, 0.042)
    expect((await roundsToAll(20, 200, 0, 'pings')).missed).toBeLessThanOrEqual(0.01)
  })
})

// DSN'02 §3.1: a probe of a living member fails with (1 − q²)(1 − q⁴)^k; q is the chance of a packet to arrive.
describe('false suspicions become fewer exponentially with the number of helpers', () => {
  test.each([
    [50, 1],
    [50, 3],
    [100, 3],
  ])('of %i ‰ of the packets lost, with %i helpers', async (loss, helpers) => {
    const periods = 200
    const q = 1 - loss / 1000
    const expected = 50 * periods * (1 - q ** 2) * (1 - q ** 4) ** helpers
    about(await failedProbes(periods, loss, helpers), expected, 3 * Math.sqrt(expected))
  })
})

// DSN'02, abstract and §4.2: “to suspect a process before declaring it as failed - this allows the system to discover and rectify false
// failure detections”.
describe('with a tenth of the packets lost nobody is dead who is not, among 50', () => {
  test('where HTTP gets through, in 300 periods, nor even suspected', async () => {
    const { suspicions, deaths } = await verdictsUnderLoss(1, 300, 100, true)
    expect([suspicions, deaths]).toEqual([0, 0])
  })

  test('where nothing does but packets, in 150 periods, though many are suspected', async () => {
    const { failures, suspicions, deaths } = await verdictsUnderLoss(1, 150, 100, false)
    expect(failures).toBeGreaterThan(20)
    expect(suspicions).toBeGreaterThan(500)
    expect(deaths).toBe(0)
  })
})

// DSN'02, abstract and §5: one ping and one ack for each member in each period.
test.each([10, 50, 100])(
  '“the expected message load per member” does “not vary with group size”: at rest each of %i sends 2.0 packets per period',
  async (size) => {
    const group = new Group({ seed: size, size, options: packetsAlone })
    await group.gather()
    const count = () => group.processes.reduce((sum, { sent }) => sum + sent, 0)
    const before = count()
    const periods = 50
    await group.run(periods * group.options.probeEveryMs)
    about((count() - before) / size / periods, 2, 0.02)
  },
)

// Lifeguard, abstract: by a factor of 50 and more among 100 members. 40 and one minute here, where four hear and speak for half a
// second in every 8.5.
describe('local health “drastically reduces the rate of false positives”', () => {
  test('where four of forty are slow, at most a tenth of the false deaths of healthy members is left', async () => {
    const without = await verdictsOfSlow(1, 40, 60_000, plain)
    const withIt = await verdictsOfSlow(1, 40, 60_000, {})
    expect(without.deaths).toBeGreaterThan(50)
    expect(withIt.deaths).toBeLessThanOrEqual(without.deaths / 10)
  })
})

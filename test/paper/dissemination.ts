/** How news spreads: rounds until all have heard it, and whether all do. */
import { Group } from '../membership/group.ts'
import { never, packetsAlone } from './detection.ts'
import { Tally } from './tally.ts'

/** How news travels: on pings and acks alone, in rounds of a period; or on gossip alone, in rounds of its own. */
export type Carrier = 'pings' | 'gossip'

const carriers = {
  pings: { probeEveryMs: 1000, probeTimeoutMs: 500, gossipEveryMs: never },
  gossip: { probeEveryMs: never, probeTimeoutMs: 500, gossipEveryMs: 200 },
}
/** Members that have something to tell at the same time; their updates fit one packet, so that none waits for another. */
const tellers = 4

interface Spread {
  /** Rounds until all had heard it, of what all did hear. */
  readonly rounds: Tally
  /** Of all that was told, what someone never heard. */
  readonly missed: number
}

/**
 * All go in step. Members tell something of themselves, until nobody repeats it any more. Whoever does not answer a ping is asked
 * over HTTP, and answers: so loss of packets makes no suspicion, and nothing else is on its way.
 */
export const roundsToAll = async (size: number, trials: number, lossPerMille: number, carrier: Carrier): Promise<Spread> => {
  const options = { ...packetsAlone, ...carriers[carrier], indirectProbes: 0, healthMax: 1 }
  const roundMs = carrier === 'pings' ? options.probeEveryMs : options.gossipEveryMs
  const group = new Group({ seed: size + lossPerMille, size, inStep: true, options })
  let talking = true
  group.watch = ({ updates }) => {
    if (updates.length > 0) talking = true
  }
  const round = async () => {
    talking = false
    await group.run(roundMs)
  }
  group.introduce()
  while (talking) await round()
  group.lossPerMille = lossPerMille
  const rounds = new Tally()
  let missed = 0
  for (let trial = 0; trial < trials; trial += tellers) {
    const news = Array.from({ length: tellers }, (_, at) => {
      const teller = group.processes[(trial + at) % size] as (typeof group.processes)[number]
      teller.swim.describe({ trial: String(trial) })
      return { id: teller.peer.id, incarnation: teller.self.incarnation, after: 0 }
    })
    talking = true
    for (let count = 1; talking; count++) {
      await round()
      for (const told of news)
        if (told.after === 0 && group.processes.every(({ swim }) => swim.get(told.id)?.incarnation === told.incarnation))
          told.after = count
    }
    for (const { after } of news) {
      if (after > 0) rounds.add(after)
      else missed++
    }
  }
  return { rounds, missed: missed / trials }
}

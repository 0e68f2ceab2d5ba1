/**
 * What may happen in a random world, and how often. What is likely, and what never happens, is drawn anew for every seed:
 * schedules in which everything happens hide what some of it alone would show.
 */
import type { NodeSettings } from '../node/config.ts'
import type { Random } from '../ports.ts'
import { modes, ownerships } from '../protocol/schemas.ts'
import { pick, within } from './random.ts'

const deeds = ['add', 'crash', 'leave', 'restart', 'pause', 'client', 'cut', 'mend'] as const
export type Deed = (typeof deeds)[number]

export interface Schedule {
  /** Whether silence means death: short pauses, no cuts, and no failure but those that the protocol allows. */
  readonly lawful: boolean
  readonly nodes: number
  readonly mostNodes: number
  readonly events: number
  /** The longest wait between two events. */
  readonly gapMaxMs: number
  readonly pauseMaxMs: number
  readonly weights: Readonly<Record<Deed, number>>
}

export const drawSettings = (random: Random): Partial<NodeSettings> => ({
  bits: pick(random, [32, 160]),
  successors: within(random, 3, 6),
  ownership: pick(random, ownerships),
  mode: pick(random, modes),
  stabilizeEveryMs: within(random, 200, 2000),
  foundAfterMs: 60_000,
})

export const drawSchedule = (random: Random, callTimeoutMs: number, lawful: boolean): Schedule => {
  const weight = (most: number) => (random.below(4) === 0 ? 0 : within(random, 1, most))
  return {
    lawful,
    nodes: within(random, 1, 12),
    mostNodes: within(random, 8, 24),
    events: within(random, 40, 160),
    gapMaxMs: pick(random, [50, 500, 3000]),
    pauseMaxMs: lawful ? Math.floor(callTimeoutMs / 4) : 10 * callTimeoutMs,
    weights: {
      add: within(random, 1, 10),
      crash: weight(8),
      leave: weight(8),
      restart: weight(5),
      pause: weight(5),
      client: weight(20),
      cut: lawful ? 0 : weight(3),
      mend: lawful ? 0 : weight(3),
    },
  }
}

/** What happens next. */
export const drawDeed = (random: Random, weights: Schedule['weights']): Deed => {
  let left = random.below(deeds.reduce((sum, deed) => sum + weights[deed], 0))
  for (const deed of deeds) {
    left -= weights[deed]
    if (left < 0) return deed
  }
  return 'add'
}

/**
 * What may happen in a random world, and how often. What is likely, and what never happens, is drawn anew for every seed:
 * schedules in which everything happens hide what some of it alone would show.
 */
import type { NodeSettings } from '../node/config.ts'
import { kindOf, type OverlayName } from '../overlay/overlays.ts'
import type { Random } from '../ports.ts'
import type { Mode } from '../protocol/schemas.ts'
import type { Bounds } from './fate.ts'
import { pick, within } from './random.ts'

const kinds = ['add', 'crash', 'stop', 'leave', 'restart', 'wipe', 'pause', 'fill', 'client', 'cut', 'mend'] as const
export type Kind = (typeof kinds)[number]

/** In a lawful one silence means death: pauses are short, there are no cuts, and no failures but those that the law allows. */
export interface Schedule extends Bounds {
  readonly nodes: number
  readonly mostNodes: number
  /** Stored before anything else happens. */
  readonly values: number
  readonly events: number
  /** The longest wait between two events. */
  readonly gapMaxMs: number
  /** Events that happen at the same moment as the one before. */
  readonly burstPerMille: number
  /** Events that befall a neighbour of whom the last one befell. */
  readonly focusPerMille: number
  readonly pauseMaxMs: number
  /** The longest that a disk is full. */
  readonly fullMaxMs: number
  readonly weights: Readonly<Record<Kind, number>>
}

/** A successor list that is two longer than the window is the least. */
const successorsLeast = 5

const drawMode = (random: Random, overlay: OverlayName): Mode => {
  const ways = [...kindOf(overlay).modes.toReversed(), 'onehop' as const]
  return ways[random.below(ways.length)] ?? 'onehop'
}

export const drawSettings = (random: Random, overlay: OverlayName): Partial<NodeSettings> => ({
  bits: pick(random, [32, 160]),
  successors: within(random, successorsLeast, successorsLeast + 3),
  mode: drawMode(random, overlay),
  stabilizeEveryMs: within(random, 200, 2000),
  foundAfterMs: 60_000,
})

export const drawSchedule = (random: Random, callTimeoutMs: number, lawful: boolean): Schedule => {
  const weight = (most: number) => (random.below(4) === 0 ? 0 : within(random, 1, most))
  const rarely = (most: number) => (random.below(4) === 0 ? within(random, 1, most) : 0)
  return {
    lawful,
    returns: random.below(2) === 0,
    nodes: within(random, 1, 10),
    mostNodes: pick(random, [4, 5, 6, 8, 12, 20]),
    values: pick(random, [0, 10, 60]),
    events: within(random, 60, 300),
    gapMaxMs: pick(random, [20, 200, 1000, 3000]),
    burstPerMille: pick(random, [0, 200, 600]),
    focusPerMille: pick(random, [0, 500, 900]),
    pauseMaxMs: lawful ? Math.floor(callTimeoutMs / 4) : 10 * callTimeoutMs,
    fullMaxMs: 20_000,
    weights: {
      add: within(random, 1, 12),
      crash: weight(10),
      stop: weight(3),
      leave: weight(10),
      restart: weight(12),
      wipe: weight(3),
      pause: weight(5),
      fill: rarely(3),
      client: within(random, 5, 40),
      cut: lawful ? 0 : weight(3),
      mend: lawful ? 0 : weight(3),
    },
  }
}

/** What happens next. */
export const drawKind = (random: Random, weights: Schedule['weights']): Kind => {
  let left = random.below(kinds.reduce((sum, kind) => sum + weights[kind], 0))
  for (const kind of kinds) {
    left -= weights[kind]
    if (left < 0) return kind
  }
  return 'add'
}

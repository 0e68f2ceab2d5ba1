/** What the network does to messages, and clocks to time: each fault a knob. */
import type { Random } from '../ports.ts'
import { happens, pick, within } from './random.ts'

export interface Weather {
  /** How long a message travels, one way. */
  readonly delayMinMs: number
  readonly delayMaxMs: number
  /** Messages that are held up, so that later ones overtake them, and for how long besides. */
  readonly slowPerMille: number
  readonly slowMs: number
  /** Requests that arrive twice, as after a retry. The caller hears the first reply. */
  readonly duplicatePerMille: number
  /** Requests that never arrive. */
  readonly lossPerMille: number
  /** Replies that never arrive: the call had its effect, and the caller does not know. */
  readonly replyLossPerMille: number
  /** How far a node's clock may be ahead or behind. Drawn when the node starts. */
  readonly skewMaxMs: number
  /** The longest that a flush of a disk takes. */
  readonly diskMaxMs: number
  /** Whether calls to the dead are not even refused, as those to a machine that has lost its power. */
  readonly silentDeaths: boolean
}

export const calm: Weather = {
  delayMinMs: 1,
  delayMaxMs: 5,
  slowPerMille: 0,
  slowMs: 0,
  duplicatePerMille: 0,
  lossPerMille: 0,
  replyLossPerMille: 0,
  skewMaxMs: 0,
  diskMaxMs: 2,
  silentDeaths: false,
}

/**
 * Weather that the protocol is made for: every message arrives, and every answer within the time-out, so that silence
 * means death. Half of the knobs are off in any one world: what all together would hide, one alone may show.
 */
export const rough = (random: Random, callTimeoutMs: number): Weather => {
  const mostMs = Math.floor(callTimeoutMs / 8)
  const maybe = (high: number) => (random.below(2) === 0 ? 0 : random.below(high + 1))
  const delayMinMs = maybe(20)
  return {
    ...calm,
    delayMinMs,
    delayMaxMs: within(random, delayMinMs, mostMs),
    slowPerMille: maybe(200),
    slowMs: within(random, 1, mostMs),
    duplicatePerMille: maybe(200),
    skewMaxMs: maybe(60_000),
    diskMaxMs: pick(random, [0, 20, 200]),
  }
}

/** Weather in which silence may mean anything. */
export const stormy = (random: Random, callTimeoutMs: number): Weather => ({
  ...rough(random, callTimeoutMs),
  slowMs: within(random, 1, 2 * callTimeoutMs),
  lossPerMille: random.below(100),
  replyLossPerMille: random.below(100),
})

export const delayMs = (weather: Weather, random: Random): number =>
  within(random, weather.delayMinMs, weather.delayMaxMs) + (happens(random, weather.slowPerMille) ? weather.slowMs : 0)

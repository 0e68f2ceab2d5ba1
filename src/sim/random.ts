/**
 * Randomness by label: one stream for each (seed, node, purpose), so that a draw more here moves nothing there.
 */
import { createHash } from 'node:crypto'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus'
import type { Random } from '../ports.ts'

export const stream = (seed: number, owner: string, purpose: string): Random => {
  const label = createHash('sha256').update(`${seed}/${owner}/${purpose}`).digest()
  const generator = xoroshiro128plusFromState([0, 4, 8, 12].map((at) => label.readInt32LE(at)))
  return { below: (limit) => uniformInt(generator, 0, limit - 1) }
}

/** A whole number, low <= n <= high. */
export const within = (random: Random, low: number, high: number): number => low + random.below(high - low + 1)

/** Whether something that happens so many times in 1 000 happens now. Draws nothing for what never happens. */
export const happens = (random: Random, perMille: number): boolean => perMille > 0 && random.below(1000) < perMille

/** One of them. */
export const pick = <T>(random: Random, items: readonly [T, ...T[]]): T => items[random.below(items.length)] ?? items[0]

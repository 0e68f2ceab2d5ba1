/** Rings, keys and failures drawn at random: ids uniform on the circle, as a good hash gives them. */
import type { Random } from '../../src/ports.ts'
import type { Peer } from '../../src/protocol/schemas.ts'
import type { Id } from '../../src/space/id.ts'

/** Bits of an id in the figures: among 10^6 draws some id comes twice once in 10^7 times. */
const figureBits = 64

export const drawId = (random: Random, bits = figureBits): Id => {
  let id = ''
  for (let digits = bits / 4; digits > 0; digits -= 8)
    id += random
      .below(2 ** Math.min(32, 4 * digits))
      .toString(16)
      .padStart(Math.min(8, digits), '0')
  return id
}

/** So many peers, clockwise. */
export const drawRing = (random: Random, size: number, bits = figureBits): Peer[] => {
  const ids = new Set<Id>()
  while (ids.size < size) ids.add(drawId(random, bits))
  return [...ids].sort().map((id, at) => ({ id, url: `http://10.0.0.1:${at}` }))
}

export const drawOne = <T>(random: Random, items: readonly T[]): T => items[random.below(items.length)] as T

/** Each of the peers with that probability. */
export const drawEach = (random: Random, peers: readonly Peer[], probability: number): Set<Id> =>
  new Set(peers.filter(() => random.below(1_000_000) < probability * 1_000_000).map(({ id }) => id))

/** Exactly that fraction of the peers. */
export const drawFraction = (random: Random, peers: readonly Peer[], fraction: number): Set<Id> => {
  const drawn = new Set<Id>()
  while (drawn.size < Math.round(fraction * peers.length)) drawn.add(drawOne(random, peers).id)
  return drawn
}

/** How long to wait for what may happen at any moment, whole and 1 at least; so long on average. */
export const exponential = (random: Random, mean: number): number =>
  Math.max(1, Math.ceil(-mean * Math.log(1 - random.below(2 ** 30) / 2 ** 30)))

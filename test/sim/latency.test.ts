import { describe, expect, test } from 'vitest'
import { latencyModels, latencyOf } from '../../src/sim/latency.ts'
import { World } from '../../src/sim/world.ts'

const places = Array.from({ length: 40 }, (_, place) => place)

describe.each(latencyModels)('%s', (model) => {
  test('is a function of the seed, and takes time', () => {
    const [one, same, other] = [latencyOf(model, 1), latencyOf(model, 1), latencyOf(model, 2)]
    const all = (between: typeof one) => places.flatMap((a) => places.flatMap((b) => (a === b ? [] : [between(a, b)])))
    // Whoever is asked for in another order is where it would have been.
    expect(same(39, 3)).toBe(one(39, 3))
    expect(all(same)).toEqual(all(one))
    expect(all(other)).not.toEqual(all(one))
    for (const ms of all(one)) expect(ms > 0 && ms < 2000, String(ms)).toBe(true)
  })

  test('to and fro differ by a tenth at the most', () => {
    const between = latencyOf(model, 3)
    for (const a of places)
      for (const b of places) expect(Math.abs(between(a, b) - between(b, a))).toBeLessThanOrEqual(0.1 * between(a, b))
  })
})

test('on a plane nobody is nearer by a detour; between name servers many are', () => {
  const shorter = (model: 'plane' | 'king-like') => {
    const between = latencyOf(model, 4)
    return places.filter((a) => places.some((b) => places.some((c) => between(a, c) + between(c, b) < between(a, b) - 1e-9)))
      .length
  }
  expect(shorter('plane')).toBe(0)
  expect(shorter('king-like')).toBeGreaterThan(20)
})

test('a call takes there and back what the model says, beside the weather', async () => {
  const world = new World({ seed: 5, latency: 'plane' })
  const [first = ''] = await world.boot(4)
  const between = latencyOf('plane', 5)
  const { path } = await world.call(first, 'find', { key: world.members()[2] ?? '', mode: 'linear' })
  const from = world.host(first).index
  for (const { id, ms } of path) {
    const there = between(from, world.host(id).index)
    expect(Math.abs(ms - 2 * there)).toBeLessThanOrEqual(12)
  }
})

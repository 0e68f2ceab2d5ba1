/** Whom a newcomer is told of. */
import { expect, test } from 'vitest'
import { seedsOf } from '../../tasks/grow.ts'

test.each([
  [0, 0],
  [1, 1],
  [2, 2],
  [3, 3],
  [7, 3],
])('of %i running nodes %i are named, each once, and every one of them first at times', (running, named) => {
  const urls = Array.from({ length: running }, (_, at) => `http://127.0.0.1:${10_001 + at}`)
  const first = new Set<string | undefined>()
  for (let draw = 0; draw < 300; draw++) {
    const seeds = seedsOf(urls)
    expect(new Set(seeds).size).toBe(named)
    expect(seeds.every((seed) => urls.includes(seed))).toBe(true)
    first.add(seeds[0])
  }
  expect(first.size).toBe(Math.max(1, running))
})

import { createHook } from 'node:async_hooks'
import { expect, test } from 'vitest'
import { simulate } from '../../src/sim/scenarios.ts'
import type { Deed } from '../../src/sim/script.ts'
import { drawTraits, type Trait, traits } from '../../src/sim/traits.ts'
import { stream } from '../../src/sim/random.ts'
import { Timeline } from '../../src/sim/timeline.ts'
import { World } from '../../src/sim/world.ts'

test.each([
  ['swarm', 'chord'],
  ['beyond', 'chord'],
  ['split', 'chord'],
  ['split', 'kademlia'],
  ['split', 'pastry'],
] as const)('%s in %s: the same seed is the same run, another seed is another', async (name, overlay) => {
  const play = (seed: number) => simulate(name, seed, { overlay, traits })
  const [first, second, other] = [await play(13), await play(13), await play(14)]
  expect(second).toEqual(first)
  expect(other.hash).not.toBe(first.hash)
})

test('a trait that is left out moves nothing that follows from others', async () => {
  const written = async (...left: Trait[]) => (await simulate('swarm', 5, { traits: left })).script?.deeds ?? []
  const kinds = (deeds: readonly Deed[]) => deeds.map((deed) => deed.do).slice(0, 30)
  const [without, withAll] = [await written('watch'), await written('watch', 'expiry', 'jam')]
  expect(kinds(withAll.filter((deed) => deed.do !== 'jam'))).toEqual(kinds(without))
  expect(withAll.some((deed) => 'ttlSeconds' in deed)).toBe(true)
})

test.each(traits)('there are worlds with %s, and more without', (trait) => {
  const many = Array.from({ length: 300 }, (_, seed) => drawTraits(seed)).filter((drawn) => drawn.includes(trait)).length
  expect([many > 30, many < 180]).toEqual([true, true])
})

test('nothing truly asynchronous happens in a world: no timers, files, sockets or thread pools', async () => {
  const harmless = new Set(['PROMISE', 'Immediate', 'Microtask', 'TickObject'])
  const seen = new Set<string>()
  const hook = createHook({
    init: (_, type) => {
      if (!harmless.has(type)) seen.add(type)
    },
  })
  const world = new World({ seed: 5 })
  hook.enable()
  await world.boot(8)
  await world.call(world.anyone(), 'store', { value: 'hello' })
  hook.disable()
  expect([...seen]).toEqual([])
})

test('one draw more for one purpose moves nothing for another', () => {
  const draws = (purpose: string) => {
    const random = stream(1, 'http://10.0.0.1:10001', purpose)
    return Array.from({ length: 8 }, () => random.below(1000))
  }
  expect(draws('phases')).toEqual(draws('phases'))
  expect(draws('phases')).not.toEqual(draws('network'))
})

test.each<[string, () => unknown]>([
  ['setTimeout', () => setTimeout(() => undefined, 1)],
  ['setInterval', () => setInterval(() => undefined, 1)],
  ['setImmediate', () => setImmediate(() => undefined)],
  ['fetch', () => fetch('http://127.0.0.1:1')],
  ['Date.now', () => Date.now()],
  ['new Date()', () => new Date()],
  ['Math.random', () => Math.random()],
  ['performance.now', () => performance.now()],
  ['process.hrtime', () => process.hrtime()],
  ['process.hrtime', () => process.hrtime.bigint()],
  ['AbortSignal.timeout', () => AbortSignal.timeout(1)],
  ['crypto.randomUUID', () => crypto.randomUUID()],
  ['crypto.getRandomValues', () => crypto.getRandomValues(new Uint8Array(1))],
  ['crypto.subtle.digest', () => crypto.subtle.digest('SHA-256', new Uint8Array(1))],
  ['Atomics.waitAsync', () => Reflect.get(Atomics, 'waitAsync')(new Int32Array(new SharedArrayBuffer(4)), 0, 0)],
])('%s throws while a world runs, and is back afterwards', async (name, use) => {
  const timeline = new Timeline(stream(1, 'world', 'ties'))
  let thrown: unknown
  timeline.after(1, () => {
    try {
      use()
    } catch (error) {
      thrown = error
    }
  })
  await timeline.run(10, () => false)
  expect(String(thrown)).toContain(`${name} in the simulator: use the ports`)
  expect(Math.abs(new Date().getTime() - Date.now())).toBeLessThan(60_000)
})

test('a date of a given time needs no clock, and is allowed', async () => {
  const timeline = new Timeline(stream(1, 'world', 'ties'))
  let date = ''
  timeline.after(1, () => {
    date = new Date(0).toISOString()
  })
  await timeline.run(10, () => false)
  expect(date).toBe('1970-01-01T00:00:00.000Z')
})

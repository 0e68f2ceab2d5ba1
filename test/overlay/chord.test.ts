import { expect, test } from 'vitest'
import { World } from '../../src/sim/world.ts'
import { overlaySuite } from './overlay.suite.ts'

/** Scenarios are played in test/sim. */
overlaySuite('chord', { port: 25_000 + (process.pid % 200) * 20 })

test('two rings that took in nodes with one id meet all the same, and one of these nodes gives way', async () => {
  const world = new World({ seed: 7, settings: { bits: 8, allowCustomIds: true, membership: 'off' } })
  world.demanding = false
  for (const [first, port] of [
    ['10', 1],
    ['90', 2],
  ] as const) {
    world.add({ id: first, seeds: [] })
    await world.run(100)
    world.add({ id: '40', url: `http://twin.world-7:${port}`, seeds: [world.peer(first)] })
    await world.run(1000)
  }
  world.add({ id: 'c0', seeds: ['10', '90'].map((id) => world.peer(id)) })
  // A node says so as an error, which ends a world.
  await expect(world.run(60_000)).rejects.toThrow('id lost')
})

/** Moments in the life of a node. */
import { expect, test } from 'vitest'
import { overlayNames } from '../../src/overlay/overlays.ts'
import { Refusal } from '../../src/protocol/errors.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'

/** A leave in between, once given up, left a node behind that watched nobody and did none of its work. */
test.each(overlayNames)(
  'whoever has a place in %s and does not do its work yet is not ready, and cannot leave',
  async (overlay) => {
    const weather = { ...calm, delayMinMs: 200, delayMaxMs: 300 }
    const world = new World({ seed: 1, weather, settings: { overlay, membership: 'local' } })
    await world.boot(6)
    world.add()
    const node = world.hosts().at(-1)?.node
    if (!node) throw new Error('nobody came')
    let refused = 0
    for (; node.state !== 'ready'; await world.run(10)) {
      expect(() => node.handlers.leave({})).toThrow('this node is joining')
      if (node.overlay.isMember) refused++
    }
    expect(refused).toBeGreaterThan(0)
  },
)

/** Whoever was given one seed that had just left once founded a ring of its own, while it knew ten members. */
test.each(overlayNames)('who waits in vain for its seed and is told of others joins %s through them', async (overlay) => {
  const world = new World({ seed: 2, settings: { overlay, foundAfterMs: 600_000 } })
  const [gone = '', there = ''] = await world.boot(4)
  const seed = { id: gone, url: world.host(gone).url }
  world.crash(gone)
  const node = world.host(world.add({ seeds: [seed] })).node
  if (!node) throw new Error('nobody came')
  await world.run(3000)
  expect(node.state).toBe('joining')
  node.overlay.introduce({ id: there, url: world.host(there).url })
  await world.until(
    () => node.state === 'ready',
    10_000,
    () => 'it still waits',
  )
})

/** It began its work again, on ports that were closed. */
test('a leave that nobody helps with is not taken back once the node is stopped', async () => {
  const world = new World({ seed: 1, encode: false, settings: { membership: 'off' } })
  const [leaver = '', ...others] = await world.boot(4)
  world.demanding = false
  for (let value = 0; value < 20; value++) await world.call(leaver, 'store', { value: `value ${value}` })
  const full = () => {
    throw new Refusal('STORE_FULL', 'full')
  }
  for (const id of others) Object.assign(world.host(id).node?.handlers ?? {}, { digest: full, merge: full, insert: full })
  world.leave(leaver)
  await world.run(200)
  const { node } = world.host(leaver)
  if (!node) throw new Error('it has gone')
  world.host(leaver).after(0, () => void node.stop())
  const states = new Set<string>()
  for (let round = 0; round < 100; round++) {
    await world.run(100)
    states.add(node.state)
  }
  expect([...states]).toEqual(['leaving'])
})

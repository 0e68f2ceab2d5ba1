/** Moments in the life of a node. */
import { expect, test } from 'vitest'
import { overlayNames } from '../../src/overlay/overlays.ts'
import { Refusal } from '../../src/protocol/errors.ts'
import { epochMs, hash } from '../../src/sim/host.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'
import { nodeOf } from '../overlay/worlds.ts'

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

test('what a leaver takes while it hands over is handed over too; it says that it holds nothing, is no heir, and takes nothing in the end', async () => {
  const world = new World({ seed: 3, encode: false })
  const [leaver = '', ...others] = await world.boot(6)
  await world.run(30_000)
  world.demanding = false
  for (let number = 0; number < 60; number++) await world.call(leaver, 'store', { value: `value ${number}` })
  const { handlers } = nodeOf(world, leaver)
  const fates: string[] = []
  const asHeir: string[] = []
  const taken: string[] = []
  const give = async () => {
    const value = `given ${fates.length + taken.length}`
    const key = hash(value)
    const version = { hlc: `${(epochMs + world.nowMs).toString(16).padStart(12, '0')}0000`, origin: 'aa' }
    const record = { key, index: `v:${key}`, value, contentType: 'text/plain', version }
    try {
      const { held } = await handlers.insert({ key, record, with: [leaver] })
      taken.push(value)
      fates.push(held ? 'held' : 'taken')
    } catch (error) {
      fates.push((error as Refusal).code)
    }
  }
  const inherit = async () => {
    try {
      await handlers.merge({ records: [], keep: 'all' })
      asHeir.push('taken')
    } catch (error) {
      asHeir.push((error as Refusal).code)
    }
  }
  for (const id of others) {
    const their = nodeOf(world, id).handlers
    const { digest } = their
    their.digest = (asked) => {
      if (asked.by === leaver) void Promise.all([give(), inherit()])
      return digest(asked)
    }
  }
  world.leave(leaver)
  await world.until(
    () => !world.members().includes(leaver),
    60_000,
    () => `still there: ${fates.join()}`,
  )
  expect(fates.join()).toMatch(/^(taken,)+(NOT_JOINED,?)+$/)
  expect(new Set(asHeir)).toEqual(new Set(['NOT_JOINED']))
  await world.run(5000)
  for (const value of taken) expect((await world.call(world.anyone(), 'lookupBy', { value })).values).toMatchObject([{ value }])
})

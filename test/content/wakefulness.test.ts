/** A node that was stopped for a while does not know what happened meanwhile, and answers nothing that is not so any more. */
import { describe, expect, test } from 'vitest'
import { Wakefulness } from '../../src/content/wakefulness.ts'
import { overlayNames } from '../../src/overlay/overlays.ts'
import { World } from '../../src/sim/world.ts'
import type { Id } from '../../src/space/id.ts'
import { nodeOf } from '../overlay/worlds.ts'

// A virtual machine that is stopped itself does not know by what goes on evenly, as that stands still with it.
describe.each(['now', 'wall'] as const)('by what %s tells', (reading) => {
  test('who was late with a beat is behind until it has made up for it', () => {
    const clock = { now: 0, wall: 0 }
    const wakefulness = new Wakefulness({ now: () => clock.now, wall: () => clock.wall })
    clock[reading] = 10_000
    expect(wakefulness.isBehind).toBe(false)
    wakefulness.beat(1000)
    clock[reading] += 1500
    expect(wakefulness.isBehind).toBe(false)
    clock[reading] += 1
    expect(wakefulness.isBehind).toBe(true)
    const { sleeps } = wakefulness
    wakefulness.beat(1000)
    expect(wakefulness.isBehind).toBe(true)
    clock[reading] += 2000
    wakefulness.beat(1000)
    wakefulness.makeUp(sleeps)
    expect(wakefulness.isBehind).toBe(true)
    wakefulness.makeUp(wakefulness.sleeps)
    expect(wakefulness.isBehind).toBe(false)
  })
})

test('who sleeps twice between two beats has not made up for the second time by what it began before', () => {
  let now = 0
  const wakefulness = new Wakefulness({ now: () => now, wall: () => now })
  wakefulness.beat(1000)
  now += 60_000
  const { sleeps } = wakefulness
  now += 60_000
  wakefulness.makeUp(sleeps)
  expect(wakefulness.isBehind).toBe(true)
})

const sleepMs = 12_000
const rows = overlayNames.flatMap((overlay) => (['off', 'local'] as const).map((membership) => ({ overlay, membership })))

describe.each(rows)('what was deleted while one slept, in $overlay, membership $membership,', ({ overlay, membership }) => {
  test.each([1, 2])('is found through nobody when it wakes: %i asleep', async (many) => {
    const world = new World({ seed: 3, encode: false, settings: { overlay, membership } })
    await world.boot(6)
    await world.run(20_000)
    const values = Array.from({ length: 8 }, (_, number) => `value ${number}`)
    for (const value of values) await world.call(world.anyone(), 'store', { value })
    world.demanding = false
    const asleep = world.members().slice(0, many)
    const awake = world.members().slice(many)
    for (const id of asleep) world.pause(id, sleepMs)
    const wakesAt = world.nowMs + sleepMs
    await world.run(5000)
    const deletions = values.map((value) => world.ask(awake[0] as Id, 'removeBy', { value }))
    await world.run(wakesAt - world.nowMs)
    const deleted = values.filter((_, at) => deletions[at]?.state === 'answered')
    expect(deleted).not.toEqual([])
    const told: string[] = []
    // What it says first is what it may be wrong about.
    for (let ms = 0, stepMs = 40; ms < 2000; ms += stepMs) {
      if (ms >= 400) stepMs = 400
      for (const id of [...asleep, ...awake.slice(0, 1)])
        for (const value of deleted)
          world.ask(id, 'lookupBy', { value }, ({ state }) => (state === 'answered' ? told.push(`${value} after ${ms} ms`) : 0))
      await world.run(stepMs)
    }
    expect(told).toEqual([])
    await world.run(10_000)
    for (const id of asleep) expect(nodeOf(world, id).info().content.complete).toBe(true)
  })
})

describe.each(overlayNames)('two who slept do not take each other for one who knows, in %s,', (overlay) => {
  test.each([1, 2, 3])('when the third dies as they wake: world %i', async (seed) => {
    const world = new World({ seed, encode: false, settings: { overlay, membership: 'off' } })
    await world.boot(7)
    await world.run(20_000)
    world.demanding = false
    const value = `value ${seed}`
    const { key } = await world.call(world.anyone(), 'store', { value })
    const [one = '', two = '', third = ''] = world.window(key).map(({ id }) => id)
    const other = world.members().find((id) => ![one, two, third].includes(id)) as Id
    for (const id of [one, two]) world.pause(id, 20_000)
    const wakesAt = world.nowMs + 20_000
    // Until others have taken their places nothing can be deleted.
    await world.run(12_000)
    const deletion = world.ask(other, 'removeBy', { value })
    await world.run(wakesAt - world.nowMs - 100)
    expect(deletion).toMatchObject({ state: 'answered' })
    world.crash(third)
    await world.run(100)
    const told: string[] = []
    for (let ms = 0; ms < 2000; ms += 20) {
      for (const id of [one, two, other])
        world.ask(id, 'lookupBy', { value }, ({ state }) => (state === 'answered' ? told.push(`after ${ms} ms`) : 0))
      await world.run(20)
    }
    expect(told).toEqual([])
  })
})

// Half a minute of sleep was half a minute in which others had not come back: what they had was said to be missing.
describe.each(overlayNames)('who sleeps waits for nobody, in %s:', (overlay) => {
  test.each(['off', 'local'] as const)(
    'what all who are down have is not given up on waking, membership %s',
    async (membership) => {
      const world = new World({ seed: 1, encode: false, settings: { overlay, membership } })
      await world.boot(8)
      await world.run(20_000)
      world.demanding = false
      const { key } = await world.call(world.anyone(), 'store', { value: 'first' })
      await world.run(5000)
      const holders = world.window(key).map(({ id = '' }) => id)
      for (const id of holders) world.crash(id)
      await world.run(5000)
      const others = world.running().map(({ id = '' }) => id)
      for (const id of others) world.pause(id, 120_000)
      await world.run(120_000)
      const told: string[] = []
      for (let ms = 0; ms < 15_000; ms += 500) {
        for (const id of others)
          world.ask(id, 'lookupBy', { value: 'first' }, (asked) => {
            if (asked.state === 'refused' && asked.error.error !== 'INCONCLUSIVE')
              told.push(`${asked.error.error} ${ms} ms after waking`)
          })
        await world.run(500)
      }
      expect(told).toEqual([])
    },
  )
})

// It found the time of its sleep to be one in which nobody had answered.
test.each(overlayNames)(
  'a joiner that sleeps, and whose line is down for a moment when it wakes, founds no network in %s',
  async (overlay) => {
    const world = new World({ seed: 1, settings: { overlay } })
    const ids = await world.boot(5)
    world.demanding = false
    const joiner = world.add({ seeds: [world.peer(ids[0] as Id)] })
    world.partition([joiner], ids)
    await world.run(1000)
    world.pause(joiner, 120_000)
    await world.run(120_000 + 2000)
    world.heal()
    await world.settle()
    expect(nodeOf(world, joiner).overlay.hasFounded).toBe(false)
  },
)

/** What those say of something, every 40 ms for so long. */
const listen = async (world: World, ids: readonly Id[], what: { value: string } | { name: string }, forMs: number) => {
  const told: string[] = []
  for (let ms = 0; ms < forMs; ms += 40) {
    for (const id of ids)
      world.ask(id, 'lookupBy', what, (asked) => {
        if (asked.state === 'answered') told.push(`${asked.reply.values[0]?.value} after ${ms} ms`)
        if (asked.state === 'refused') told.push(`${asked.error.error} after ${ms} ms`)
      })
    await world.run(40)
  }
  return told
}

// Before its first beat it did not notice.
test.each(overlayNames)('one that is stopped as soon as it is back knows that it was, in %s', async (overlay) => {
  const world = new World({ seed: 1, encode: false, settings: { overlay, membership: 'off' } })
  await world.boot(6)
  const values = Array.from({ length: 24 }, (_, number) => `value ${number}`)
  for (const value of values) await world.call(world.anyone(), 'store', { value })
  await world.run(30_000)
  world.demanding = false
  const [sleeper = '', other = ''] = world.members()
  world.crash(sleeper)
  await world.run(40_000)
  world.restart(sleeper)
  await world.until(
    () => world.members().includes(sleeper) && nodeOf(world, sleeper).info().content.complete,
    30_000,
    () => 'not complete',
  )
  const wakesAt = world.nowMs + 30_000
  world.pause(sleeper, 30_000)
  await world.run(15_000)
  const deletions = values.map((value) => world.ask(other, 'removeBy', { value }))
  await world.run(wakesAt - world.nowMs - 1)
  const deleted = values.filter((_, at) => deletions[at]?.state === 'answered')
  expect(deleted).not.toEqual([])
  const told: string[] = []
  for (let ms = 0; ms < 1000; ms += 40) {
    for (const value of deleted)
      world.ask(sleeper, 'lookupBy', { value }, ({ state }) =>
        state === 'answered' ? told.push(`${value} after ${ms} ms`) : 0,
      )
    await world.run(40)
  }
  expect(told).toEqual([])
})

// They noticed by beats that came ever so often as the ring is stabilised, however short others wait for an answer.
describe.each([
  { settings: { stabilizeEveryMs: 10_000 }, stoppedMs: 12_500, actsAfterMs: 9000 },
  { settings: { callTimeoutMs: 200, stabilizeEveryMs: 4000 }, stoppedMs: 4900, actsAfterMs: 3000 },
])('two of a window that are stopped for $stoppedMs ms know it, with $settings', ({ settings, stoppedMs, actsAfterMs }) => {
  test.each(overlayNames.flatMap((overlay) => [2, 3].map((seed) => ({ overlay, seed }))))(
    '$overlay, $seed',
    async ({ overlay, seed }) => {
      const world = new World({ seed, encode: false, settings: { overlay, membership: 'local', ...settings } })
      await world.boot(7)
      await world.run(20_000)
      world.demanding = false
      const { key } = await world.call(world.anyone(), 'store', { value: 'rose' })
      await world.run(30_000)
      const [one = '', two = ''] = world.window(key).map(({ id }) => id)
      const [other = '', asker = ''] = world.members().filter((id) => id !== one && id !== two)
      for (const id of [one, two]) world.pause(id, stoppedMs)
      const wakesAt = world.nowMs + stoppedMs
      await world.run(actsAfterMs)
      const deletion = world.ask(other, 'removeBy', { value: 'rose' })
      await world.run(wakesAt - world.nowMs - 1)
      expect(deletion.state).toBe('answered')
      const told = await listen(world, [one, two, asker], { value: 'rose' }, 3000)
      expect(told.filter((said) => said.startsWith('rose'))).toEqual([])
    },
  )
})

// Those of one window asked each other, and whoever was alone nobody, and that was enough.
describe.each([
  { replicas: 1, membership: 'off' },
  { replicas: 2, membership: 'local' },
  { replicas: 3, membership: 'off' },
] as const)('a whole window of $replicas that has slept, membership $membership,', ({ replicas, membership }) => {
  test.each(overlayNames)('asks those who were in its place, in %s', async (overlay) => {
    const successors = overlay === 'chord' && replicas === 1 ? { successors: 3 } : {}
    const world = new World({ seed: 1, encode: false, settings: { overlay, replicas, membership, ...successors } })
    await world.boot(8)
    await world.run(20_000)
    world.demanding = false
    const { key } = await world.call(world.anyone(), 'store', { name: 'rose', value: 'old' })
    await world.run(2000)
    const window = world.window(key).map(({ id = '' }) => id)
    const other = world.members().find((id) => !window.includes(id)) as Id
    for (const id of window) world.pause(id, 90_000)
    await world.run(75_000)
    const { stored } = await world.call(other, 'store', { name: 'rose', value: 'new' })
    expect(stored).toBeGreaterThanOrEqual(Math.min(replicas, 2))
    await world.run(15_000)
    const told = await listen(world, [...window, other], { name: 'rose' }, 6000)
    expect(told.filter((said) => !/^(new|INCONCLUSIVE)/.test(said))).toEqual([])
    expect(told.at(-1)).toMatch(/^new/)
  })
})

/** What every overlay does, whichever it is: one suite, run by each of them in the simulator, and once with real processes. */
import { afterAll, describe, expect, test } from 'vitest'
import { kindOf, modesOf, type OverlayName } from '../../src/overlay/overlays.ts'
import type { Mode } from '../../src/protocol/schemas.ts'
import { misplaced } from '../../src/sim/audit.ts'
import { hash } from '../../src/sim/host.ts'
import { stream } from '../../src/sim/random.ts'
import { simulate } from '../../src/sim/scenarios.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'
import { Home } from '../tasks/home.ts'
import { addTwins } from './worlds.ts'

const values = Array.from({ length: 20 }, (_, at) => `value ${at}`)

export interface Suite {
  /** Seeds of scenarios that chance writes; none where they are played elsewhere. */
  readonly swarms?: readonly number[]
  /** Named scenarios besides. */
  readonly scenarios?: readonly string[]
  /** For the real processes; those who run at the same time need others. */
  readonly port: number
}

export const overlaySuite = (overlay: OverlayName, { swarms = [], scenarios = [], port }: Suite): void => {
  const { modes, shape } = kindOf(overlay)
  const ways = modesOf(overlay)

  const worldOf = async (count: number, seed = 1, settings = {}): Promise<World> => {
    const world = new World({ seed, settings: { overlay, ...settings } })
    await world.boot(count)
    await world.run(2 * world.config.stabilizeEveryMs)
    return world
  }
  const stored = async (count: number, settings = {}): Promise<World> => {
    const world = await worldOf(count, 1, settings)
    for (const value of values) await world.call(world.anyone(), 'store', { value })
    return world
  }
  const homed = async (world: World): Promise<void> => {
    await world.settle()
    const deadline = world.nowMs + 120_000
    while (misplaced(world).length > 0 && world.nowMs < deadline) await world.run(500)
    expect(misplaced(world)).toEqual([])
  }
  const readable = async (world: World): Promise<void> => {
    for (const value of values) {
      const found = await world.call(world.anyone(), 'lookupBy', { value })
      expect(found.values.map((one) => one.value)).toEqual([value])
    }
  }

  describe(`${overlay}, in the simulator`, () => {
    test.each([1, 2, 3, 7, 20])(
      '%i nodes become whole, and all agree who owns a key, however a lookup travels',
      async (count) => {
        const world = await worldOf(count, count)
        const random = stream(1, 'test', 'keys')
        for (let number = 0; number < 10; number++) {
          const key = Array.from({ length: 40 }, () => random.below(16).toString(16)).join('')
          const window = world.window(key).map(({ id }) => id)
          for (const mode of ways) {
            const found = await world.call(world.anyone(), 'find', { key, mode })
            expect(
              found.window.map(({ id }) => id),
              mode,
            ).toEqual(window)
            expect(found.hops).toBeLessThanOrEqual(count)
          }
        }
      },
    )

    /** Chord's steps, abandoned whenever a list was copied meanwhile, once made each other start anew for ever. */
    test.each([1, 2, 3])('nodes become whole where a call takes half as long as their rounds, seed %i', async (seed) => {
      const weather = { ...calm, delayMinMs: 200, delayMaxMs: 300 }
      const world = new World({ seed, encode: false, weather, settings: { overlay, membership: 'off' } })
      await world.boot(8)
      expect(world.members()).toHaveLength(8)
    })

    /** Each once asked one of all it had ever known in ten seconds. */
    test.each([3, 5, 7])('of two that have lost everyone else each finds the other soon, seed %i', async (seed) => {
      const world = new World({ seed, encode: false, settings: { overlay, membership: 'off' } })
      const [one = '', other = '', ...rest] = await world.boot(14)
      await world.run(20_000)
      world.demanding = false
      world.partition([one], [other, ...rest])
      for (const id of rest) world.crash(id)
      await world.run(30_000)
      world.heal()
      await world.settle(2 * world.config.reuniteEveryMs)
      expect(world.members()).toHaveLength(2)
    })

    test('of two nodes with one id, which two islands have taken in, one gives way when these meet', async () => {
      const settings = { overlay, bits: 8, allowCustomIds: true, membership: 'off' } as const
      const world = new World({ seed: 7, settings })
      world.demanding = false
      await addTwins(world, '40')
      world.add({ id: 'c0', seeds: ['10', '90'].map((id) => world.peer(id)) })
      // A node says so as an error, which ends a world.
      await expect(world.run(60_000)).rejects.toThrow('id lost')
    })

    test('each record is held by its window, and by nobody else', async () => homed(await stored(12)))

    test('a newcomer gets what is its, and those it takes the place of drop theirs', async () => {
      const world = await stored(8)
      for (let newcomer = 0; newcomer < 4; newcomer++) world.add()
      await homed(world)
      await readable(world)
    })

    test('a leaver hands over what it has', async () => {
      const world = await stored(8)
      await homed(world)
      const [leaver = '', other = ''] = world.members()
      world.leave(leaver)
      world.leave(other)
      await world.until(
        () => world.running().length === 6,
        60_000,
        () => 'they have not gone',
      )
      await homed(world)
      await readable(world)
    })

    test('of three copies two may be lost at once: all is read, and copied again', async () => {
      const world = await stored(10)
      await homed(world)
      for (const id of world.members().slice(3, 5)) world.crash(id)
      await readable(world)
      await homed(world)
    })

    test('all may be gone at once: they come back with what they had', async () => {
      const world = await stored(5)
      await homed(world)
      const ids = [...world.members()]
      world.demanding = false
      for (const id of ids) world.crash(id)
      await world.run(5000)
      for (const id of ids)
        world.restart(
          id,
          ids.map((other) => world.peer(other)),
        )
      await homed(world)
      await readable(world)
    })

    /** Several once founded networks, which took half a minute to become one; and the last of a ring came a second after the last but one. */
    test.each([1, 2, 3])('thirty that begin at once, and name each other, are one network soon, seed %i', async (seed) => {
      const world = new World({ seed, encode: false, settings: { overlay } })
      world.demanding = false
      const urls = Array.from({ length: 30 }, (_, at) => `http://peer-${at}.world-${seed}:${10_001 + at}`)
      const seeds = urls.map((url) => ({ id: hash(url), url }))
      for (const url of urls) world.add({ url, seeds })
      await world.settle(3 * world.config.foundAfterMs)
      expect(world.members()).toHaveLength(30)
    })

    test('whoever tries its contacts founds no network sooner for a clock that is set', async () => {
      const world = new World({ seed: 3, settings: { overlay } })
      world.demanding = false
      const url = 'http://nobody.world-3:10001'
      const id = world.add({ seeds: [{ id: hash(url), url }] })
      await world.run(1000)
      world.setClock(id, 60_000)
      await world.run(world.config.foundAfterMs - 2000)
      expect(world.members()).toEqual([])
      await world.run(world.config.foundAfterMs + 2000)
      expect(world.members()).toEqual([id])
    })

    test('islands become one network through their seeds', async () => {
      const world = new World({ seed: 3, settings: { overlay, foundAfterMs: 100 } })
      world.demanding = false
      const urls = Array.from({ length: 6 }, (_, at) => `http://island-${at}.world-3:${10_001 + at}`)
      const ids = urls.slice(0, 3).map((url) => world.add({ url, seeds: [] }))
      for (const [at, url] of urls.slice(3).entries()) {
        world.add({ url, seeds: [world.peer(ids[at] as string)] })
        await world.run(2000)
      }
      world.add({ seeds: ids.map((id) => world.peer(id)) })
      await world.settle(300_000)
      expect(world.members()).toHaveLength(7)
    })

    test('by the known members a lookup is one hop', async () => {
      const world = await stored(12, { membership: 'local' })
      await world.run(20_000)
      for (const value of values) {
        const found = await world.call(world.anyone(), 'findBy', { value, mode: 'onehop' })
        expect(found.path.length).toBeLessThanOrEqual(1)
      }
    })

    test('a way that lookups do not have is refused, to people and to peers', async () => {
      const world = await worldOf(2)
      const strange = (['linear', 'buckets', 'prefix'] as const).find((mode) => !modes.includes(mode)) as Mode
      const refusal = { code: 'BAD_REQUEST', message: expect.stringContaining(`not ${strange}`) as string }
      const key = '0'.repeat(40)
      await expect(world.call(world.anyone(), 'find', { key, mode: strange })).rejects.toMatchObject(refusal)
      const route = { key, count: 3, avoid: [], mode: strange }
      await expect(world.call(world.anyone(), 'route', route)).rejects.toMatchObject(refusal)
    })

    test.each(scenarios)('%s', async (name) => {
      const { checks } = await simulate(name, 3, { overlay, traits: ['watch'] })
      expect(checks.filter(({ ok }) => !ok)).toEqual([])
    })

    test.each(swarms.flatMap((seed) => (['swarm', 'beyond'] as const).map((name) => [name, seed] as const)))(
      '%s %i: whatever chance writes, nothing that was acknowledged is lost, or undone, or anywhere else',
      async (name, seed) => {
        const { checks } = await simulate(name, seed, { overlay })
        expect(checks.filter(({ ok }) => !ok)).toEqual([])
      },
      120_000,
    )
  })

  describe(`${overlay}, with real processes`, () => {
    const home = new Home()
    afterAll(() => home.remove())

    test('boots, stores, loses two, gets them back, sees one go, and is whole every time', async () => {
      const quick = 'stabilizeEveryMs=200 rehomeEveryMs=1000'
      const whole = (nodes: number) =>
        `${shape} ordered and ideal · ${nodes} nodes · ${records} records, each in its window, no orphan`
      expect(await home.said(`boot 5 ${overlay} port=${port} ${quick}`)).toContain(`${overlay} · 160 bits · 3 copies`)
      const stored = await home.json<{ distinctKeys: number }>('storemany 40 seed=7')
      expect(stored).toMatchObject({ stored: 40, short: 0, failed: 0 })
      const records = stored.distinctKeys
      expect(await home.said('check 20')).toContain(whole(5))
      const [one, other, third] = home.state.processes.map(({ name }) => name)
      for (const victim of [one, other]) await home.task(`kill ${victim}`)
      expect(await home.said('check 20')).toContain(whole(3))
      for (const victim of [one, other]) expect(await home.said(`restart ${victim}`)).toContain(`${shape} whole`)
      expect(await home.said('check 20')).toContain(whole(5))
      for (const mode of ways) expect(await home.json(`find hello mode=${mode}`)).toMatchObject({ mode })
      expect(await home.said(`leave ${third}`)).toContain(`4 nodes`)
      expect(await home.said('check 20')).toContain(whole(4))
    }, 120_000)
  })
}

import { expect, test } from 'vitest'
import { Completeness } from '../../src/content/completeness.ts'
import { overlayNames } from '../../src/overlay/overlays.ts'
import type { Refusal } from '../../src/protocol/errors.ts'
import { hash } from '../../src/sim/host.ts'
import { World } from '../../src/sim/world.ts'
import { Arcs } from '../../src/space/arcs.ts'
import type { Id } from '../../src/space/id.ts'

test('what was ceded before the clock was set back is not told of for as long as it was set back', () => {
  const completeness = new Completeness()
  const [all, rest] = [
    { from: '00', to: 'f0' },
    { from: '80', to: 'f0' },
  ]
  const now = 1_700_000_000_000
  completeness.cut(Arcs.of([all]), now - 1000, [])
  completeness.declare(all, true)
  completeness.cut(Arcs.of([rest]), now, [])
  expect(completeness.claims({ from: '00', to: '80' }, now, 'f0', (arcs) => arcs).complete).toEqual([{ from: '00', to: '80' }])
  expect(completeness.claims({ from: '00', to: '80' }, now - 60_000, 'f0', (arcs) => arcs).complete).toEqual([])
})

test('what this node is a witness of stays so, whoever leaves it what it only presumed', () => {
  const completeness = new Completeness()
  const [mine, all] = [
    { from: '00', to: '80' },
    { from: '00', to: 'f0' },
  ]
  const now = 1_700_000_000_000
  completeness.cut(Arcs.of([all]), now - 1000, [])
  completeness.declare(mine, true)
  completeness.inherit(Arcs.of([all]), Arcs.none, now)
  expect(completeness.claims(all, now, 'f0', (arcs) => arcs)).toEqual({ complete: [all], witnessed: [mine] })
})

/** A value that these three were given, and nobody else, a while before they died. */
const lostBy = async (world: World, holders: readonly [Id, Id, Id]): Promise<string> => {
  const value =
    Array.from({ length: 2000 }, (_, number) => `value ${number}`).find((text) => /^1[1-9a-f]/.test(hash(text))) ?? ''
  expect(await world.call('d0', 'store', { value })).toMatchObject({ owner: { id: holders[0] }, stored: 3 })
  await world.run(5500)
  world.demanding = false
  for (const id of holders) world.crash(id)
  return value
}

/** By a clock that was set back its word once counted for twice as long. */
test.each([
  [0, 'local'],
  [-6000, 'local'],
  [-3600_000, 'off'],
] as const)(
  'who held a key before others came does not say that it is missing what was written since, when those are gone: clocks set by %i ms, membership %s',
  async (ms, membership) => {
    const world = new World({ seed: 1, settings: { bits: 8, allowCustomIds: true, membership } })
    for (const id of ['10', '50', '90', 'd0']) {
      world.add({ id })
      await world.settle()
    }
    await world.run(20_000)
    for (const id of ['50', '90']) world.setClock(id, ms)
    // The first three of them will have the key, and the others come next: who held it before is asked by these.
    for (const id of ['20', '24', '28', '30', '34', '38']) world.add({ id })
    await world.settle()
    const value = await lostBy(world, ['20', '24', '28'])
    for (const until = world.nowMs + 20_000; world.nowMs < until; await world.run(500))
      await expect(world.call('d0', 'lookupBy', { value })).rejects.not.toMatchObject({ code: 'NOT_FOUND' })
  },
)

test('those who had a key are waited for half a minute, whatever the clocks of the others are set to', async () => {
  const world = new World({ seed: 1, settings: { bits: 8, allowCustomIds: true } })
  for (const id of ['10', '20', '24', '28', '50', '90', 'd0']) {
    world.add({ id })
    await world.settle()
  }
  await world.run(20_000)
  const value = await lostBy(world, ['20', '24', '28'])
  await world.run(5000)
  for (const id of ['10', '50', '90', 'd0']) world.setClock(id, 117_000)
  for (const until = world.nowMs + 20_000; world.nowMs < until; await world.run(500))
    await expect(world.call('d0', 'lookupBy', { value })).rejects.not.toMatchObject({ code: 'NOT_FOUND' })
  await world.run(10_000)
  await expect(world.call('d0', 'lookupBy', { value })).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('who held it before says so for five seconds, and as long as it is asked again and again, but not for ever', () => {
  const ceded = { from: '00', to: '80' }
  const rest = { from: '80', to: 'f0' }
  const now = 1_700_000_000_000
  /** For how many ms its word is heard where it is asked so often, about that. */
  const heard = (everyMs: number, asked = ceded): number => {
    const completeness = new Completeness()
    completeness.cut(Arcs.of([ceded, rest]), now - 1000, [])
    completeness.declare({ from: '00', to: 'f0' }, true)
    completeness.cut(Arcs.of([rest]), now, [])
    let ms = 0
    while (ms < 60_000 && completeness.claims(asked, now + ms, 'f0', (arcs) => arcs).complete.length > 0) ms += everyMs
    return ms
  }
  expect([1000, 4000, 4999].map((everyMs) => heard(everyMs))).toEqual([15_000, 16_000, 19_996])
  expect([5000, 7000].map((everyMs) => heard(everyMs))).toEqual([5000, 7000])
  expect(heard(1000, rest)).toBe(60_000)
})

test.each(['chord', 'kademlia', 'pastry'] as const)(
  'who held a key while others were cut off does not say that it is missing what they have written since, once they are gone again: %s',
  async (overlay) => {
    for (const seed of [1, 2, 4]) {
      const world = new World({
        seed,
        settings: {
          overlay,
          membership: 'local',
          bits: 8,
          allowCustomIds: true,
          callTimeoutMs: 750,
          stabilizeEveryMs: 250,
          rehomeEveryMs: 1000,
          reuniteEveryMs: 2000,
        },
      })
      const ids = ['10', '30', '50', '70', '90', 'b0']
      for (const id of ids) {
        world.add({ id })
        await world.settle()
      }
      await world.run(20_000)
      world.demanding = false
      const areOne = (some: readonly string[]) =>
        world.until(
          () =>
            some.every((id) => {
              const { node } = world.host(id)
              const { alive } = node?.info().membership ?? {}
              return alive === some.length && node?.overlay.neighbors().length === alive - 1 && node.info().content.complete
            }),
          60_000,
          () => `${some.join()} are one network that has everything`,
        )
      world.partition(['10'], ['30'], ids.slice(2))
      await areOne(ids.slice(2))
      world.heal()
      await areOne(ids)
      const value =
        Array.from({ length: 2000 }, (_, number) => `value ${number}`).find((text) => hash(text).startsWith('0')) ?? ''
      expect(await world.call('50', 'store', { value })).toMatchObject({ stored: 3, owner: { id: '10' } })
      world.partition(['10', '30', '50'], ['70', '90', 'b0'])
      for (const until = world.nowMs + 20_000; world.nowMs < until; await world.run(500))
        for (const id of ['70', '90', 'b0']) {
          const read = world.call(id, 'lookupBy', { value }).catch(({ code }: Refusal) => code)
          expect(await read).not.toBe('NOT_FOUND')
        }
    }
  },
)

test.each([
  [10, 6],
  [5, 12],
  [8, 12],
])('two rings that become one know soon that they have everything: seed %i, %i nodes', async (seed, nodes) => {
  const world = new World({ seed, settings: { membership: 'local' } })
  const ids = (await world.boot(nodes)).toSorted()
  const name = 'motd'
  await world.call(world.anyone(), 'store', { name, value: 'hello' })
  await world.run(20_000)
  world.demanding = false
  world.partition(ids.slice(0, nodes / 2), ids.slice(nodes / 2))
  await world.run(20_000)
  world.heal()
  await world.run(1000)
  await world.until(
    () => ids.every((id) => world.host(id).node?.info().content.complete),
    10_000,
    () => `${ids.filter((id) => !world.host(id).node?.info().content.complete).join()} may lack content`,
  )
  for (const id of ids) expect((await world.call(id, 'lookupBy', { name })).values).toMatchObject([{ value: 'hello' }])
})

test.each([
  ['pastry', 11],
  ['kademlia', 29],
] as const)('of many that come at once each knows soon that it has everything: %s %i', async (overlay, seed) => {
  const world = new World({ seed, settings: { overlay, membership: 'local' } })
  const ids = await world.boot(30)
  const incomplete = () => ids.filter((id) => !world.host(id).node?.info().content.complete)
  await world.until(
    () => incomplete().length === 0,
    10_000,
    () => `${incomplete().join()} may lack content`,
  )
})

/** What becomes of the nodes of one part while it is cut off, and who of them is asked afterwards. */
const fates: Readonly<Record<string, (world: World, part: readonly string[]) => Promise<readonly string[]>>> = {
  'who were there all the while': async (_, part) => part,
  'one that was started again meanwhile': async (world, [one = '', ...others]) => {
    world.crash(one)
    await world.run(8000)
    world.restart(one, peersOf(world, others))
    return [one]
  },
  'who were all started again meanwhile': async (world, part) => {
    if (part.length > 6) return part
    for (const id of part) world.crash(id)
    await world.run(3000)
    for (const id of part) world.restart(id, peersOf(world, part))
    return part
  },
  'who saw all the others start again': async (world, part) => {
    if (part.length <= 6) return part
    for (const id of part) world.crash(id)
    await world.run(3000)
    for (const id of part) world.restart(id, peersOf(world, part))
    return []
  },
  'one that starts while they meet': async (world, [one = '']) => {
    world.crash(one)
    return [one]
  },
}

const peersOf = (world: World, ids: readonly string[]) => ids.map((id) => world.peer(id))

test.each([
  ['chord', 1, 'who were there all the while', {}],
  ['kademlia', 2, 'who were there all the while', {}],
  ['pastry', 2, 'who were there all the while', {}],
  ['chord', 3, 'who were there all the while', { tombstoneMs: 30_000 }],
  ['chord', 2, 'one that was started again meanwhile', {}],
  ['chord', 4, 'one that was started again meanwhile', { tombstoneMs: 30_000 }],
  ['chord', 3, 'who were all started again meanwhile', {}],
  ['pastry', 1, 'who were all started again meanwhile', {}],
  ['chord', 1, 'who saw all the others start again', {}],
  ['pastry', 3, 'who saw all the others start again', {}],
  ['chord', 1, 'one that starts while they meet', {}],
] as const)(
  'what a part of a network was given while it was cut off can be read there afterwards: %s %i, through %s, %j',
  async (overlay, seed, fate, memory: { tombstoneMs?: number }) => {
    const world = new World({ seed, settings: { overlay, membership: 'local', ...memory } })
    const ids = (await world.boot(16)).toSorted()
    const parts = [ids.filter((_, at) => at % 5 < 3), ids.filter((_, at) => at % 5 >= 3)]
    await world.run(10_000)
    const names = Array.from({ length: 10 }, (_, number) => `name ${number}`)
    for (const name of names) await world.call(world.anyone(), 'store', { name, value: 'old' })
    world.demanding = false
    world.partition(...parts)
    await world.run(memory.tombstoneMs === undefined ? 15_000 : 145_000)
    const readers: (readonly string[])[] = []
    for (const part of parts) readers.push((await fates[fate]?.(world, part)) ?? [])
    await world.run(fate.startsWith('who were there') || fate.startsWith('who saw') ? 0 : 30_000)
    const isUp = (id: string) => world.host(id).node !== undefined
    const written: { readonly sought: object; readonly readers: readonly string[] }[] = []
    for (const [at, part] of parts.entries())
      for (let number = 0; number < 30; number++) {
        const name = number % 2 === at ? names[number] : undefined
        const value = name === undefined ? `${number} of ${part[0]}` : 'new'
        const writers = part.filter(isUp)
        const writer = writers[number % writers.length] ?? ''
        world.ask(writer, 'store', name === undefined ? { value } : { name, value }, ({ state }) => {
          if (state !== 'answered') return
          if ((readers[at] ?? []).length > 0)
            written.push({ sought: name === undefined ? { value } : { name }, readers: readers[at] ?? [] })
        })
      }
    await world.run(6000)
    expect(written.length).toBeGreaterThan(25)
    world.heal()
    if (fate === 'one that starts while they meet') {
      await world.run(500)
      for (const [one = '', ...others] of parts) world.restart(one, peersOf(world, others))
    }
    const wrong: object[] = []
    let turn = 0
    for (const until = world.nowMs + 1500; world.nowMs < until; await world.run(150))
      for (const { sought, readers: asked } of written) {
        const reader = asked[turn++ % asked.length] ?? ''
        world.ask(reader, 'lookupBy', sought, (found) => {
          const isMissing = found.state === 'refused' && found.error.error === 'NOT_FOUND'
          if (isMissing || (found.state === 'answered' && found.reply.values[0]?.value === 'old')) wrong.push(sought)
        })
      }
    await world.run(6000)
    expect(wrong).toEqual([])
  },
)

test.each(['chord', 'kademlia', 'pastry'] as const)(
  'those who are started again, however often, keep nobody from reading names: %s',
  async (overlay) => {
    const world = new World({ seed: 3, settings: { overlay, membership: 'local' } })
    const [first = '', ...others] = (await world.boot(8)).toSorted()
    const name = 'motd'
    await world.call(first, 'store', { name, value: 'hello' })
    world.demanding = false
    const [one = ''] = others
    const tookMs: number[] = []
    for (let round = 0; round < 8; round++) {
      if (round % 2 === 0) world.stop(one)
      else world.crash(one)
      await world.run(round % 2 === 0 ? 1000 : 8000)
      world.restart(one)
      for (let ms = 0; ms < 1600; ms += 400) {
        const asked = world.nowMs
        const wait = (found: { state: string }) => tookMs.push(found.state === 'answered' ? world.nowMs - asked : Infinity)
        for (const id of [first, ...others.slice(1)]) world.ask(id, 'lookupBy', { name }, wait)
        await world.run(400)
      }
    }
    await world.run(6000)
    expect(tookMs).toHaveLength(8 * 4 * 7)
    expect(tookMs.filter((ms) => ms > 1500)).toEqual([])
  },
)

test.each([1, 2, 14, 22])(
  'two parts that meet again through the ring are soon one for all who watch: seed %i',
  async (seed) => {
    const world = new World({ seed, settings: { membership: 'lan' } })
    const ids = (await world.boot(10)).toSorted()
    const name = 'motd'
    await world.run(10_000)
    await world.call(world.anyone(), 'store', { name, value: 'hello' })
    world.demanding = false
    world.partition(
      ids.filter((_, at) => at % 3 === 0),
      ids.filter((_, at) => at % 3 !== 0),
    )
    await world.run(90_000)
    world.heal()
    const refused: number[] = []
    for (const until = world.nowMs + 40_000; world.nowMs < until; await world.run(500))
      for (const id of ids) {
        const asked = world.nowMs
        world.ask(id, 'lookupBy', { name }, ({ state }) => state === 'refused' && refused.push(asked))
      }
    await world.run(6000)
    expect(refused).toEqual([])
  },
)

test('who gave its place up does not tell newcomers that it had everything: another ring had more', async () => {
  const world = new World({ seed: 36, settings: { membership: 'local', replicas: 1 } })
  const ids = (await world.boot(8)).toSorted()
  await world.run(20_000)
  world.demanding = false
  const [first = '', ...rest] = ids
  const alone = rest.pop() ?? ''
  world.partition([first, ...rest], [alone])
  await world.run(45_000)
  const values = Array.from({ length: 60 }, (_, number) => `value ${number}`)
  const asked = values.map((value) => ({ value, asked: world.ask(first, 'store', { value }) }))
  await world.run(10_000)
  const stored = asked.filter((one) => one.asked.state === 'answered').map(({ value }) => value)
  expect(stored.length).toBeGreaterThan(50)
  world.heal()
  await world.until(
    () => (world.host(alone).node?.overlay.neighbors().length ?? 0) >= 4,
    60_000,
    () => `${alone} is alone`,
  )
  for (let number = 0; number < 6; number++) world.add()
  await world.run(250)
  const missing: string[] = []
  for (const until = world.nowMs + 10_000; world.nowMs < until; await world.run(250))
    for (const value of stored)
      world.ask(first, 'lookupBy', { value }, (found) => {
        if (found.state === 'refused' && found.error.error === 'NOT_FOUND') missing.push(value)
      })
  expect(missing).toEqual([])
})

const lone = (setMs: number, ...counts: number[]) =>
  overlayNames.flatMap((overlay) => counts.map((count) => ({ overlay, count, setMs })))

test.each([...lone(0, 2, 3, 6), ...lone(117_000, 3)])(
  'who is cut off alone says at first neither what a name is nor that there is nothing, and in the end both: $count nodes in $overlay, clock set by $setMs',
  async ({ overlay, count, setMs }) => {
    const world = new World({ seed: 5, settings: { overlay, membership: 'local' } })
    const ids = await world.boot(count)
    await world.run(20_000)
    world.demanding = false
    const name = 'motd'
    const lone = (await world.call(ids[0] ?? '', 'store', { name, value: 'hello' })).owner.id
    world.partition(
      [lone],
      ids.filter((id) => id !== lone),
    )
    const said = (asked: string) =>
      world.call(lone, 'lookupBy', { name: asked }).then(
        ({ values }) => values[0]?.value,
        ({ code }: Refusal) => code,
      )
    for (const until = world.nowMs + 20_000; world.nowMs < until; await world.run(500)) {
      if (until - world.nowMs > 3500 && until - world.nowMs <= 4000) world.setClock(lone, setMs)
      expect(await said(name)).not.toBe('hello')
      expect(await said('another')).not.toBe('NOT_FOUND')
    }
    await world.run(90_000)
    expect(await said(name)).toBe('hello')
    expect(await said('another')).toBe('NOT_FOUND')
  },
)

// It was looked at ever more rarely, as if only room were lacking.
test('where all died who had everything nobody waits for them for longer than half a minute', async () => {
  const world = new World({ seed: 1, encode: false })
  const ids = await world.boot(9)
  await world.run(60_000)
  for (let number = 0; number < 30; number++) await world.call(ids[0] ?? '', 'store', { value: `value ${number}` })
  await world.run(10_000)
  world.demanding = false
  const dead = ids.toSorted().slice(2, 5)
  for (const id of dead) world.crash(id)
  await world.run(35_000)
  const left = ids.filter((id) => !dead.includes(id))
  expect(left.map((id) => world.host(id).node?.info().content.complete)).toEqual(left.map(() => true))
})

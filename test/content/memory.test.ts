/** What a node remembers of an earlier life, and what of it may be old by now. */
import { describe, expect, test } from 'vitest'
import { keyOf } from '../../src/content/record.ts'
import type { Refusal } from '../../src/protocol/errors.ts'
import { epochMs, hash } from '../../src/sim/host.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'
import type { Id } from '../../src/space/id.ts'
import { nodeOf } from '../overlay/worlds.ts'

const dayMs = 24 * 3600_000

/** So slow that days go by in seconds. */
const slow = {
  bits: 8,
  allowCustomIds: true,
  membership: 'off',
  stabilizeEveryMs: 7200_000,
  callTimeoutMs: 10_800_000,
  operationTimeoutMs: 10_800_000,
  refreshFingersEveryMs: dayMs,
  reuniteEveryMs: dayMs,
  rehomeEveryMs: 500_000,
} as const

const worldOf = async (ids: readonly Id[], settings: object): Promise<World> => {
  const world = new World({ seed: 41, settings })
  for (const id of ids) {
    world.add({ id })
    await world.settle()
  }
  return world
}

/** The first of many such texts whose hash begins so. */
const hashedTo = (beginning: RegExp, what: string): string =>
  Array.from({ length: 2000 }, (_, number) => `${what} ${number}`).find((text) => beginning.test(hash(text))) ?? ''

const comesBack = async (world: World, id: Id, withinMs = 60_000): Promise<void> => {
  await world.until(
    () => world.law.mayReturn(id),
    withinMs,
    () => `${id} is still listed`,
  )
  world.restart(id)
}

test('what a node knew in an earlier life counts no more once it has lived on: nobody says 404 for those who have just died', async () => {
  const world = await worldOf(['10', '20', '30', '40', '50', '60', '70', '80', '90', 'a0'], { bits: 8, allowCustomIds: true })
  await world.run(70_000)
  for (const id of ['50', '60', '70']) {
    world.stop(id)
    await world.until(
      () => !world.host(id).node,
      60_000,
      () => `${id} runs`,
    )
    await comesBack(world, id)
    await world.settle()
  }
  await world.run(600_000)
  // Others come before them, and hold what they held.
  for (const id of ['42', '44', '46']) {
    world.add({ id })
    await world.settle()
  }
  await world.run(60_000)
  const [value, name] = [hashedTo(/^41/, 'value'), hashedTo(/^41/, 'name')]
  expect(await world.call('90', 'store', { value })).toMatchObject({ stored: 3 })
  await world.call('90', 'store', { value: 'one', name })
  await world.run(60_000)
  world.demanding = false
  for (const id of ['42', '44', '46']) world.crash(id)
  for (let second = 0; second < 2; second++) {
    await world.run(1000)
    for (const what of [{ value }, { name }])
      await expect(world.call('90', 'lookupBy', what)).rejects.not.toMatchObject({ code: 'NOT_FOUND' })
  }
})

test('a node that was away for eight days, and alone was given a write that was cut short, is out of doubt in the end', async () => {
  const world = await worldOf(['10', '30', '50', '70', '90'], slow)
  const name = hashedTo(/^(3[1-9a-f]|4)/, 'name')
  await world.call('10', 'store', { name, value: 'first' })
  await world.run(700_000)
  const index = `n:${hash(name)}`
  const key = keyOf(index, 8)
  const [first] = (await world.call('50', 'get', { key, index })).records
  if (!first) throw new Error(`nothing under ${key}`)
  const hlc = (BigInt(`0x${first.version.hlc}`) + 65_536n).toString(16).padStart(16, '0')
  const second = { ...first, value: 'second', version: { hlc, origin: '10-1' } }
  await world.call('50', 'insert', { key, record: second, with: ['50', '70', '90'] })
  world.demanding = false
  world.crash('50')
  await world.run(8 * dayMs)
  await comesBack(world, '50', 2 * dayMs)
  await world.run(600_000)
  const arcs = [{ from: '30', to: '50', count: 0, print: '0'.repeat(16) }]
  expect((await world.call('50', 'digest', { arcs, by: '70' })).digests[0]).toMatchObject({ doubting: false })
  expect((await world.call('10', 'lookupBy', { name })).values).toMatchObject([{ value: 'second' }])
})

test('a node in doubt does not vouch for what it does not show', async () => {
  const world = await worldOf(['10', '30', '50', '70', '90'], slow)
  const values = Array.from({ length: 20 }, (_, number) => `value ${number}`)
  for (const value of values) await world.call('10', 'store', { value })
  await world.run(700_000)
  world.demanding = false
  world.crash('50')
  await world.run(8 * dayMs)
  await comesBack(world, '50', 2 * dayMs)
  let refused = 0
  for (let ms = 0; ms < 2000; ms++) {
    await world.run(1)
    const { node } = world.host('50')
    if (!node?.overlay.isMember) continue
    for (const value of values) {
      const index = `v:${hash(value)}`
      const key = keyOf(index, 8)
      if (!world.window(key).includes(world.host('50'))) continue
      try {
        void node.handlers.get({ key, index })
      } catch (error) {
        refused++
        expect((error as Refusal).details).not.toMatchObject({ held: true, complete: true })
      }
    }
  }
  expect(refused).toBeGreaterThan(0)
})

test('what is written while old records in doubt are looked through is not dropped with them', async () => {
  const world = new World({ seed: 21 })
  const ids = await world.boot(3)
  const whole = (some: readonly Id[]) =>
    world.until(
      () => some.every((id) => world.host(id).node?.info().content.complete),
      60_000,
      () => `${some.join()} lack something`,
    )
  await whole(ids)
  await world.run(130_000)
  world.demanding = false
  for (const id of ids) world.crash(id)
  const late = ids[2] ?? ''
  const recordOf = (value: string, ms: number) => {
    const key = hash(value)
    const version = { hlc: `${ms.toString(16).padStart(12, '0')}0000`, origin: 'aa' }
    return { key, index: `v:${key}`, value, contentType: 'text/plain', version }
  }
  const values = Array.from({ length: 200 }, (_, number) => `value ${number}`).sort((a, b) => (hash(a) < hash(b) ? -1 : 1))
  for (const id of ids) {
    const { durable } = world.host(id).disk
    const memo = JSON.parse(durable.memo ?? '') as { times: [number, number][] }
    const until = id === late ? epochMs - 9 * dayMs : memo.times.at(-1)?.[1]
    durable.remember(JSON.stringify({ ...memo, times: [[epochMs - 20 * dayMs, until]] }))
    if (id === late) for (const value of values) durable.write(recordOf(value, epochMs - 10 * dayMs))
  }
  const peers = ids.map((id) => world.peer(id))
  for (const id of ids.slice(0, 2)) world.restart(id, peers)
  await whole(ids.slice(0, 2))
  await world.run(5000)
  world.restart(late, peers)
  const host = world.host(late)
  const { store } = host
  const drop = store.drop.bind(store)
  const has = (value: string) => store.get(hash(value), `v:${hash(value)}`) !== undefined
  const written: string[] = []
  let drops = 0
  store.drop = (key, index) => {
    drop(key, index)
    if (++drops !== 99) return
    written.push(...values.filter(has))
    host.after(0, () => {
      for (const value of written) {
        const record = recordOf(value, epochMs + world.nowMs)
        void host.node?.handlers.insert({ key: record.key, record, with: [...ids] })
      }
    })
  }
  await world.until(
    () => written.length > 0,
    60_000,
    () => `${drops} dropped`,
  )
  await world.run(300)
  expect(written.filter((value) => !has(value))).toEqual([])
})

test('what was deleted stays so when one who was away for a week comes back after some have joined together', async () => {
  const world = await worldOf(['10', '30', '50', '70', '90'], { ...slow, stabilizeEveryMs: 400_000 })
  const values = Array.from({ length: 20 }, (_, number) => `value ${number}`)
  for (const value of values) await world.call('10', 'store', { value })
  world.demanding = false
  world.crash('50')
  await world.settle(dayMs)
  for (const value of values) await world.call('10', 'removeBy', { value })
  await world.run(7.5 * dayMs)
  for (const id of ['20', '48', '60', '80']) world.add({ id })
  await world.settle(dayMs)
  await world.run(3600_000)
  world.restart(
    '50',
    world.members().map((id) => world.peer(id)),
  )
  await world.settle(dayMs)
  await world.run(3600_000)
  for (const value of values)
    await expect(world.call('10', 'lookupBy', { value }), value).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('when all start again, one of whom was away for long, all have everything in the end', async () => {
  const five = ['10', '30', '50', '70', '90']
  const world = await worldOf(five, { ...slow, overlay: 'kademlia', stabilizeEveryMs: 400_000, rehomeEveryMs: 170_000 })
  const values = Array.from({ length: 20 }, (_, number) => `value ${number}`)
  for (const value of values) await world.call('10', 'store', { value })
  for (const value of values.slice(10)) await world.call('10', 'removeBy', { value })
  await world.run(60_000)
  world.demanding = false
  world.crash('50')
  await world.settle(dayMs)
  await world.run(7.5 * dayMs)
  for (const id of ['10', '30', '70', '90']) world.crash(id)
  await world.run(10_000)
  const seeds = five.map((id) => world.peer(id))
  for (const id of five) world.restart(id, seeds)
  await world.settle(dayMs)
  await world.run(1_200_000)
  expect(world.running().filter(({ node }) => !node?.info().content.complete)).toEqual([])
  for (const value of values.slice(0, 10))
    expect((await world.call('70', 'lookupBy', { value })).values).toMatchObject([{ value }])
  for (const value of values.slice(10))
    await expect(world.call('70', 'lookupBy', { value })).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('those who are left wait half a minute for all who had a key, whoever has died elsewhere shortly before', async () => {
  const ids = ['10', '20', '30', '40', '50', '60', '70', '80', '90', 'a0', 'b0', 'c0']
  const world = await worldOf(ids, { bits: 8, allowCustomIds: true })
  const value = hashedTo(/^1[1-9a-f]/, 'value')
  await world.call('10', 'store', { value })
  await world.run(20_000)
  world.demanding = false
  for (const id of ['70', '80', '90']) world.crash(id)
  await world.run(28_000)
  for (const id of ['20', '30', '40']) world.crash(id)
  for (const until = world.nowMs + 25_000; world.nowMs < until; await world.run(500))
    await expect(world.call('b0', 'lookupBy', { value })).rejects.toMatchObject({ code: 'INCONCLUSIVE' })
})

const quick = { ...slow, stabilizeEveryMs: 400_000 }

/** It is told of all who are there. */
const isBack = async (world: World, id: Id): Promise<void> => {
  await world.until(
    () => world.law.mayReturn(id),
    2 * dayMs,
    () => `${id} is still listed`,
  )
  world.restart(
    id,
    world.members().map((one) => world.peer(one)),
  )
  await world.settle(dayMs)
}

test('what was deleted stays so when two who were away for nine days come back one after the other', async () => {
  const world = await worldOf(['10', '30', '50', '70', '90'], quick)
  const value = hashedTo(/^2[1-9a-f]/, 'value')
  await world.run(dayMs)
  await world.call('10', 'store', { value })
  await world.run(3600_000)
  world.demanding = false
  for (const id of ['30', '50']) world.crash(id)
  await world.settle(dayMs)
  await world.run(3600_000)
  await world.call('10', 'removeBy', { value })
  await world.run(9 * dayMs)
  for (const id of ['30', '50']) {
    await isBack(world, id)
    await world.run(3 * 3600_000)
    await expect(world.call('10', 'lookupBy', { value })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  }
})

test('one who takes over what others have had for long knows of no deletion that they have forgotten', async () => {
  const world = await worldOf(['10', '20', '30', '35', '50', '60', '70', '90'], quick)
  const until = (day: number) => world.run(day * dayMs - world.nowMs)
  const goes = async (id: Id) => {
    world.crash(id)
    await world.settle(dayMs)
  }
  const value = hashedTo(/^1[1-9a-f]/, 'value')
  world.demanding = false
  await until(5)
  await goes('30')
  await until(5.3)
  await world.call('10', 'store', { value })
  await until(5.5)
  await goes('50')
  await until(6)
  await world.call('10', 'removeBy', { value })
  await until(6.2)
  await isBack(world, '30')
  world.add({ id: '55' })
  await world.settle(dayMs)
  await until(12)
  world.add({ id: '40' })
  await world.settle(dayMs)
  await until(13.6)
  for (const id of ['20', '30', '35']) {
    await goes(id)
    await world.run(3600_000)
  }
  await isBack(world, '50')
  await world.run(3 * 3600_000)
  await expect(world.call('10', 'lookupBy', { value })).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('those who are gone for good are waited for once, though messages get lost', async () => {
  const ids = ['10', '20', '30', '40', '50', '60', '70', '80', '90', 'a0', 'b0', 'c0']
  const world = await worldOf(ids, { bits: 8, allowCustomIds: true })
  await world.run(30_000)
  world.demanding = false
  for (const id of ['20', '30', '40']) world.crash(id)
  await world.run(8000)
  world.weather = { ...calm, lossPerMille: 100 }
  await world.until(
    () => world.running().every(({ node }) => node?.info().content.complete),
    100_000,
    () => 'some are not complete',
  )
})

describe.each(['off', 'local'] as const)(
  'one that is left, or back, alone acknowledges no single copy for half a minute: membership %s,',
  (membership) => {
    const codeOf = (asked: Promise<unknown>) =>
      asked.then(
        (reply) => reply,
        (error: Refusal) => error.code,
      )

    test.each(['left', 'back'] as const)('%s', async (how) => {
      const world = new World({ seed: 1, settings: { membership } })
      const [one = '', ...others] = await world.boot(6)
      await world.run(20_000)
      world.demanding = false
      for (const id of others) world.crash(id)
      if (how === 'back') {
        world.crash(one)
        await world.run(1000)
        world.restart(one)
        await world.until(
          () => world.members().includes(one),
          30_000,
          () => 'not back',
        )
      }
      for (let second = 0; second < 4; second++) {
        expect(await codeOf(world.call(one, 'store', { value: `value ${second}` }))).toBe('NOT_ENOUGH_COPIES')
        await world.run(1000)
      }
      await world.run(40_000)
      expect(await codeOf(world.call(one, 'store', { value: 'alone' }))).toMatchObject({ stored: 1, wanted: 3 })
    })
  },
)

test('a node that was away for eight days is out of doubt though one of those to whom it passes something on has no room', async () => {
  const world = await worldOf(['10', '30', '50', '70', '90'], slow)
  const value = hashedTo(/^2/, 'value')
  await world.call('90', 'store', { value })
  await world.run(700_000)
  world.demanding = false
  world.crash('50')
  await world.run(8 * dayMs)
  for (const id of ['33', '36', '39']) {
    world.add({ id })
    if (id === '36') world.jam(id)
    await world.settle()
  }
  await comesBack(world, '50', 2 * dayMs)
  await world.run(600_000)
  const [arc] = nodeOf(world, '50').overlay.cells()
  if (!arc) throw new Error('50 has no place')
  expect(nodeOf(world, '50').info().content.misplaced).toBe(1)
  const arcs = [{ from: arc.from, to: arc.to, count: 0, print: '0'.repeat(16) }]
  expect((await world.call('50', 'digest', { arcs, by: '70' })).digests[0]).toMatchObject({ doubting: false })
})

import { expect, test } from 'vitest'
import type { Node } from '../../src/node/node.ts'
import { Refusal } from '../../src/protocol/errors.ts'
import type { Id } from '../../src/space/id.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'

const nodeOf = (world: World, id: Id): Node => {
  const { node } = world.host(id)
  if (!node) throw new Error(`${id} does not run`)
  return node
}

const fill = async (world: World, id: Id, count: number) => {
  for (let number = 0; number < count; number++) await world.call(id, 'store', { value: `value ${number}` })
}

test('a leave that was given up hands everything over again the next time', async () => {
  const world = new World({ seed: 1 })
  const ids = await world.boot(2)
  await fill(world, world.anyone(), 1200)
  const owned = (id: Id) => nodeOf(world, id).info().content.owned
  // More than one call carries.
  const [leaver = '', heir = ''] = [...ids].sort((a, b) => owned(b) - owned(a))
  world.demanding = false
  const { handlers } = nodeOf(world, heir)
  const { merge } = handlers
  const held = owned(leaver)
  let calls = 0
  handlers.merge = () => {
    if (calls++ > 0) throw new Refusal('OVERLOADED', 'busy')
    return { held: [] }
  }
  world.leave(leaver)
  await world.until(
    () => calls > 1 && nodeOf(world, leaver).state === 'ready',
    60_000,
    () => `${calls} calls, ${nodeOf(world, leaver).state}`,
  )
  const taken = new Set<string>()
  handlers.merge = (request) => {
    for (const { index } of request.records) taken.add(index)
    return merge(request)
  }
  world.leave(leaver)
  await world.until(
    () => world.host(leaver).node === undefined,
    60_000,
    () => `still ${nodeOf(world, leaver).state}`,
  )
  expect(taken.size).toBe(held)
})

test('a donor whose pages never end keeps nobody from leaving', async () => {
  const world = new World({ seed: 2 })
  const [donor = ''] = await world.boot(1)
  const { handlers } = nodeOf(world, donor)
  handlers.range = () => ({ records: [], next: 'x', complete: false, held: false })
  const joiner = world.add()
  await world.until(
    () => nodeOf(world, joiner).state === 'ready',
    60_000,
    () => nodeOf(world, joiner).state,
  )
  await world.run(2000)
  world.demanding = false
  world.leave(joiner)
  await world.until(
    () => world.host(joiner).node === undefined,
    60_000,
    () => `still ${nodeOf(world, joiner).state}`,
  )
})

test('an heir that fails leaves the leaver ready, not a zombie', async () => {
  const world = new World({ seed: 3 })
  const [leaver = '', heir = ''] = await world.boot(2)
  await fill(world, leaver, 20)
  nodeOf(world, heir).handlers.merge = () => {
    throw new Refusal('INTERNAL', 'a defect')
  }
  world.leave(leaver)
  await world.run(5000)
  expect(nodeOf(world, leaver).state).toBe('ready')
})

test('what has not been passed on is not forgotten', async () => {
  const world = new World({ seed: 4 })
  const [only = ''] = await world.boot(1)
  await fill(world, only, 50)
  const { handlers } = nodeOf(world, only)
  const joiner = world.add()
  await world.until(
    () => nodeOf(world, only).info().content.misplaced > 0,
    60_000,
    () => `${nodeOf(world, joiner).state}, nothing misplaced`,
  )
  const { entries } = await handlers.db({ limit: 1000 })
  const outcomes = entries
    .filter(({ role }) => role === 'misplaced')
    .map(({ key }) =>
      Promise.resolve(handlers.forget({ key })).then(
        () => 'dropped',
        ({ code }: Refusal) => code,
      ),
    )
  expect(outcomes.length).toBeGreaterThan(0)
  expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['STILL_OWNED']))
})

test('candidates that do not answer do not hold up a leave', async () => {
  const world = new World({ seed: 5, settings: { allowCustomIds: true } })
  const [one = '', other = ''] = await world.boot(2)
  const silent = world.peer(world.add())
  await world.settle()
  world.pause(silent.id, 10 * 60_000)
  world.demanding = false
  for (let number = 0; number < 200; number++) {
    const id = (BigInt(`0x${one}`) - 1n - BigInt(number)).toString(16).padStart(one.length, '0')
    await world.call(one, 'offerPredecessor', { id, url: silent.url })
  }
  world.leave(one)
  await world.until(
    () => world.host(one).node === undefined,
    30_000,
    () => `still ${nodeOf(world, one).state}`,
  )
  expect(nodeOf(world, other).state).toBe('ready')
})

test('a node does not give way to an id that nobody answers for', async () => {
  const world = new World({ seed: 6 })
  const [one = '', liar = ''] = await world.boot(2)
  const { handlers } = nodeOf(world, liar)
  const { neighborhood } = handlers
  handlers.neighborhood = async () => ({
    ...(await neighborhood({})),
    predecessor: { id: one, url: 'http://10.9.9.9:1' },
  })
  for (let second = 0; second < 20; second++) {
    await world.run(1000)
    expect(nodeOf(world, one).state).toBe('ready')
  }
})

test('of a ring of two the one left over knows at once that it is alone', async () => {
  const world = new World({ seed: 7, settings: { stabilizeEveryMs: 60_000 } })
  const [one = ''] = await world.boot(1)
  const other = world.add()
  const successorOf = (id: Id) => nodeOf(world, id).overlay.neighbors().length
  await world.until(
    () => nodeOf(world, other).state === 'ready' && successorOf(one) === 1 && successorOf(other) === 1,
    60_000,
    () => `${nodeOf(world, other).state}`,
  )
  world.demanding = false
  world.leave(other)
  await world.until(
    () => successorOf(one) === 0 && nodeOf(world, one).state === 'ready',
    30_000,
    () => `${successorOf(one)} neighbours`,
  )
})

test('a fetch that takes longer than a finger refresh comes to an end', async () => {
  const world = new World({ seed: 8, settings: { refreshFingersEveryMs: 10 } })
  const [donor = ''] = await world.boot(1)
  await fill(world, donor, 3000)
  const { handlers } = nodeOf(world, donor)
  const { range } = handlers
  let pages = 0
  handlers.range = (request) => {
    pages++
    return range(request)
  }
  world.weather = { ...calm, delayMinMs: 50, delayMaxMs: 60 }
  world.add()
  await world.run(20_000)
  const asked = pages
  expect(asked).toBeGreaterThan(0)
  await world.run(60_000)
  expect(pages).toBe(asked)
})

import { expect, test } from 'vitest'
import { Refusal } from '../../src/protocol/errors.ts'
import type { Peer } from '../../src/protocol/schemas.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'

test('a network boots, keeps a value and finds it from anywhere', async () => {
  const world = new World({ seed: 1 })
  const ids = await world.boot(12)
  expect(ids).toHaveLength(12)
  const { key } = await world.call(world.anyone(), 'store', { value: 'hello' })
  for (const id of ids) {
    const { values } = await world.call(id, 'lookup', { key })
    expect(values.map(({ value }) => value)).toEqual(['hello'])
  }
})

test('messages are copied by default; shared, the same world runs as well', async () => {
  const shared = new World({ seed: 1, encode: false })
  expect(await shared.boot(12)).toHaveLength(12)
})

test('a refusal of a node is a refusal to its client', async () => {
  const world = new World({ seed: 2 })
  const [id = ''] = await world.boot(1)
  await expect(world.call(id, 'leave', {})).rejects.toThrow(Refusal)
})

test('a ring that breaks ends the run with the seed, the moment and the property', async () => {
  const world = new World({ seed: 3, settings: { replicas: 1, successors: 3 } })
  const ids = await world.boot(8)
  for (const id of ids.slice(1, 4)) world.crash(id)
  await expect(world.run(10)).rejects.toThrow(/^seed 3, at \d+ ms: OneLiveSuccessor: all of/)
})

test('so does one in which a node comes to list another twice, though nobody has gone', async () => {
  const world = new World({ seed: 3 })
  await world.boot(3)
  for (const { node } of world.running()) {
    if (!node) continue
    const [first] = node.overlay.attributes.successors as Peer[]
    Object.defineProperty(node.overlay, 'attributes', { value: { ...node.overlay.attributes, successors: [first, first] } })
  }
  world.add()
  await expect(world.run(10_000)).rejects.toThrow(/^seed 3, at \d+ ms: NoDuplicates: /)
})

test('the guard forbids exactly that', async () => {
  const world = new World({ seed: 3, settings: { replicas: 1, successors: 3 } })
  const ids = await world.boot(8)
  expect(world.law.mayFail(ids[1] as string)).toBe(true)
  for (const id of ids.slice(1, 3)) world.crash(id)
  expect(world.law.mayFail(ids[3] as string)).toBe(false)
})

test('what does not come about in time says what is seen instead', async () => {
  const world = new World({ seed: 4 })
  await world.boot(2)
  world.weather = { ...calm, lossPerMille: 1000 }
  world.demanding = false
  world.add()
  await expect(world.settle(3000)).rejects.toThrow(
    /^seed 4, at \d+ ms: not within 3000 ms: [^]*http:\/\/node-3.world-4:10003 has not joined/,
  )
})

test('the dead neither act nor answer, and a new life at the same place knows nothing of what the old one began', async () => {
  const world = new World({ seed: 5 })
  const [first = '', second = ''] = await world.boot(8)
  const asked = world.ask(first, 'store', { value: 'never' })
  world.crash(first)
  await world.run(60_000)
  expect(asked.state).toBe('waiting')
  world.restart(first)
  await world.settle()
  expect(world.host(first).store.size).toBe(0)
  expect((await world.call(second, 'find', { key: first })).owner.id).toBe(first)
})

test('a crash keeps what was acknowledged; a lost disk keeps nothing', async () => {
  const world = new World({ seed: 9 })
  const [only = ''] = await world.boot(1)
  await world.call(only, 'store', { value: 'hello' })
  world.crash(only)
  world.restart(only)
  await world.settle()
  expect(world.host(only).store.size).toBe(1)
  world.crash(only)
  world.ledger.strict = false
  world.wipe(only)
  world.restart(only)
  await world.settle()
  expect(world.host(only).store.size).toBe(0)
})

test('days without anyone pass at once, and are days to whoever starts again', async () => {
  const world = new World({ seed: 10 })
  const [only = ''] = await world.boot(1)
  world.crash(only)
  await world.run(8 * 24 * 3600_000)
  const { messages } = world
  world.restart(only)
  await world.settle()
  expect(world.messages).toBe(messages)
  expect(world.host(only).node?.config.incarnation).toBeGreaterThanOrEqual(Date.UTC(2025, 0, 9))
})

test('a paused node goes on where it was', async () => {
  const world = new World({ seed: 6 })
  const [id = ''] = await world.boot(1)
  world.pause(id, 5000)
  const asked = world.ask(id, 'nodeinfo', {})
  await world.run(4000)
  expect(asked.state).toBe('waiting')
  await world.run(2000)
  expect(asked.state).toBe('answered')
})

test('a call to the dead is refused; where deaths are silent it is waited for', async () => {
  const mended = async (silentDeaths: boolean) => {
    const settings = { stabilizeEveryMs: 200, callTimeoutMs: 5000 }
    const world = new World({ seed: 11, weather: { ...calm, silentDeaths }, settings })
    await world.boot(5)
    const beganMs = world.nowMs
    world.crash(world.anyone())
    await world.settle()
    return world.nowMs - beganMs
  }
  expect(await mended(false)).toBeLessThan(2000)
  expect(await mended(true)).toBeGreaterThan(5000)
})

test('a node that answers under another id, or of another network, is not reachable as who was meant', async () => {
  const world = new World({ seed: 7, settings: { foundAfterMs: 600_000 } })
  const [id = ''] = await world.boot(1)
  const { url } = world.host(id)
  const strangers = [
    world.add({ seeds: [{ id: id.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')), url }] }),
    world.add({ seeds: [{ id, url }], network: 'ffffffffffffffff' }),
  ]
  await world.run(10_000)
  for (const stranger of strangers) expect(world.host(stranger).node?.state).toBe('joining')
})

test('whatever the network does to messages in its assumptions, everyone gets in', async () => {
  const weather = { ...calm, delayMaxMs: 200, slowPerMille: 300, slowMs: 300, duplicatePerMille: 500, skewMaxMs: 60_000 }
  expect(await new World({ seed: 8, weather }).boot(10)).toHaveLength(10)
})

/** What was in doubt once, as all who had it were down, is held against everyone again once they have it who should. */
import { expect, test } from 'vitest'
import { keyOf } from '../../src/content/record.ts'
import { brokenPromises, misplaced } from '../../src/sim/audit.ts'
import { Clients } from '../../src/sim/clients.ts'
import { World } from '../../src/sim/world.ts'
import { nodeOf } from '../overlay/worlds.ts'

/** Rose is `first` at three of eight; these are down together for a moment, and back; ten minutes later all is at rest. */
const night = async (seed: number) => {
  const world = new World({ seed })
  const [one = ''] = await world.boot(8)
  const clients = new Clients(world)
  const rest = () =>
    world.until(
      () => misplaced(world).length === 0 && world.running().length === world.members().length,
      120_000,
      () => misplaced(world).join('\n'),
    )
  const done = async (asked: { state: string }) => {
    await world.until(
      () => asked.state !== 'waiting',
      60_000,
      () => 'no answer',
    )
    expect(asked.state).toBe('answered')
    await rest()
  }
  await done(clients.store(one, 'first', 'rose'))
  await world.run(10_000)
  const [register] = world.ledger.registers
  const key = keyOf(register?.index ?? '', world.config.bits)
  const holders = world.window(key).map(({ id = '' }) => id)
  const [old] = world.host(holders[0] ?? '').store.read(key)
  if (!old) throw new Error('nobody has it')
  world.demanding = false
  for (const id of holders) world.crash(id)
  for (const id of holders) world.restart(id)
  await world.settle()
  await world.run(60_000)
  world.demanding = true
  await rest()
  await world.run(600_000)
  return { world, clients, key, old, done }
}

test('what was replaced and deleted since must not be back', async () => {
  const { world, clients, key, old, done } = await night(1)
  await done(clients.store(world.anyone(), 'second', 'rose'))
  await done(clients.remove(world.anyone(), { name: 'rose' }))
  await world.run(60_000)
  expect(await brokenPromises(world)).toEqual([])
  for (const { store } of world.window(key)) store.write({ ...old, version: { ...old.version, hlc: '0fffffffffffffff' } })
  expect(await brokenPromises(world)).toContainEqual(expect.stringContaining('says first, not nothing'))
})

test('nor may anyone say that there is nothing', async () => {
  const { world, clients, done } = await night(2)
  await done(clients.store(world.anyone(), 'second', 'rose'))
  await world.run(60_000)
  const [liar] = world.running()
  if (!liar?.node) throw new Error('nobody lives there')
  liar.node.handlers.lookupBy = () => ({ values: [] }) as never
  clients.look(liar.id ?? '', { name: 'rose' })
  await expect(world.run(1000)).rejects.toThrow(/says that there is nothing, not second/)
})

/** Rose is `first` at three of eight; these have been down for a minute: nobody waits for them any more. */
const longNight = async (seed: number, settings: object) => {
  const world = new World({ seed, settings })
  const [one = ''] = await world.boot(8)
  await world.run(10_000)
  const clients = new Clients(world)
  const stored = clients.store(one, 'first', 'rose')
  await world.run(10_000)
  expect(stored.state).toBe('answered')
  const [register] = world.ledger.registers
  if (!register) throw new Error('nothing is promised')
  const holders = world.window(keyOf(register.index, world.config.bits)).map(({ id = '' }) => id)
  for (const id of holders) world.crash(id)
  await world.run(60_000)
  expect(register.isDark).toBe(true)
  const others = world.running().map(({ id = '' }) => id)
  const wake = () => {
    for (const id of holders)
      world.restart(
        id,
        others.map((other) => world.peer(other)),
      )
  }
  /** Whether it is in doubt any more, after a moment. */
  const isLit = async (): Promise<boolean> => {
    await world.run(20)
    world.ledger.mend(register)
    return !register.isDark
  }
  return { world, clients, others, wake, isLit }
}

// Was held against whoever had said it, when all was certain again before the answer was there.
test.each([500, 2000, 5000])('a read that was told in the dark that there is nothing may be %i ms under way', async (ms) => {
  const { world, clients, others, wake, isLit } = await longNight(1, {})
  const [reader = ''] = others
  const { handlers, overlay } = nodeOf(world, reader)
  const { lookupBy } = handlers
  const { clock } = (overlay as unknown as { ports: { clock: { sleep(ms: number): Promise<void> } } }).ports
  handlers.lookupBy = async (request) => {
    try {
      return await lookupBy(request)
    } finally {
      await clock.sleep(ms)
    }
  }
  const read = clients.look(reader, { name: 'rose' })
  await world.run(20)
  wake()
  let litAt: number | undefined
  for (const until = world.nowMs + 8000; world.nowMs < until; ) if (await isLit()) litAt ??= world.nowMs
  expect(litAt).toBeDefined()
  expect(read).toMatchObject({ state: 'refused', error: { error: 'NOT_FOUND' } })
})

// They said so still when those who had it were back, and could not know yet.
test.each([1, 2, 3])('nor is it held against those who have not heard yet that all are back: world %i', async (seed) => {
  const { world, clients, wake, isLit } = await longNight(seed, { overlay: 'pastry' })
  wake()
  let lit = 0
  for (const until = world.nowMs + 6000; world.nowMs < until; )
    if (await isLit()) for (const id of world.members()) if (lit++ < 200) clients.look(id, { name: 'rose' })
  await world.run(12_000)
  expect(lit).toBeGreaterThan(200)
})

/** Copies that lie where they do not belong: passed on, and dropped when those who should have them do. */
import { expect, test } from 'vitest'
import { isWhole } from '../../src/content/record.ts'
import { epochMs, hash } from '../../src/sim/host.ts'
import { World } from '../../src/sim/world.ts'
import type { Id } from '../../src/space/id.ts'
import { nodeOf, whole } from '../overlay/worlds.ts'

test('a stray is kept as long as fewer are named for it than there are to be copies', async () => {
  const world = new World({ seed: 13 })
  const ids = await world.boot(5)
  await whole(world, ids)
  const { key } = await world.call(ids[0] ?? '', 'store', { value: 'hello' })
  const { window, owner } = await world.call(ids[0] ?? '', 'find', { key })
  const outsider = ids.find((id) => !window.some((peer) => peer.id === id)) ?? ''
  const { handlers } = nodeOf(world, owner.id)
  const { cell } = handlers
  handlers.cell = async (request) => ({ ...(await cell(request)), window: [owner] })
  const [record] = (await nodeOf(world, owner.id).handlers.get({ key })).records
  if (!record || !isWhole(record)) throw new Error('the owner lacks it')
  await world.call(outsider, 'insert', { key, record, with: [] })
  const misplaced = () => nodeOf(world, outsider).info().content.misplaced
  await world.run(60_000)
  expect(misplaced()).toBe(1)
  handlers.cell = cell
  await world.until(
    () => misplaced() === 0,
    60_000,
    () => 'it is still there',
  )
})

/** Six nodes of which 20, 30 and 40 hold the key; 80, which does not, has a name that nobody else has been given. */
const withStray = async () => {
  const world = new World({ seed: 31, settings: { bits: 8, allowCustomIds: true } })
  const window = ['20', '30', '40']
  const ids = ['10', ...window, '80', 'c0']
  for (const id of ids) {
    world.add({ id })
    await world.settle()
  }
  await whole(world, ids)
  await world.run(30_000)
  const name = Array.from({ length: 200 }, (_, number) => `name ${number}`).find((one) => /^1[1-9a-f]/.test(hash(one))) ?? ''
  const [index, key] = [`n:${hash(name)}`, hash(name).slice(0, 2)]
  /** Gives it to 80 alone. */
  const write = (value: string) => {
    const version = { hlc: `${(epochMs + world.nowMs).toString(16).padStart(12, '0')}0000`, origin: 'aa' }
    const record = { key, index, value, name, contentType: 'text/plain', version }
    void nodeOf(world, '80').handlers.insert({ key, record, with: [] })
  }
  const valueAt = (id: Id) => world.host(id).store.get(key, index)?.value
  return { world, window, write, valueAt }
}

test('what comes while others are asked whether they have the rest is not dropped with it', async () => {
  const { world, window, write, valueAt } = await withStray()
  const { handlers } = nodeOf(world, '40')
  const { digest } = handlers
  let asked = 0
  handlers.digest = async (request) => {
    // When they have it all, and the time is up for which it was kept.
    if (request.by === '80' && window.every((id) => valueAt(id) === 'first') && asked++ === 0) write('second')
    return digest(request)
  }
  write('first')
  await world.until(
    () => valueAt('80') === undefined,
    120_000,
    () => `${asked} asked`,
  )
  expect(asked).toBeGreaterThan(0)
  expect(window.map(valueAt)).toEqual(['second', 'second', 'second'])
})

test('one that has a record and does not say that it holds it is no reason to drop it', async () => {
  const { world, window, write, valueAt } = await withStray()
  const { handlers } = nodeOf(world, '40')
  const { digest } = handlers
  let isHolder = true
  handlers.digest = async (request) => {
    isHolder &&= !window.every((id) => valueAt(id) === 'first')
    const { digests } = await digest(request)
    return { digests: digests.map((one) => ({ ...one, held: one.held && isHolder })) }
  }
  write('first')
  await world.run(120_000)
  expect(isHolder).toBe(false)
  expect(valueAt('80')).toBe('first')
  handlers.digest = digest
  await world.until(
    () => valueAt('80') === undefined,
    120_000,
    () => 'it is kept',
  )
})

test('what a node holds it does not forget for being asked to', async () => {
  const world = new World({ seed: 4 })
  const ids = await world.boot(4)
  await whole(world, ids)
  const { key, owner } = await world.call(ids[0] ?? '', 'store', { value: 'hello' })
  await expect(world.call(owner.id, 'forget', { key })).rejects.toMatchObject({
    code: 'STILL_OWNED',
    message: expect.stringContaining('this node holds the key'),
  })
})

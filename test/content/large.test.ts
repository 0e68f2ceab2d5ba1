import { describe, expect, test } from 'vitest'
import { Holders } from '../../src/content/holders.ts'
import type { Holdings } from '../../src/content/holdings.ts'
import { areLarge, outlined } from '../../src/content/record.ts'
import { Turns } from '../../src/content/turns.ts'
import type { Lookup } from '../../src/overlay/lookup.ts'
import { Refusal, Unreachable } from '../../src/protocol/errors.ts'
import type { Held, PeerApi } from '../../src/protocol/peer-api.ts'
import type { Network } from '../../src/protocol/rpc.ts'
import type { Peer, StoredRecord } from '../../src/protocol/schemas.ts'
import { hash } from '../../src/sim/host.ts'
import { World } from '../../src/sim/world.ts'
import type { Id } from '../../src/space/id.ts'
import { nodeOf, refuse, replace } from '../overlay/worlds.ts'
import { peerAt } from './still-ring.ts'

const name = 'map'
const key = hash(name)
const index = `n:${key}`
const [old, young] = ['o', 'y'].map((letter) => letter.repeat(100_000)) as [string, string]

const record = (chars: number | null): StoredRecord => ({
  key,
  index,
  value: chars === null ? null : 'x'.repeat(chars),
  contentType: 'text/plain',
  name,
  version: { hlc: '0'.repeat(16), origin: 'aa' },
})

const settled = () => new Promise((resolve) => setImmediate(resolve))

test.each([
  ['what is small', [10, 20], [10, 20]],
  ['as much as travels among much else', [65_536], [65_536]],
  ['one more', [65_537], [undefined]],
  ['what is large, and what is small after it', [70_000, 10], [undefined, 10]],
  ['what would be large together', [40_000, 40_000], [40_000, undefined]],
  ['tombstones, whatever they are among', [65_000, null, 1000, null], [65_000, null, undefined, null]],
])('of an outline: %s', (_what, given, expected) => {
  const records = given.map(record)
  const chars = outlined(records).map(({ value }) => (typeof value === 'string' ? value.length : value))
  expect(chars).toEqual(expected)
  expect(areLarge(records)).toBe(expected.includes(undefined))
})

test('as many work at once as may, and those that wait come to their turn in order, whatever becomes of those before', async () => {
  const turns = new Turns(2)
  const ends: ((failure?: Error) => void)[] = []
  const begun: number[] = []
  const work = (number: number) => () =>
    new Promise<number>((resolve, reject) => {
      begun.push(number)
      ends[number] = (failure) => (failure ? reject(failure) : resolve(number))
    })
  const outcomes = Promise.allSettled([0, 1, 2, 3].map((number) => turns.take(work(number))))
  await settled()
  expect(begun).toEqual([0, 1])
  ends[1]?.(new Error('it failed'))
  await settled()
  expect(begun).toEqual([0, 1, 2])
  ends[0]?.()
  ends[2]?.()
  await settled()
  expect(begun).toEqual([0, 1, 2, 3])
  ends[3]?.()
  expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
})

describe('a value that is large', () => {
  /** A ring that has it, those who hold it, and one who does not. */
  const stored = async (settings = {}) => {
    const world = new World({ seed: 7, settings })
    const ids = await world.boot(6)
    await world.run(20_000)
    world.demanding = false
    await world.call(ids[0] ?? '', 'store', { name, value: old })
    const holders = (await world.call(ids[0] ?? '', 'find', { key })).window.map(({ id }) => id)
    const stranger = ids.find((id) => !holders.includes(id)) ?? ''
    return { world, holders, stranger }
  }
  const lookup = (world: World, through: Id) => world.call(through, 'lookup', { key })
  /** What was asked of one, and what it said. */
  const listen = (world: World, id: Id) => {
    const heard = { told: [] as (string | null | undefined)[], fetched: 0 }
    const { get, fetch } = nodeOf(world, id).handlers
    replace(nodeOf(world, id), ['get'], async (request) => {
      const held: Held = await get(request)
      heard.told.push(...held.records.map(({ value }) => value))
      return held
    })
    replace(nodeOf(world, id), ['fetch'], async (request) => {
      const given = await fetch(request)
      heard.fetched += given.records.length
      return given
    })
    return heard
  }

  test('comes from one, who is asked for it apart; what the others say is that they have it', async () => {
    const { world, holders, stranger } = await stored()
    const heard = holders.map((id) => listen(world, id))
    const { values, hops, path } = await lookup(world, stranger)
    expect(values).toMatchObject([{ value: old, name }])
    expect([hops, path.length]).toEqual([2, 2])
    expect(heard.flatMap(({ told }) => told)).toEqual([undefined, undefined])
    expect(heard.reduce((sum, { fetched }) => sum + fetched, 0)).toBe(1)
  })

  test('is there through everyone, those who hold it among them', async () => {
    const { world } = await stored()
    for (const id of world.members()) expect(await lookup(world, id)).toMatchObject({ values: [{ value: old }] })
  })

  test('is given whole to whoever does not ask for less', async () => {
    const { world, holders } = await stored()
    expect(await world.call(holders[0] ?? '', 'get', { key })).toMatchObject({ records: [{ value: old }] })
  })

  test.each([
    ['have lost it', () => ({ records: [] })],
    ['give another', () => ({ records: [{ ...record(70_000), index: `n:${'0'.repeat(40)}` }] })],
    [
      'give one of another name',
      () => ({ records: [{ ...record(70_000), name: 'another', version: { hlc: `0${'f'.repeat(15)}`, origin: 'aa' } }] }),
    ],
    ['are in trouble', refuse('INTERNAL')],
    ['say that there is no such thing', refuse('NOT_FOUND')],
    ['say that it is too large', refuse('TOO_LARGE')],
  ])('comes from the last of those who told of it where the others %s', async (_what, answer) => {
    const { world, holders, stranger } = await stored()
    const [last, ...others] = holders
    for (const id of others) replace(nodeOf(world, id), ['fetch'], answer)
    expect(await lookup(world, stranger)).toMatchObject({ values: [{ value: old }], answeredBy: { id: expect.anything() } })
    replace(nodeOf(world, last ?? ''), ['fetch'], answer)
    const failure = await lookup(world, stranger).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(Refusal)
    expect(failure).toMatchObject({ status: 503 })
  })

  test('keeps nobody waiting for longer than one call when one who has it stops while a hundred ask', async () => {
    const { world, holders, stranger } = await stored({ membership: 'local' })
    const until = world.nowMs + 2 * world.config.callTimeoutMs
    const said = Array.from({ length: 100 }, () => world.ask(stranger, 'lookup', { key }))
    await world.run(5)
    world.pause(holders[1] ?? '', 600_000)
    await world.run(until - world.nowMs)
    expect(said.map(({ state }) => state)).toEqual(said.map(() => 'answered'))
  })

  test('is deleted without a look at it, also where nobody has it any more', async () => {
    const { world, holders, stranger } = await stored()
    const heard = holders.map((id) => listen(world, id))
    for (const id of holders) replace(nodeOf(world, id), ['fetch'], () => ({ records: [] }))
    expect(await world.call(stranger, 'removeBy', { name })).toMatchObject({ stored: 3 })
    expect(heard.map(({ fetched }) => fetched)).toEqual([0, 0, 0])
  })

  test('and is written anew while it is asked for is the new one, which all have that were asked', async () => {
    const { world, holders, stranger } = await stored()
    const [record] = (await world.call(holders[0] ?? '', 'get', { key })).records
    const asked: Id[] = []
    for (const id of holders) {
      const { fetch, get, insert } = nodeOf(world, id).handlers
      replace(nodeOf(world, id), ['get'], (request) => {
        asked.push(id)
        return get(request)
      })
      replace(nodeOf(world, id), ['fetch'], async (request) => {
        const version = { hlc: `${record?.version.hlc.slice(0, 12)}ffff`, origin: record?.version.origin ?? '' }
        await insert({ key, record: { ...record, version, value: young } as StoredRecord, with: holders })
        return fetch(request)
      })
    }
    expect(await lookup(world, stranger)).toMatchObject({ values: [{ value: young }] })
    expect(asked.length).toBeGreaterThan(1)
    for (const id of new Set(asked)) expect(await world.call(id, 'get', { key })).toMatchObject({ records: [{ value: young }] })
  })
})

describe('calls with large values', () => {
  const [me, well, suspect] = [peerAt(1), peerAt(2), peerAt(3)]
  const lookup = {
    visit: (_peer: Peer, ask: () => unknown) => ask(),
    isSuspect: (id: Id) => id === suspect.id,
  } as unknown as Lookup
  /** A node that waits for answers, and whom it has asked, in order. */
  const waiting = () => {
    const asked: string[] = []
    const answers: (() => void)[] = []
    const network = {
      call: (peer: Peer, name: string) => {
        asked.push(`${name} ${peer.url}`)
        return new Promise((resolve) => answers.push(() => resolve({ kept: [true] })))
      },
    } as unknown as Network<PeerApi>
    return { holders: new Holders(me, {} as Holdings, { network, hash }, 3), asked, answers }
  }
  const times = (count: number, word: string) => Array.from({ length: count }, () => word)

  test('are no more at once than have time, and small ones do not wait for them', async () => {
    const { holders, asked, answers } = waiting()
    const keep = (chars: number) => holders.keep(well, { records: [record(chars)], with: [] })
    const kept = [...Array.from({ length: 12 }, () => keep(70_000)), keep(10)]
    await settled()
    expect(asked).toEqual(times(5, `keep ${well.url}`))
    for (let at = 0; at < kept.length; at++) {
      answers[at]?.()
      await settled()
    }
    expect(await Promise.all(kept)).toEqual(kept.map(() => [true]))
  })

  test('to suspects keep nobody waiting', async () => {
    const { holders, asked } = waiting()
    const insert = (peer: Peer) => void holders.insert(peer, record(70_000), [], lookup)
    for (let count = 0; count < 12; count++) insert(suspect)
    for (let count = 0; count < 12; count++) insert(well)
    await settled()
    expect(asked).toEqual([...times(12, `insert ${suspect.url}`), ...times(4, `insert ${well.url}`)])
  })

  test('that wait for one that leaves others without an answer are told so, in whatever order those end', async () => {
    const ends: (() => void)[] = []
    const call = () =>
      new Promise((_resolve, reject) => ends.push(() => reject(new Unreachable(well.url, 'nothing within 1500 ms'))))
    const holders = new Holders(me, {} as Holdings, { network: { call } as unknown as Network<PeerApi>, hash }, 3)
    const keep = () => void holders.keep(well, { records: [record(70_000)], with: [] }).catch(() => {})
    for (let count = 0; count < 4; count++) keep()
    await settled()
    ends[0]?.()
    await settled()
    // Begins after one silence, and one more waits, until there are two, and then the third of those that began before any.
    keep()
    await settled()
    keep()
    ends[4]?.()
    ends[1]?.()
    await settled()
    expect(ends).toHaveLength(5)
  })
})

test.each([
  [1, 4],
  [2, 2],
  [2, 5],
  [3, 5],
])('of large values for one that misses a call only that call is lost: %i copies, %i nodes', async (replicas, count) => {
  const world = new World({ seed: 7, settings: { replicas, mode: 'onehop', membership: 'local' } })
  const ids = await world.boot(count)
  await world.run(20_000)
  world.demanding = false
  const [through = '', slow = ''] = ids
  const names: string[] = []
  for (let number = 0; names.length < 60; number++) {
    const { window } = await world.call(through, 'find', { key: hash(`name ${number}`) })
    if (window[0]?.id === slow && (replicas > 1 || window.every(({ id }) => id !== through))) names.push(`name ${number}`)
  }
  const { keep } = nodeOf(world, slow).handlers
  let calls = 0
  replace(nodeOf(world, slow), ['keep'], async (request) => {
    if (calls++ === 0) return new Promise(() => {})
    await new Promise<void>((resume) => world.host(slow).after(0.4 * world.config.callTimeoutMs, resume))
    return keep(request)
  })
  const said = names.map((one) => world.ask(through, 'store', { name: one, value: one.padEnd(600_000, '-') }))
  await world.run(30_000)
  // One convoy is two of these.
  expect(said.filter(({ state }) => state !== 'answered').length).toBeLessThanOrEqual(2)
})

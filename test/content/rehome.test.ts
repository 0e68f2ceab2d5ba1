import { expect, test } from 'vitest'
import { overlayNames } from '../../src/overlay/overlays.ts'
import { Refusal } from '../../src/protocol/errors.ts'
import type { Id } from '../../src/space/id.ts'
import { epochMs, hash } from '../../src/sim/host.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'
import { nodeOf, refuse, replace, whole } from '../overlay/worlds.ts'
import { type StillNode, StillRing } from './still-ring.ts'

const fill = async (world: World, id: Id, count: number) => {
  for (let number = 0; number < count; number++) await world.call(id, 'store', { value: `value ${number}` })
}

const dayMs = 24 * 3600_000

/** One copy of each record: whatever moves has to. */
const alone = { replicas: 1 }

test('a leave that was given up hands everything over again the next time', async () => {
  const world = new World({ seed: 1, settings: alone })
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

/** What a node says of an arc that has so much on it, whatever there is. */
const saying = (to: Id, count: number) => ({
  parts: [{ to, count, print: 'f'.repeat(16) }],
  held: false,
  shared: false,
  complete: [],
  witnessed: [],
  doubting: false,
  forgotten: 0,
  knowsFrom: 0,
  knew: 0,
})

/** A node may leave when it is told to. */
const goes = async (world: World, id: Id) => {
  world.demanding = false
  world.leave(id)
  await world.until(
    () => world.host(id).node === undefined,
    60_000,
    () => `still ${nodeOf(world, id).state}`,
  )
}

/** Someone joins, and may leave. */
const comesAndGoes = async (world: World, before = () => {}) => {
  const joiner = world.add()
  await world.until(
    () => nodeOf(world, joiner).state === 'ready',
    60_000,
    () => nodeOf(world, joiner).state,
  )
  await world.run(2000)
  before()
  await goes(world, joiner)
}

test('a donor whose pages never end keeps nobody from leaving', async () => {
  const world = new World({ seed: 2, settings: alone })
  const [donor = ''] = await world.boot(1)
  const { handlers } = nodeOf(world, donor)
  handlers.digest = ({ arcs }) => ({ digests: arcs.map(({ to }) => saying(to, 5)) })
  let pages = 0
  handlers.records = () => ({ records: [], next: String(pages++) })
  await comesAndGoes(world)
  expect(pages).toBeGreaterThan(0)
})

test('a member of the window whose lists never end keeps nobody from leaving', async () => {
  const world = new World({ seed: 2 })
  const [one = '', other = ''] = await world.boot(2)
  await fill(world, one, 20)
  const { handlers } = nodeOf(world, one)
  const { digest, versions } = handlers
  handlers.digest = ({ arcs }) => ({
    digests: arcs.map((arc) => ({ ...saying(arc.to, 5), held: true, complete: [{ from: arc.from, to: arc.to }] })),
  })
  let pages = 0
  handlers.versions = (request) => {
    // Whoever has begun gets no end.
    if (pages > 0 && request.after?.startsWith('page') !== true) return versions(request)
    const index = `v:${(pages++).toString(16).padStart(40, '0')}`
    return { entries: [{ index, version: { hlc: '0'.repeat(16), origin: 'aa' } }], next: `page ${pages}` }
  }
  await world.until(
    () => pages > 0,
    60_000,
    () => 'nobody has asked',
  )
  handlers.digest = digest
  await goes(world, other)
})

test('a donor whose digests never divide keeps nobody from leaving', async () => {
  const world = new World({ seed: 2, settings: alone })
  const [donor = ''] = await world.boot(1)
  nodeOf(world, donor).handlers.digest = ({ arcs }) => ({ digests: arcs.map(({ to }) => saying(to, 1_000_000)) })
  await comesAndGoes(world)
})

test('a donor that says it has no end of records and gives the same one for ever is given up, and keeps nobody from leaving', async () => {
  const world = new World({ seed: 2, settings: alone })
  const [donor = ''] = await world.boot(1)
  await fill(world, donor, 1)
  const { handlers } = nodeOf(world, donor)
  const { digest } = handlers
  const [record] = (await handlers.records({ from: donor, to: donor, limit: 1 })).records
  if (!record) throw new Error('it was not stored')
  handlers.digest = ({ arcs }) => ({ digests: arcs.map(({ to }) => saying(to, 2 ** 32)) })
  let pages = 0
  handlers.records = () => {
    pages++
    return { records: [record], next: `${record.key}/${record.index}` }
  }
  await comesAndGoes(world, () => {
    handlers.digest = digest
  })
  expect(pages).toBeGreaterThan(0)
  // Two in each of some passes.
  expect(pages).toBeLessThan(50)
})

test('a digest whose parts overlap is none', async () => {
  const world = new World({ seed: 2 })
  const [one = '', other = ''] = await world.boot(2)
  await fill(world, one, 20)
  const { handlers } = nodeOf(world, one)
  const print = 'f'.repeat(16)
  const claim = { held: true, shared: true, witnessed: [], doubting: false, forgotten: 0, knowsFrom: 0, knew: 0 }
  let asked = 0
  let longest = 0
  handlers.digest = ({ arcs }) => {
    asked++
    longest = Math.max(longest, arcs.length)
    const parts = (to: Id) => [...Array.from({ length: 15 }, () => ({ to: one, count: 1e6, print })), { to, count: 1e6, print }]
    return { digests: arcs.map(({ from, to }) => ({ ...claim, complete: [{ from, to }], parts: parts(to) })) }
  }
  await world.run(60_000)
  expect(asked).toBeGreaterThan(0)
  expect(asked).toBeLessThan(200)
  expect(nodeOf(world, other).info().content.moving).toBe(0)
})

test.each<[string, <T>(digests: T[]) => T[]]>([
  ['none at all', () => []],
  ['one too few', (digests) => digests.slice(1)],
  ['one too many', (digests) => [...digests, ...digests.slice(0, 1)]],
])(
  'a node that answers with %s of the digests is one that does not answer: it is compared with again',
  async (_what, change) => {
    const world = new World({ seed: 2 })
    const [one = '', other = ''] = await world.boot(2)
    const { handlers } = nodeOf(world, one)
    const { digest } = handlers
    handlers.digest = async (request) => ({ digests: change((await digest(request)).digests) })
    await fill(world, one, 20)
    const newcomer = world.add()
    await world.run(30_000)
    expect(nodeOf(world, newcomer).info().content.complete).toBe(false)
    handlers.digest = digest
    await whole(world, [one, other, newcomer])
  },
)

test('when a page fails no other is fetched, and nothing is on its way in the end', async () => {
  const world = new World({ seed: 3, settings: alone })
  const [donor = ''] = await world.boot(1)
  await fill(world, donor, 4000)
  const { handlers } = nodeOf(world, donor)
  const { records } = handlers
  let calls = 0
  handlers.records = (request) => {
    if (++calls === 2) throw new Refusal('OVERLOADED', 'busy')
    return records(request)
  }
  const joiner = world.add()
  const content = () => nodeOf(world, joiner).info().content
  await world.until(
    () => world.host(joiner).node !== undefined && content().complete,
    60_000,
    () => JSON.stringify(content()),
  )
  await world.run(5000)
  expect(content().moving).toBe(0)
})

test('a newcomer that those of its window had not heard of says that it is complete once it has everything, and rests no more', async () => {
  const world = new World({ seed: 3 })
  const ids = await world.boot(2)
  await fill(world, world.anyone(), 300)
  // Whatever changes makes a pass be made again.
  let isCalm = false
  let pages = 0
  for (const id of ids) {
    const { handlers } = nodeOf(world, id)
    const { digest, records } = handlers
    handlers.digest = async (request) => {
      if (!isCalm) throw new Refusal('OVERLOADED', 'busy')
      const shared = pages > 0
      const { digests } = await digest(request)
      return { digests: digests.map((one) => ({ ...one, shared })) }
    }
    handlers.records = (request) => {
      pages++
      return records(request)
    }
  }
  const joiner = world.add()
  const content = () => world.host(joiner).node?.info().content
  const seen = () => JSON.stringify(content())
  await world.run(10_000)
  isCalm = true
  const held = () => (content()?.owned ?? 0) + (content()?.replicas ?? 0)
  await world.until(() => held() === 300, 60_000, seen)
  expect(content()?.complete).toBe(false)
  await world.until(() => content()?.complete === true, 150, seen)
})

test('two who come side by side are complete, whatever is written meanwhile', async () => {
  const world = new World({ seed: 42, settings: { bits: 16, allowCustomIds: true } })
  const ids = ['1000', '3000', '5000', '7000', '9000', 'b000']
  for (const id of ids) {
    world.add({ id })
    await world.settle()
  }
  await fill(world, '1000', 100)
  await world.run(60_000)
  world.weather = { ...calm, delayMinMs: 20, delayMaxMs: 40 }
  // Its key lies before both.
  const name = Array.from({ length: 100 }, (_, number) => `name ${number}`).find((one) => /^4[0-9a-d]/.test(hash(one)))
  if (name === undefined) throw new Error('no such name')
  const joiners = ['4e00', '4f00']
  for (const id of joiners) world.add({ id })
  const areWhole = () => joiners.every((id) => world.host(id).node?.info().content.complete)
  for (let turn = 0; turn < 1500 && !areWhole(); turn++) {
    world.ask(ids[turn % ids.length] ?? '', 'store', { name, value: `value ${turn}` })
    await world.run(20)
  }
  expect(areWhole()).toBe(true)
})

test('those who remember different forgotten deletions are complete after all have restarted', async () => {
  const world = new World({ seed: 21 })
  const ids = await world.boot(3)
  await whole(world, ids)
  await world.run(130_000)
  world.demanding = false
  for (const id of ids) world.crash(id)
  for (const id of ids) {
    const { durable } = world.host(id).disk
    const memo = JSON.parse(durable.memo ?? '') as { times: [number, number][] }
    durable.remember(JSON.stringify({ ...memo, times: [[epochMs - 20 * dayMs, memo.times.at(-1)?.[1]]] }))
    const index = hash(`gone at ${id}`)
    const hlc = `${(epochMs - 10 * dayMs).toString(16).padStart(12, '0')}0000`
    durable.write({ key: index, index: `v:${index}`, value: null, contentType: 'text/plain', version: { hlc, origin: id } })
  }
  const peers = ids.map((id) => world.peer(id))
  for (const id of ids) world.restart(id, peers)
  await whole(world, ids)
})

test('a cell that is lost and comes back within one pass is not complete', async () => {
  const settings = { bits: 8, allowCustomIds: true, callTimeoutMs: 30_000, operationTimeoutMs: 40_000, rehomeEveryMs: 600_000 }
  const world = new World({ seed: 22, settings })
  const ids = ['10', '20', '30', '40', '50', '60', '70', '80', '90', 'a0', 'b0', 'c0']
  for (const id of ids) {
    world.add({ id })
    await world.settle()
  }
  await whole(world, ids)
  await world.run(30_000)
  world.demanding = false
  // A pass of 80 waits for one of its neighbours.
  const { handlers } = nodeOf(world, 'a0')
  const { digest } = handlers
  let waits = false
  handlers.digest = async (request) => {
    if (request.by === '80' && !waits) {
      waits = true
      await new Promise<void>((resolve) => world.host('a0').after(25_000, resolve))
    }
    return digest(request)
  }
  const holds = () =>
    nodeOf(world, '80')
      .overlay.cells()
      .some(({ from }) => from === '50')
  const shown = () => JSON.stringify(nodeOf(world, '80').overlay.cells())
  world.crash('90')
  await world.until(
    () => waits,
    30_000,
    () => 'nobody asks',
  )
  world.add({ id: '65' })
  await world.until(() => !holds(), 5000, shown)
  await world.run(300)
  const value = Array.from({ length: 200 }, (_, number) => `value ${number}`).find((one) => /^5[1-9a-f]/.test(hash(one))) ?? ''
  const { key, stored } = await world.call('60', 'store', { value })
  expect(stored).toBe(3)
  await world.run(16_000)
  world.crash('65')
  await world.until(holds, 60_000, shown)
  for (let turn = 0; turn < 400; turn++) {
    await world.run(50)
    const miss = await world.call('80', 'get', { key }).then(
      () => undefined,
      (error: unknown) => (error as Refusal).details,
    )
    expect(miss).not.toMatchObject({ held: true, complete: true })
  }
})

test('an heir that fails leaves the leaver ready, not a zombie', async () => {
  const world = new World({ seed: 3, settings: alone })
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
  const world = new World({ seed: 4, settings: alone })
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
  await world.until(
    () => nodeOf(world, other).state === 'ready',
    30_000,
    () => nodeOf(world, other).state,
  )
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

test.each(['successor', 'predecessor'] as const)(
  'the last one left over still has everything, and says so at once, with ownership by the %s',
  async (ownership) => {
    const world = new World({ seed: 7, settings: { ownership } })
    const ids = await world.boot(3)
    await whole(world, ids)
    const [last = '', ...others] = ids
    await world.call(last, 'store', { value: 'hello', name: 'motd' })
    world.demanding = false
    for (const id of others) {
      world.leave(id)
      await world.until(
        () => !world.host(id).node,
        60_000,
        () => `${id} runs`,
      )
    }
    await world.until(
      () => nodeOf(world, last).overlay.neighbors().length === 0,
      10_000,
      () => 'it is not alone',
    )
    expect(await world.call(last, 'lookupBy', { name: 'motd' })).toMatchObject({ values: [{ value: 'hello' }] })
    expect(await world.call(last, 'store', { value: 'again', name: 'motd' })).toMatchObject({ stored: 1 })
    await expect(world.call(last, 'lookupBy', { value: 'nothing' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  },
)

test('a goodbye of long ago does not make one that has lost everyone vouch for what it has', async () => {
  const world = new World({ seed: 3, settings: { bits: 8, allowCustomIds: true } })
  world.demanding = false
  const add = async (id: Id) => {
    world.add({ id })
    await world.settle()
  }
  for (const id of ['10', 'f0']) await add(id)
  world.stop('f0')
  await world.until(
    () => !world.host('f0').node && world.law.mayReturn('f0'),
    60_000,
    () => 'f0 runs',
  )
  await world.run(5000)
  world.restart('f0')
  await world.settle()
  for (const id of ['30', '50', '70', '90']) await add(id)
  await world.run(120_000)
  const isReplica = async (name: string) =>
    (await world.call('50', 'findBy', { name })).window.findIndex(({ id }) => id === '10') > 0
  let name = 'n0'
  for (let number = 1; !(await isReplica(name)); number++) name = `n${number}`
  await world.call('50', 'storeNamed', { name, value: 'old' })
  await world.run(30_000)
  world.partition(['10'], ['30', '50', '70', '90', 'f0'])
  await world.run(1000)
  await world.call('50', 'storeNamed', { name, value: 'new' })
  await world.run(4000)
  await expect(world.call('10', 'lookupBy', { name })).rejects.toMatchObject({
    code: expect.stringMatching(/NOT_JOINED|INCONCLUSIVE/) as string,
  })
})

test('a fetch that takes longer than a finger refresh comes to an end', async () => {
  const world = new World({ seed: 8, settings: { refreshFingersEveryMs: 10 } })
  const [donor = ''] = await world.boot(1)
  await fill(world, donor, 3000)
  const { handlers } = nodeOf(world, donor)
  const { records } = handlers
  let pages = 0
  handlers.records = (request) => {
    pages++
    return records(request)
  }
  world.weather = { ...calm, delayMinMs: 50, delayMaxMs: 60 }
  world.add()
  await world.run(20_000)
  const asked = pages
  expect(asked).toBeGreaterThan(0)
  await world.run(60_000)
  expect(pages).toBe(asked)
})

/** Counts the calls of some rows at every node, and the arcs and their parts that are compared. */
const counting = (world: World, ids: readonly Id[]) => {
  const calls = { digest: 0, versions: 0, records: 0, fetch: 0, merge: 0, arcs: 0, parts: 0 }
  for (const id of ids) {
    const { handlers } = nodeOf(world, id)
    const { digest } = handlers
    handlers.digest = async (request) => {
      const reply = await digest(request)
      calls.arcs += reply.digests.length
      for (const { parts } of reply.digests) calls.parts += parts.length
      return reply
    }
    for (const name of ['digest', 'versions', 'records', 'fetch', 'merge'] as const) {
      const handle = handlers[name] as (request: unknown) => unknown
      Object.assign(handlers, {
        [name]: (request: unknown) => {
          calls[name]++
          return handle(request)
        },
      })
    }
  }
  return calls
}

/** Stores a value while the last of them takes nothing. */
const missOne = async (world: World, [one = '', , late = '']: readonly Id[]) => {
  const { handlers } = nodeOf(world, late)
  const { insert } = handlers
  handlers.insert = () => {
    throw new Refusal('OVERLOADED', 'busy')
  }
  const { stored } = await world.call(one, 'store', { value: 'hello' })
  expect(stored).toBe(2)
  handlers.insert = insert
}

test('nodes that agree exchange fingerprints only, and for one difference not much more, whatever they hold', async () => {
  const world = new World({ seed: 9 })
  const ids = await world.boot(3)
  await fill(world, ids[0] ?? '', 2000)
  await whole(world, ids)
  const calls = counting(world, ids)
  await world.run(60_000)
  expect(calls).toMatchObject({ versions: 0, records: 0, fetch: 0, merge: 0 })
  const idle = calls.digest
  expect(calls.parts).toBe(calls.arcs)
  await missOne(world, ids)
  await world.run(60_000)
  // Each of the three cells once, and then by 16 and 16 down to a part of a few records.
  expect(calls.digest).toBeLessThan(2 * idle + 6)
  expect(calls.versions).toBeGreaterThan(0)
  expect(calls.versions).toBeLessThan(4)
  expect(calls.fetch + calls.merge).toBeLessThan(4)
})

test('a newcomer is given each record once', async () => {
  const world = new World({ seed: 15 })
  const ids = await world.boot(6)
  await fill(world, ids[0] ?? '', 600)
  await whole(world, ids)
  const newcomer = world.add()
  await world.until(
    () => world.host(newcomer).node !== undefined,
    60_000,
    () => 'it does not run',
  )
  const { handlers } = nodeOf(world, newcomer)
  const { merge } = handlers
  let given = 0
  handlers.merge = (request) => {
    given += request.records.length
    return merge(request)
  }
  const calls = counting(world, ids)
  await whole(world, [...ids, newcomer])
  await world.run(60_000)
  expect(given).toBe(0)
  expect(calls.records).toBeGreaterThan(0)
})

test('what no one has had all of is complete once several have had it, part by part', async () => {
  const world = new World({ seed: 16, settings: { ...alone, bits: 8, allowCustomIds: true } })
  for (const id of ['10', '20']) {
    world.add({ id })
    await world.settle()
  }
  const halves = [
    ['10', { from: '20', to: '80' }],
    ['20', { from: '80', to: 'f0' }],
  ] as const
  for (const [id, half] of halves) {
    const { handlers } = nodeOf(world, id)
    const { digest } = handlers
    handlers.digest = async (request) => {
      const { digests } = await digest(request)
      return { digests: digests.map((said) => ({ ...said, complete: [half], witnessed: [half] })) }
    }
  }
  world.add({ id: 'f0' })
  await world.until(
    () => world.snapshot().has('f0') && nodeOf(world, 'f0').info().content.complete,
    5000,
    () => JSON.stringify(nodeOf(world, 'f0').info().content),
  )
})

test('a pass asks each neighbour once, however many cells are compared with it', async () => {
  const world = new World({ seed: 14, settings: { overlay: 'kademlia' } })
  const ids = await world.boot(12)
  await whole(world, ids)
  const calls = counting(world, ids)
  await world.run(60_000)
  expect(calls.digest).toBeLessThan(calls.arcs / 2)
})

test('a record that most of its window have comes to the one that lacks it', async () => {
  const world = new World({ seed: 10 })
  const ids = await world.boot(3)
  await whole(world, ids)
  const [one = '', other = '', late = ''] = ids
  await missOne(world, ids)
  await world.until(
    () => [one, other, late].every((id) => nodeOf(world, id).info().content.bytes > 0),
    60_000,
    () => 'it still lacks it',
  )
})

test('a value is read from the one node that has it, a miss from most that should', async () => {
  const world = new World({ seed: 11 })
  const ids = await world.boot(5)
  await whole(world, ids)
  await world.call(ids[0] ?? '', 'store', { value: 'hello' })
  for (const id of ids) {
    const { hops, values } = await world.call(id, 'lookupBy', { value: 'hello' })
    expect(values.map(({ value }) => value)).toEqual(['hello'])
    expect(hops).toBeLessThan(2)
  }
  await expect(world.call(ids[1] ?? '', 'lookupBy', { value: 'nothing' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('a value that somebody stored for ever does not end with the time of whoever stores it as well', async () => {
  const world = new World({ seed: 12 })
  const ids = await world.boot(3)
  await whole(world, ids)
  const [one = '', other = ''] = ids
  await world.call(one, 'store', { value: 'hello' })
  await world.call(other, 'store', { value: 'hello', ttlSeconds: 1 })
  await world.run(5000)
  await expect(world.call(one, 'lookupBy', { value: 'hello' })).resolves.toMatchObject({ values: [{ value: 'hello' }] })
})

// Each of them was kept: a node wants one for every write that strays, and passes do not end while somebody has no room.
test('whoever wants a pass while others are made without end does not wait for their end', async () => {
  const ring = new StillRing(4, 'fingers')
  const [one, ...others] = ring.nodes as [StillNode, ...StillNode[]]
  for (const { me } of others) ring.refusing.add(me.id)
  const { rehoming } = one.content
  let hasEnded = false
  void rehoming.run().then(() => (hasEnded = true))
  expect(await ring.outcome(rehoming.run())).toEqual({ reply: undefined })
  expect(hasEnded).toBe(false)
})

// They went at 200 looked at in a pass: of a busy network's there were ever more.
test('tombstones of beyond the horizon go faster than they can have come', async () => {
  const world = new World({ seed: 1, settings: { membership: 'off' } })
  const [id = ''] = await world.boot(1)
  await world.run(20_000)
  world.demanding = false
  world.crash(id)
  const now = epochMs + world.nowMs
  const { durable } = world.host(id).disk
  const everywhere = [{ from: '0'.repeat(40), to: '0'.repeat(40) }]
  durable.remember(JSON.stringify({ knowsFrom: 0, times: [[now - 20 * dayMs, now]], complete: everywhere, window: 1 }))
  for (let number = 0; number < 5000; number++) {
    const index = `v:${hash(`value ${number}`)}`
    const version = { hlc: `${(now - 8 * dayMs + number * 50).toString(16).padStart(12, '0')}0000`, origin: 'aa' }
    durable.write({ key: index.slice(2), index, value: null, contentType: 'text/plain', version })
  }
  world.restart(id)
  await world.run(60_000)
  expect(world.host(id).store.size).toBe(0)
})

// With no more nodes than copies nobody takes it in the place of who missed it: it was shown there for some ten seconds, or an hour.
test.each(overlayNames)('who of three has missed a deletion hears of it at once, in %s', async (overlay) => {
  const world = new World({ seed: 4, encode: false, settings: { overlay } })
  const [entry = '', missing = ''] = await world.boot(3)
  await world.run(60_000)
  const value = 'hello'
  await world.call(entry, 'store', { value })
  await world.run(40_000)
  const restore = replace(nodeOf(world, missing), ['insert', 'keep', 'merge'], refuse('OVERLOADED'))
  expect(await world.call(entry, 'removeBy', { value })).toMatchObject({ stored: 2 })
  restore()
  await world.run(2000)
  await expect(world.call(missing, 'lookupBy', { value })).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

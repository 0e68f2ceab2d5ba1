/** A member whose pages and lists lead on, and have no end: each of them is sound in form, and it says that it has that many. */
import { expect, test } from 'vitest'
import { Refusal } from '../../src/protocol/errors.ts'
import type { Id } from '../../src/space/id.ts'
import { type Arc, idAfter } from '../../src/space/ring.ts'
import { hash } from '../../src/sim/host.ts'
import { World } from '../../src/sim/world.ts'
import { leadsOn } from '../../src/content/transfer.ts'
import { nodeOf } from '../overlay/worlds.ts'

const print = 'f'.repeat(16)
const many = 2 ** 32
const claim = { held: true, shared: true, witnessed: [], doubting: false, forgotten: 0, knowsFrom: 0, knew: 0 }
const version = { hlc: '0'.repeat(16), origin: 'aa' }

/** That it has had everything, so much of it, and that nobody has the same. */
const saysDifferent =
  (count: number) =>
  ({ arcs }: { readonly arcs: readonly Arc[] }) => ({
    digests: arcs.map(({ from, to }) => ({ ...claim, complete: [{ from, to }], parts: [{ to, count, print }] })),
  })

const filled = async () => {
  const world = new World({ seed: 2, encode: false })
  const ids = await world.boot(5)
  for (let number = 0; number < 40; number++) await world.call(ids[0] ?? '', 'store', { value: `value ${number}` })
  await world.run(60_000)
  world.demanding = false
  return { world, ids }
}

/** How much newcomers have, two minutes after they came to five of whom one answers so. */
const copiesBeside = async (lie: (world: World, liar: Id) => void): Promise<number> => {
  const { world, ids } = await filled()
  lie(world, ids[1] ?? '')
  const newcomers = [world.add(), world.add(), world.add(), world.add()]
  await world.until(
    () => newcomers.every((id) => world.members().includes(id)),
    60_000,
    () => `members are ${world.members()}`,
  )
  await world.run(120_000)
  return copiesOf(world, newcomers)
}

const copiesOf = (world: World, ids: readonly Id[]): number =>
  ids.map((id) => nodeOf(world, id).info().content).reduce((sum, { owned, replicas }) => sum + owned + replicas, 0)

/** Does not say what it has. */
const refuses = (world: World, liar: Id) => {
  nodeOf(world, liar).handlers.digest = () => {
    throw new Refusal('OVERLOADED', 'busy')
  }
}

test('a member whose records lead on for ever keeps nobody from being given what others have', async () => {
  const next = (from: Id, after = from) => idAfter(after.split('/')[0] ?? from)
  const lied = await copiesBeside((world, liar) => {
    const { handlers } = nodeOf(world, liar)
    handlers.digest = saysDifferent(many)
    handlers.records = ({ from, after }) => {
      const key = next(from, after)
      const record = { key, index: `v:${key}`, value: 'x', contentType: 'text/plain', version }
      return { records: [record], next: `${key}/${record.index}` }
    }
    handlers.versions = ({ from, after }) => {
      const key = next(from, after)
      return { entries: [{ index: `v:${key}`, version }], next: `${key}/v:${key}` }
    }
  })
  expect(lied).toBeGreaterThanOrEqual(await copiesBeside(refuses))
})

test('a member whose lists lead on for ever keeps nobody from leaving', async () => {
  const { world, ids } = await filled()
  const [, liar = '', leaver = ''] = ids.toSorted()
  const { handlers } = nodeOf(world, liar)
  const nothing = { count: 0, print: '0'.repeat(16) }
  handlers.digest = ({ arcs }) => ({
    digests: arcs.map(({ from, to }) => {
      const first = { to: idAfter(from), count: many, print }
      return { ...claim, complete: [{ from, to }], parts: first.to === to ? [first] : [first, { to, ...nothing }] }
    }),
  })
  let pages = 0
  handlers.versions = ({ to }) => {
    const index = `v:${(pages++).toString(16).padStart(40, '0')}`
    return { entries: [{ index, version }], next: `${to}/${index}` }
  }
  world.leave(leaver)
  await world.until(
    () => world.host(leaver).node === undefined,
    300_000,
    () => `${nodeOf(world, leaver).state} after ${pages} pages`,
  )
  expect(pages).toBeGreaterThan(0)
})

/** Says that it differs everywhere, and gives lists without entries. */
const listsNothing = (world: World, liar: Id) => {
  const { handlers } = nodeOf(world, liar)
  handlers.digest = saysDifferent(1)
  let pages = 0
  handlers.versions = ({ to }) => ({ entries: [], next: `${to}/v:${(pages++).toString(16).padStart(40, '0')}` })
}

const isGone = (world: World, leaver: Id) =>
  world.until(
    () => world.host(leaver).node === undefined,
    300_000,
    () => nodeOf(world, leaver).state,
  )

test('nor do lists without entries, however they lead on', async () => {
  const { world, ids } = await filled()
  const [, liar = '', leaver = ''] = ids.toSorted()
  listsNothing(world, liar)
  world.leave(leaver)
  await isGone(world, leaver)
})

test('nor do these keep others from making copies anew', async () => {
  const copiesAfter = async (lie: (world: World, liar: Id) => void): Promise<number> => {
    const { world, ids } = await filled()
    const [liar = '', crashed = '', ...others] = ids.toSorted()
    lie(world, liar)
    await world.run(30_000)
    world.crash(crashed)
    await world.run(100_000)
    return copiesOf(world, others)
  }
  expect(await copiesAfter(listsNothing)).toBeGreaterThanOrEqual(await copiesAfter(refuses))
})

test('nor do digests that can be divided again and again', async () => {
  const { world, ids } = await filled()
  const [, liar = '', leaver = ''] = ids.toSorted()
  const { handlers } = nodeOf(world, liar)
  const own = handlers.digest
  const circle = 1n << 160n
  const divided = ({ from, to }: Arc) => {
    const first = BigInt(`0x${from}`)
    const size = (BigInt(`0x${to}`) - first + circle) % circle || circle
    const count = size < 16n ? size : 16n
    return Array.from({ length: Number(count) }, (_, at) => {
      const end = (first + (size * BigInt(at + 1)) / count) % circle
      return { to: end.toString(16).padStart(40, '0'), count: 1e6, print }
    })
  }
  handlers.digest = (request) =>
    request.by === leaver
      ? { digests: request.arcs.map((arc) => ({ ...claim, complete: [arc], parts: divided(arc) })) }
      : own(request)
  handlers.versions = () => ({ entries: [] })
  world.leave(leaver)
  await isGone(world, leaver)
})

test('pages of one and the same record that lead on keep nobody from being given what others have', async () => {
  const lied = await copiesBeside((world, liar) => {
    const { handlers } = nodeOf(world, liar)
    handlers.digest = saysDifferent(many)
    const key = hash('x')
    const record = { key, index: `v:${key}`, value: 'x', contentType: 'text/plain', version }
    handlers.records = ({ from, after }) => ({
      records: [record],
      next: `${idAfter(after?.split('/')[0] ?? from)}/${record.index}`,
    })
    handlers.versions = () => ({ entries: [] })
  })
  expect(lied).toBeGreaterThanOrEqual(await copiesBeside(refuses))
})

test('nor do pages on which one and the same sound record goes before one that is not', async () => {
  let pages = 0
  const lied = await copiesBeside((world, liar) => {
    const { handlers } = nodeOf(world, liar)
    handlers.digest = saysDifferent(many)
    const key = hash('x')
    const sound = { key, index: `v:${key}`, value: 'x', contentType: 'text/plain', version }
    handlers.records = ({ from, after }) => {
      pages++
      const at = idAfter(after?.split('/')[0] ?? from)
      const unsound = { ...sound, key: at, index: `v:${at}` }
      return { records: [sound, unsound], next: `${at}/${unsound.index}` }
    }
    handlers.versions = () => ({ entries: [] })
  })
  expect(pages).toBeLessThan(100)
  expect(lied).toBeGreaterThanOrEqual(await copiesBeside(refuses))
})

test.each([
  ['the circle from zero on', { from: '80', to: '80' }, undefined, '00/v:1', true],
  ['on along it', { from: '80', to: '80' }, '10/v:1', '90/v:1', true],
  ['back along it', { from: '80', to: '80' }, '90/v:1', '10/v:1', false],
  ['beyond zero', { from: 'f0', to: '20' }, 'f8/v:1', '08/v:1', true],
  ['back beyond zero', { from: 'f0', to: '20' }, '08/v:1', 'f8/v:1', false],
  ['to the next index', { from: '00', to: '80' }, '10/v:1', '10/v:2', true],
  ['to the same again', { from: '00', to: '80' }, '10/v:1', '10/v:1', false],
  ['off the arc', { from: '00', to: '80' }, '10/v:1', '90/v:1', false],
  ['after its end', { from: '00', to: '80' }, '80/v:1', '10/v:1', false],
] as const)('whether a cursor leads on: %s', (_where, arc, before, after, leads) =>
  expect(leadsOn(arc, before, after)).toBe(leads),
)

/** A member whose pages and lists lead on, and have no end: each of them is sound in form, and it says that it has that many. */
import { expect, test } from 'vitest'
import { Refusal } from '../../src/protocol/errors.ts'
import type { Id } from '../../src/space/id.ts'
import { idAfter } from '../../src/space/ring.ts'
import { World } from '../../src/sim/world.ts'
import { nodeOf } from '../overlay/worlds.ts'

const print = 'f'.repeat(16)
const many = 1e15
const claim = { held: true, shared: true, witnessed: [], doubting: false, forgotten: 0, knowsFrom: 0, knew: 0 }
const version = { hlc: '0'.repeat(16), origin: 'aa' }

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
  return newcomers.map((id) => nodeOf(world, id).info().content).reduce((sum, { owned, replicas }) => sum + owned + replicas, 0)
}

test('a member whose records lead on for ever keeps nobody from being given what others have', async () => {
  const next = (from: Id, after = from) => idAfter(after.split('/')[0] ?? from)
  const lied = await copiesBeside((world, liar) => {
    const { handlers } = nodeOf(world, liar)
    handlers.digest = ({ arcs }) => ({
      digests: arcs.map(({ from, to }) => ({ ...claim, complete: [{ from, to }], parts: [{ to, count: many, print }] })),
    })
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
  const refused = await copiesBeside((world, liar) => {
    nodeOf(world, liar).handlers.digest = () => {
      throw new Refusal('OVERLOADED', 'busy')
    }
  })
  expect(lied).toBeGreaterThanOrEqual(refused)
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

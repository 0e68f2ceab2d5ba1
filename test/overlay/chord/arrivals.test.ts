/** Many who come between the same nodes at the same time: who has not been acknowledged owns nothing, and news of who is nearer travels at once. */
import { describe, expect, test } from 'vitest'
import { Table } from '../../../src/overlay/chord/table.ts'
import { World } from '../../../src/sim/world.ts'
import type { Id } from '../../../src/space/id.ts'
import { nodeOf, sorted } from '../worlds.ts'

const peer = (id: Id) => ({ id, url: `http://node-${id}.example:1` })
const options = { replicas: 3, ownership: 'successor', successors: 5 } as const

describe('a joiner', () => {
  const joined = () => {
    const table = new Table(peer('50'), options)
    table.enter(peer('10'), [peer('90'), peer('d0'), peer('10')])
    return table
  }

  test('owns nothing, and sends lookups to the one before it', () => {
    const table = joined()
    expect(table.cells()).toEqual([])
    expect(table.route('30', 1, new Set(), 'fingers')).toMatchObject({ peers: [peer('10'), peer('d0')], final: false })
    expect(table.predecessor).toEqual(peer('10'))
  })

  test('owns its arc once one who is acknowledged has it for its successor', () => {
    const table = joined()
    const { revision } = table
    expect(table.adoptPredecessors([peer('10'), peer('d0')])).toBe(true)
    expect(table.revision).toBeGreaterThan(revision)
    expect(table.cells()[0]).toMatchObject({ from: '10', to: '50' })
    expect(table.route('30', 1, new Set(), 'fingers')).toEqual({ peers: [peer('50')], final: true })
  })

  test('waits as long as the one before it waits itself', () => {
    const table = joined()
    expect(table.adoptPredecessors([peer('40')])).toBe(true)
    expect(table.cells()).toEqual([])
    expect(table.predecessors).toEqual([peer('40'), peer('10')])
  })
})

test('who has had a predecessor keeps what came before a newcomer', () => {
  const table = new Table(peer('90'), options)
  table.adoptSuccessors([peer('d0'), peer('10'), peer('90')])
  table.adoptPredecessors([peer('10'), peer('d0')])
  const before = table.cells().map(({ from, to }) => `${from} ${to}`)
  table.adoptPredecessors([peer('50')])
  expect(table.predecessors).toEqual([peer('50'), peer('10'), peer('d0')])
  expect(table.cells().map(({ from, to }) => `${from} ${to}`)).toEqual(['50 90', '10 50', 'd0 10'])
  expect(before).toEqual(['10 90', 'd0 10', '90 d0'])
})

describe.each(['off', 'local'] as const)('while many join three nodes at once, membership %s,', (membership) => {
  test.each([1, 3, 5, 6])(
    'what was acknowledged is found through everyone, and all is complete soon: world %i',
    async (seed) => {
      const world = new World({ seed, encode: false, settings: { membership } })
      await world.boot(3)
      await world.run(3000)
      const began = world.nowMs
      for (let newcomer = 0; newcomer < 30; newcomer++) world.add()
      await world.run(0)
      const areWhole = () =>
        world.members().length === 33 && world.members().every((id) => nodeOf(world, id).info().content.complete)
      for (let round = 0; !areWhole(); round++) {
        const value = `value ${round}`
        await world.call(world.anyone(), 'store', { value })
        const asked = world.members().map((id) => world.ask(id, 'lookupBy', { value }))
        await world.until(
          () => asked.every(({ state }) => state !== 'waiting'),
          30_000,
          () => 'no answer',
        )
        expect(asked.filter((one) => one.state === 'refused' && one.error.error === 'NOT_FOUND')).toEqual([])
        await world.run(100)
        expect(world.nowMs - began).toBeLessThan(15_000)
      }
    },
  )
})

test('one that joins a ring of eight is whole before anyone stabilises by itself', async () => {
  const world = new World({ seed: 1, encode: false, settings: { membership: 'off', stabilizeEveryMs: 60_000 } })
  await world.boot(8)
  await world.run(120_000)
  const newcomer = world.add()
  await world.until(
    () => nodeOf(world, newcomer).info().content.complete,
    5000,
    () => 'not complete',
  )
  const ids = sorted(world)
  const { successor } = nodeOf(world, ids.at(ids.indexOf(newcomer) - 1) as Id).info() as unknown as { successor: { id: Id } }
  expect(successor.id).toBe(newcomer)
})

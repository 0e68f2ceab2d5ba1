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

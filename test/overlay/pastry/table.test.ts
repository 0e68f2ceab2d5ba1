import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LeafSet } from '../../../src/overlay/pastry/leaf-set.ts'
import { place } from '../../../src/overlay/pastry/placement.ts'
import { Table } from '../../../src/overlay/pastry/table.ts'
import type { Peer } from '../../../src/protocol/schemas.ts'
import { isNearer, sharedDigits } from '../../../src/space/digits.ts'
import { inArc } from '../../../src/space/ring.ts'

const peer = (id: string): Peer => ({ id, url: `http://127.0.0.1:${10_000 + Number.parseInt(id, 16)}` })
const peers = (text: string): Peer[] => text.split(' ').filter(Boolean).map(peer)
const ids = (list: readonly Peer[]): string => list.map(({ id }) => id).join(' ')
const nobody: ReadonlySet<string> = new Set()
const hex = (number: number) => number.toString(16).padStart(2, '0')

const leavesOf = (me: string, others: string, size = 4): LeafSet => {
  const leaves = new LeafSet(peer(me), size)
  for (const one of peers(others)) leaves.add(one)
  return leaves
}

describe('the leaf set', () => {
  test.each([
    // of four, two on either side: who answers, in this order; who is kept, clockwise
    ['20 30 40', '20 30 40', true],
    ['20 30 f0 e0', '20 30 e0 f0', false],
    ['20 30 f0 e0 18', '18 20 e0 f0', false],
    ['20 30 f0 e0 80', '20 30 e0 f0', false],
    ['80 70 60 50 40 30', '30 40 70 80', false],
    ['10', '', true],
  ])('of 10 after %s is %s, the whole network: %s', (others, kept, whole) => {
    const leaves = leavesOf('10', others)
    expect(ids(leaves.members)).toBe(kept)
    expect(leaves.isWhole).toBe(whole)
  })

  test.each([
    // whom it takes in: whoever lies between its ends
    ['18', true],
    ['f8', true],
    ['00', true],
    ['31', false],
    ['80', false],
    ['df', false],
    ['10', false],
  ])('of 10 with 20 30 e0 f0 spans %s: %s', (id, spanned) => expect(leavesOf('10', '20 30 e0 f0').spans(id)).toBe(spanned))

  test('who has moved is known by the new url', () => {
    const table = new Table(peer('10'), { replicas: 1, leafSetSize: 4, neighborhoodSize: 2 })
    for (const one of peers('20 30')) expect(table.admit(one, 1)).toBe(true)
    const moved = { id: '20', url: 'http://127.0.0.1:9' }
    expect(table.admit(peer('20'), 1)).toBe(false)
    expect(table.admit(moved, 1)).toBe(true)
    expect(table.leaves.members).toEqual([moved, peer('30')])
  })

  test('whoever drops out leaves room for who comes', () => {
    const leaves = leavesOf('10', '20 30 e0 f0')
    expect(leaves.drop('20')).toBe(true)
    expect(leaves.drop('20')).toBe(false)
    expect(leaves.add(peer('40'))).toBe(true)
    expect(ids(leaves.members)).toBe('30 40 e0 f0')
  })

  test('one that has lost someone answers for no more than before, until its ends have told who is there', () => {
    const leaves = leavesOf('10', '20 30 e0 f0')
    leaves.drop('20')
    expect([leaves.isWhole, leaves.isDoubtful, ...leaves.sides().map(ids)]).toEqual([false, true, 'e0 f0', '30'])
    leaves.drop('30')
    expect(leaves.sides().map(ids)).toEqual(['e0 f0', ''])
    // From beyond where it is sure; that one may not be the next.
    leaves.add(peer('80'))
    expect(['e0', '00', '10'].map((key) => leaves.covers(key, nobody))).toEqual([true, true, true])
    expect(['18', '80', 'c0'].map((key) => leaves.covers(key, nobody))).toEqual([false, false, false])
    leaves.add(peer('40'))
    leaves.settle()
    expect([leaves.isWhole, ids(leaves.members), leaves.covers('18', nobody)]).toEqual([false, '40 80 e0 f0', true])
  })

  test('one that has lost someone, and whose ends know nobody else, is the whole network', () => {
    const leaves = leavesOf('10', '20 30 e0 f0')
    leaves.drop('30')
    leaves.settle()
    expect([leaves.isWhole, leaves.isDoubtful, leaves.covers('80', nobody)]).toEqual([true, false, true])
  })
})

describe('routing: Pastry, Table 1', () => {
  /** Node 37a0 of the paper's kind: leaf set of four, some of the routing table. */
  const table = new Table(peer('37a0'), { replicas: 1, leafSetSize: 4, neighborhoodSize: 2 })
  for (const one of peers('3790 3798 37a8 37b0 0200 d100 3100 3520 37f0 9000')) table.admit(one, 10)
  const avoid = (text: string) => new Set(text.split(' ').filter(Boolean))

  test.each([
    // key, to avoid, answer
    ['37a1', '', 'final 37a0'],
    ['37a4', '', 'final 37a0'],
    ['37a5', '', 'final 37a8'],
    ['3798', '', 'final 3798'],
    ['37b0', '', 'final 37b0'],
    ['37a5', '37a8', 'final 37a0'],
    // beyond the leaf set: one who shares a digit more
    ['d222', '', 'd100'],
    ['0fff', '', '0200'],
    ['3555', '', '3520'],
    ['37f7', '', '37f0'],
    // the rare case: nobody has the next digit; whoever shares as many digits and is nearer
    ['37c0', '', '37b0 37a8'],
    ['3250', '', '3100 3520 3790'],
    ['5000', '', '37f0 37b0 37a8'],
    // with that one dead
    ['d222', 'd100', '0200 9000 3100'],
    ['37f7', '37f0', '37b0 37a8'],
  ])('from 37a0 to %s avoiding (%s): %s', (key, without, expected) => {
    const { peers: next, final } = table.route(key, 3, avoid(without))
    expect(`${final ? 'final ' : ''}${ids(final ? next.slice(0, 1) : next)}`).toBe(expected)
  })

  test('each step shares more digits with the key, or as many and is nearer', () =>
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 65_535 }), (number) => {
        const key = number.toString(16).padStart(4, '0')
        const { peers: next, final } = table.route(key, 8, nobody)
        if (final || table.leaves.covers(key, nobody)) return
        for (const { id } of next) {
          const more = sharedDigits(key, id) - sharedDigits(key, table.me.id)
          expect(more > 0 || (more === 0 && isNearer(key, id, table.me.id))).toBe(true)
        }
      }),
    ))
})

describe('of all who fit into a place', () => {
  const options = { replicas: 1, leafSetSize: 2, neighborhoodSize: 2 }

  test('the nearest by round trip is kept, and the nearest of all are the neighbourhood', () => {
    const table = new Table(peer('00'), options)
    for (const [id, ms] of [
      ['81', 30],
      ['82', 20],
      ['83', 40],
      ['91', 10],
    ] as const)
      table.admit(peer(id), ms)
    expect(table.rows.map((row) => ids([...row.values()]))).toEqual(['82 91'])
    expect(ids(table.neighborhood)).toBe('91 82')
    expect(table.get('83')).toEqual(undefined)
  })

  test('round trips are smoothed, so that one slow answer moves nobody', () => {
    const table = new Table(peer('00'), options)
    table.admit(peer('82'), 20)
    const { revision } = table
    table.admit(peer('82'), 100)
    expect(table.rttOf('82')).toBe(30)
    expect(table.revision).toBe(revision)
    table.admit(peer('83'), 29)
    expect(ids([...(table.rows[0]?.values() ?? [])])).toBe('83')
    expect(table.revision).toBeGreaterThan(revision)
  })

  test('who has not answered is in no table any more, and is lacked', () => {
    const table = new Table(peer('00'), options)
    for (const id of ['81', '82', '01']) table.admit(peer(id), 10)
    expect(table.lacks('81')).toBe(false)
    expect([table.drop('81'), table.drop('01')]).toEqual([false, true])
    expect([table.get('81'), table.lacks('81')]).toEqual([undefined, true])
  })
})

const network = fc
  .uniqueArray(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 14 })
  .map((numbers) => numbers.sort((a, b) => a - b).map((number) => peer(hex(number))))

test('in a whole network all routes end at the owner, who believes that it holds the key, as do those of its window and nobody else', () =>
  fc.assert(
    fc.property(network, fc.integer({ min: 1, max: 3 }), fc.constantFrom(6, 8), (all, replicas, leafSetSize) => {
      const tables = new Map(
        all.map((me) => {
          const table = new Table(me, { replicas, leafSetSize, neighborhoodSize: 2 })
          for (const other of all) table.admit(other, 10)
          return [me.id, table] as const
        }),
      )
      const cells = new Map([...tables].map(([id, { leaves }]) => [id, leaves.cells(replicas)] as const))
      for (let number = 0; number < 256; number++) {
        const key = hex(number)
        const window = place(key, all, replicas)
        for (const [id, table] of tables) {
          const holds = (cells.get(id) ?? []).filter((cell) => inArc(cell.from, key, cell.to))
          const wanted = window.some((one) => one.id === id) ? [ids(window)] : []
          expect(
            holds.map((cell) => [ids(cell.window).slice(0, 2), ids(cell.window.toSorted((a, b) => (a.id < b.id ? -1 : 1)))]),
          ).toEqual(wanted.map(() => [window[0]?.id, ids(window.toSorted((a, b) => (a.id < b.id ? -1 : 1)))]))
          if (number % 16 !== 0) continue
          let route = table.route(key, replicas, nobody)
          for (let hops = 0; !route.final; hops++) {
            expect(hops).toBeLessThan(all.length)
            route = (tables.get(route.peers[0]?.id ?? '') as Table).route(key, replicas, nobody)
          }
          expect(ids(route.peers)).toBe(ids(window))
        }
      }
    }),
    { numRuns: 60 },
  ))

test('a node knows of its window what it would know if it knew everyone', () =>
  fc.assert(
    fc.property(network, fc.integer({ min: 1, max: 3 }), (all, replicas) => {
      const [me] = all as [Peer]
      const some = new Table(me, { replicas, leafSetSize: 6, neighborhoodSize: 2 })
      for (const other of all) some.admit(other, 10)
      for (const { from, to, window } of some.leaves.cells(replicas)) {
        expect(window.length).toBe(Math.min(replicas, all.length))
        if (all.length > 1) expect(from).not.toBe(to)
      }
    }),
  ))

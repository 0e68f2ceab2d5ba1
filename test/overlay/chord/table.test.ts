import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Table } from '../../../src/overlay/chord/table.ts'
import type { Peer } from '../../../src/protocol/schemas.ts'
import { inArc } from '../../../src/space/ring.ts'

const peer = (id: string): Peer => ({ id, url: `http://127.0.0.1:${10000 + Number.parseInt(id, 16)}` })
const peers = (text: string): Peer[] => text.split(' ').filter(Boolean).map(peer)
const ids = (list: readonly Peer[]): string => list.map(({ id }) => id).join(' ')

const options = { replicas: 1, successors: 3, ownership: 'successor' as const }
const tableOf = (me: string, successors: string, predecessors = '', more: Partial<typeof options> | object = {}): Table => {
  const table = new Table(peer(me), { ...options, ...more })
  table.adoptSuccessors(peers(successors))
  // Whoever is last of a ring names us.
  table.adoptPredecessors(predecessors === '' ? [] : peers(`${predecessors} ${me}`), 0)
  return table
}

describe('the successor list', () => {
  test.each([
    // adopted, kept, goes all the way round
    ['20 30 40', '20 30 40', false],
    ['20 30 40 50', '20 30 40', false],
    ['20 30 10', '20 30', true],
    ['20 30 10 20', '20 30', true],
    ['20 40 30', '20 40', false],
    ['20 20 30', '20', false],
    ['20 05 15', '20 05', false],
    ['10', '', true],
  ])('of 10 after adopting %s is %s, closed: %s', (list, kept, closed) => {
    const table = tableOf('10', list, kept.split(' ').at(-1))
    expect(ids(table.successors)).toBe(kept)
    expect(table.isClosed).toBe(closed)
  })

  test('a lone node is its own neighbour', () => {
    const table = new Table(peer('10'), options)
    expect([table.successor.id, table.predecessor.id]).toEqual(['10', '10'])
    expect(table.isLone).toBe(true)
  })

  test('that the same list goes all the way round is news', () => {
    const table = tableOf('10', '20 30')
    const { revision } = table
    expect(table.adoptSuccessors(peers('20 30 10'))).toBe(true)
    expect(table.revision).toBeGreaterThan(revision)
    expect(table.adoptSuccessors(peers('20 30 10'))).toBe(false)
  })

  test('the revision grows exactly when something changed', () => {
    const table = tableOf('10', '20 30', '05')
    const before = table.revision
    expect(table.adoptSuccessors(peers('20 30'))).toBe(false)
    expect(table.adoptPredecessors(peers('05 10'), 0)).toBe(false)
    expect(table.revision).toBe(before)
    expect(table.adoptSuccessors(peers('20 25'))).toBe(true)
    expect(table.revision).toBeGreaterThan(before)
  })
})

describe('routing', () => {
  const avoid = (text: string) => new Set(text.split(' ').filter(Boolean))

  test.each([
    // key, to avoid, answer: Chord (ToN 2003) IV-D, IV-E.3
    ['18', '', 'final 20'],
    ['20', '', 'final 20'],
    ['28', '', 'final 30'],
    ['40', '', 'final 40'],
    ['18', '20', 'final 30'],
    ['f0', '', 'c0 80 40 30 20'],
    ['90', '', '80 40 30 20'],
    ['90', '80', '40 30 20'],
    // every list entry at or after the key is dead: not the tail of the list, but the nearest before it
    ['38', '40', '30 20'],
    ['18', '20 30 40', ''],
  ])('from 10 to %s avoiding (%s): %s', (key, without, expected) => {
    const table = tableOf('10', '20 30 40', 'f8')
    table.replaceFingers(
      new Map([
        [6, peer('80')],
        [7, peer('c0')],
      ]),
    )
    const { peers: next, final } = table.route(key, 8, avoid(without), 'fingers')
    expect(`${final ? 'final ' : ''}${ids(final ? next.slice(0, 1) : next)}`).toBe(expected)
    // Whoever is asked for a step on the way knows no better way than this one.
    expect(table.route(key, 8, avoid(without), 'onehop')).toEqual({ peers: next, final })
  })

  test.each([
    ['18', 'final 20'],
    // nobody who is after the key: who goes on from there goes all round
    ['28', '20'],
    ['38', '20 30'],
    ['f0', '20 30 40'],
  ])('linear from 10 to %s goes successor by successor: %s', (key, expected) => {
    const { peers: next, final } = tableOf('10', '20 30 40', 'f8').route(key, 8, new Set(), 'linear')
    expect(`${final ? 'final ' : ''}${ids(final ? next.slice(0, 1) : next)}`).toBe(expected)
  })

  test('a list that goes all the way round answers for every key at once', () => {
    const table = tableOf('10', '20 30 10', '30')
    expect(ids(table.route('05', 3, new Set(), 'fingers').peers)).toBe('10 20 30')
    expect(ids(table.route('25', 3, new Set(), 'fingers').peers)).toBe('30 10 20')
  })

  test('a newcomer before this node is known as its predecessor first: then the list is not the whole ring any more', () => {
    const table = tableOf('10', '20 30 10', '05')
    expect(table.isClosed).toBe(false)
    expect(table.route('02', 3, new Set(), 'fingers')).toEqual({ peers: peers('30 20'), final: false })
    expect(table.route('08', 3, new Set(), 'fingers')).toEqual({ peers: peers('10 20 30'), final: true })
  })

  test('an owner knows by its predecessor that it is one', () => {
    expect(tableOf('10', '20 30 40', '05').route('08', 2, new Set(), 'linear')).toEqual({ peers: peers('10 20'), final: true })
  })

  test('of two nodes the one left over stands in for the other', () => {
    const table = tableOf('10', '20 10', '20')
    expect(table.route('18', 1, avoid('20'), 'fingers')).toEqual({ peers: [peer('10')], final: true })
  })
})

const ring = fc
  .uniqueArray(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 12 })
  .map((numbers) => numbers.map((n) => peer(n.toString(16).padStart(2, '0'))).sort((a, b) => (a.id < b.id ? -1 : 1)))
const rotate = (all: readonly Peer[], by: number): Peer[] => [...all.slice(by), ...all.slice(0, by)]

describe.each(['successor', 'predecessor'] as const)('ownership: %s', (ownership) => {
  test.each(
    ownership === 'successor'
      ? [
          ['10', '10'],
          ['11', '20'],
          ['20', '20'],
          ['31', '10'],
          ['00', '10'],
        ]
      : [
          ['10', '10'],
          ['11', '10'],
          ['1f', '10'],
          ['20', '20'],
          ['31', '30'],
          ['00', '30'],
        ],
  )('of 10, 20, 30 key %s belongs to %s', (key, owner) => {
    expect(ids(tableOf('10', '', '', { ownership }).place(key, peers('30 10 20'), 1))).toBe(owner)
  })

  test('in a whole ring every node routes a key to its place, and the owner believes that it holds it', () =>
    fc.assert(
      fc.property(ring, fc.integer({ min: 0, max: 255 }), fc.integer({ min: 1, max: 3 }), (all, number, replicas) => {
        const key = number.toString(16).padStart(2, '0')
        const tables = all.map((me, at) => {
          const table = new Table(me, { replicas, successors: 5, ownership })
          table.adoptSuccessors([...rotate(all, at + 1), ...rotate(all, at + 1)])
          table.adoptPredecessors(all.length === 1 ? [] : rotate(all, at).reverse(), 0)
          return table
        })
        const window = (tables[0] as Table).place(key, all, replicas)
        for (const table of tables) {
          const holds = table.cells().filter((cell) => inArc(cell.from, key, cell.to))
          expect(holds.length > 0).toBe(window.some(({ id }) => id === table.me.id))
          for (const cell of holds) expect(ids(cell.window)).toBe(ids(window))
          let route = table.route(key, replicas, new Set(), 'fingers')
          for (let hops = 0; !route.final; hops++) {
            expect(hops).toBeLessThan(all.length)
            const next = tables.find(({ me }) => me.id === route.peers[0]?.id) as Table
            route = next.route(key, replicas, new Set(), 'fingers')
          }
          expect(ids(route.peers)).toBe(ids(window))
        }
      }),
    ))
})

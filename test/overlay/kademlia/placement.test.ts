import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cellsOf, compareDistance, place } from '../../../src/overlay/kademlia/placement.ts'
import { inArc } from '../../../src/space/ring.ts'
import { bitOf, commonBits, flipped } from '../../../src/space/xor.ts'

const peer = (id: string) => ({ id, url: `http://127.0.0.1:${10_000 + Number.parseInt(id.slice(0, 3), 16)}` })
const idsOf = (peers: readonly { id: string }[]): string => peers.map(({ id }) => id).join(' ')
const hex = (digits: number) =>
  fc.integer({ min: 0, max: 16 ** digits - 1 }).map((number) => number.toString(16).padStart(digits, '0'))
const network = (digits: number, most: number) => fc.uniqueArray(hex(digits), { minLength: 1, maxLength: most })
const xor = (a: string, b: string): number => Number.parseInt(a, 16) ^ Number.parseInt(b, 16)

test.each([
  ['00', 'ff', 0],
  ['80', '81', 7],
  ['a5', 'a5', 8],
  ['0f', '0e', 7],
  ['123', '173', 5],
])('%s and %s begin alike in %i bits', (a, b, bits) => expect(commonBits(a, b)).toBe(bits))

test('one bit the other way is the first that is not shared', () => {
  fc.assert(
    fc.property(hex(3), fc.integer({ min: 0, max: 11 }), (id, at) => {
      expect(commonBits(id, flipped(id, at))).toBe(at)
      expect(bitOf(flipped(id, at), at)).toBe(1 - bitOf(id, at))
    }),
  )
})

describe('who is near', () => {
  test.each([
    // key, whom, in the order of their distance
    ['10', '11 13 17 30 90', '11 13 17 30 90'],
    ['93', '11 13 17 30 90', '90 11 13 17 30'],
    ['ff', '00 80 c0 e0', 'e0 c0 80 00'],
    // Distances of 10010000 and 10010001 begin alike: the smaller id.
    ['00', '91 90', '90 91'],
    ['01', '91 90', '90 91'],
    // Distances that part in their first four bits do not.
    ['20', '90 b0', 'b0 90'],
  ])('to %s of %s: %s', (key, ids, order) => expect(idsOf(place(key, ids.split(' ').map(peer), 9))).toBe(order))

  test('is an order, and that of the exclusive or as far as its first four bits tell', () => {
    fc.assert(
      fc.property(hex(3), network(3, 12), (key, ids) => {
        const line = place(key, ids.map(peer), ids.length).map(({ id }) => id)
        expect(line.toSorted()).toEqual(ids.toSorted())
        for (const [at, id] of line.entries())
          for (const other of line.slice(at + 1)) {
            expect(compareDistance(key, id, other)).toBeLessThan(0)
            // Never by more than a part in eight.
            expect(xor(key, id)).toBeLessThanOrEqual(xor(key, other) * 1.125)
          }
      }),
    )
  })

  test('the first so many are the first of all', () => {
    fc.assert(
      fc.property(hex(3), network(3, 12), fc.integer({ min: 1, max: 5 }), (key, ids, count) => {
        const peers = ids.map(peer)
        expect(place(key, peers, count)).toEqual(place(key, peers, ids.length).slice(0, count))
      }),
    )
  })
})

describe('the ranges of a node', () => {
  test.each([
    // of whom, with how many copies, its ranges with their windows
    ['a0', 'a0', 3, 'ff-ff: a0'],
    ['00', '00 80', 1, 'ff-7f: 00'],
    ['00', '00 80', 2, 'ff-7f: 00 80, 7f-ff: 80 00'],
    ['00', '00 40 80 c0', 1, 'ff-3f: 00'],
    ['00', '00 40 80 c0', 2, 'ff-3f: 00 40, 3f-7f: 40 00'],
  ])('of %s among %s with %i copies: %s', (me, ids, count, ranges) => {
    const cells = cellsOf(me, ids.split(' ').map(peer), count)
    expect(cells.map(({ from, to, window }) => `${from}-${to}: ${idsOf(window)}`).join(', ')).toBe(ranges)
  })

  test('are all keys that it is near to, each once, with their window, owner and heirs', () => {
    fc.assert(
      fc.property(network(2, 12), fc.integer({ min: 1, max: 4 }), (ids, count) => {
        const peers = ids.map(peer)
        const [me = ''] = ids
        const others = peers.filter(({ id }) => id !== me)
        const cells = cellsOf(me, peers, count)
        for (let number = 0; number < 256; number++) {
          const key = number.toString(16).padStart(2, '0')
          const window = place(key, peers, count)
          const here = cells.filter(({ from, to }) => inArc(from, key, to))
          expect(here.length).toBe(window.some(({ id }) => id === me) ? 1 : 0)
          for (const cell of here) {
            expect(cell.window[0]).toEqual(window[0])
            expect(cell.window.map(({ id }) => id).sort()).toEqual(window.map(({ id }) => id).sort())
            const heirs = (at: string) =>
              place(at, others, count)
                .map(({ id }) => id)
                .sort()
            expect(heirs(cell.to)).toEqual(heirs(key))
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  test('are few, even beside a node that is next to it', () => {
    const ids = ['5a51c0de', '5a51c0df', '18f30000', '37e80000', '80a10000', 'c4f20000', 'e1230000', 'f0000000']
    for (const id of ids) expect(cellsOf(id, ids.map(peer), 3).length).toBeLessThan(80)
  })
})

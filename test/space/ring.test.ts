import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isId } from '../../src/space/id.ts'
import { between, distance, fingerStart, idAfter, idBefore, inArc, step } from '../../src/space/ring.ts'

const id = fc.integer({ min: 0, max: 255 }).map((n) => n.toString(16).padStart(2, '0'))

describe('arcs', () => {
  test.each([
    // low, x, high, on the open arc (Zave's between: the arc (a, a) is everyone but a)
    ['10', '20', '30', true],
    ['10', '10', '30', false],
    ['10', '30', '30', false],
    ['f0', '05', '10', true],
    ['f0', 'f5', '10', true],
    ['f0', '80', '10', false],
    ['10', '20', '10', true],
    ['10', '10', '10', false],
  ])('between(%s, %s, %s) is %s', (low, x, high, expected) => expect(between(low, x, high)).toBe(expected))

  test('a lone node owns every key, its own id among them', () =>
    fc.assert(fc.property(id, id, (node, key) => inArc(node, key, node))))

  test('each key but the ends is on one of the arcs (a, b), (b, a)', () =>
    fc.assert(
      fc.property(id, id, id, (a, b, x) => {
        fc.pre(a !== b && x !== a && x !== b)
        expect(between(a, x, b)).toBe(!between(b, x, a))
      }),
    ))

  test('x is on (low, high] exactly when it is as near as high, going clockwise', () =>
    fc.assert(
      fc.property(id, id, id, (low, x, high) => {
        fc.pre(low !== high)
        expect(inArc(low, x, high)).toBe(x !== low && distance(low, x) <= distance(low, high))
      }),
    ))
})

describe('distance', () => {
  test.each([
    ['10', '20', 16n],
    ['20', '10', 240n],
    ['10', '10', 0n],
    // the whole circle is 2^bits, not 2^bits - 1
    ['ff', '00', 1n],
  ])('from %s to %s is %s', (from, to, steps) => expect(distance(from, to)).toBe(steps))

  test('so many steps from the one id lead to the other', () =>
    fc.assert(fc.property(id, id, (from, to) => step(from, distance(from, to)) === to)))

  test('steps may go back across zero and keep the width', () => {
    expect(step('01', -2n)).toBe('ff')
    expect(step('00'.repeat(20), -1n)).toBe('ff'.repeat(20))
  })

  test.each(['00', '0f', 'ff', '7fffffffff', 'a0'])('those next to %s are one step away', (here) => {
    expect(idAfter(here)).toBe(step(here, 1n))
    expect(idBefore(here)).toBe(step(here, -1n))
  })

  test('those next to any id are one step away', () =>
    fc.assert(fc.property(id, (here) => idAfter(here) === step(here, 1n) && idBefore(here) === step(here, -1n))))

  test('finger i begins 2^i after the node (Chord, ToN 2003, Table I)', () => {
    expect(Array.from({ length: 8 }, (_, i) => fingerStart('f0', i))).toEqual(['f1', 'f2', 'f4', 'f8', '00', '10', '30', '70'])
  })
})

test.each([
  ['0ce23a', 24, true],
  ['0CE23A', 24, false],
  ['0ce23', 24, false],
  ['0ce23a0', 24, false],
  ['', 8, false],
  ['g0', 8, false],
])('isId(%s, %i) is %s', (text, bits, expected) => expect(isId(text, bits)).toBe(expected))

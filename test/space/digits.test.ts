import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { gap, isNearer, lastNearer, nearest, sharedDigits } from '../../src/space/digits.ts'
import { distance, inArc, step } from '../../src/space/ring.ts'

const hex = (number: number) => number.toString(16).padStart(2, '0')
const id = fc.integer({ min: 0, max: 255 }).map(hex)
const circle = Array.from({ length: 256 }, (_, number) => hex(number))

test.each([
  // a, b, leading digits that both have: shl(A, B), Pastry §2.1
  ['10233102', '10233102', 8],
  ['10233102', '10233232', 5],
  ['10233102', '02212102', 0],
  ['0fff', '1000', 0],
])('%s and %s share %i digits', (a, b, digits) => {
  expect(sharedDigits(a, b)).toBe(digits)
  expect(sharedDigits(b, a)).toBe(digits)
})

test.each([
  // point, one, other, whether the one is nearer
  ['20', '21', '1e', true],
  ['20', '1e', '21', false],
  ['00', 'fe', '03', true],
  ['ff', '01', 'fc', true],
  // as near: the smaller id, on whichever side it lies
  ['20', '1e', '22', true],
  ['00', '02', 'fe', true],
  ['80', '00', '00', false],
  ['10', '90', '90', false],
])('to %s, %s is nearer than %s: %s', (point, one, other, nearer) => expect(isNearer(point, one, other)).toBe(nearer))

test('nearness is a strict order of all ids', () =>
  fc.assert(
    fc.property(id, id, id, id, (point, a, b, c) => {
      expect(isNearer(point, a, b) || isNearer(point, b, a)).toBe(a !== b)
      if (isNearer(point, a, b) && isNearer(point, b, c)) expect(isNearer(point, a, c)).toBe(true)
    }),
  ))

test('of long ids every digit counts', () => {
  const long = fc
    .tuple(fc.constantFrom('0'.repeat(38), 'f'.repeat(38), `7${'f'.repeat(37)}`, `8${'0'.repeat(37)}`), id)
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(long, long, long, (point, a, b) => {
      const [ours, theirs] = [gap(point, a), gap(point, b)]
      expect(isNearer(point, a, b)).toBe(ours === theirs ? a < b : ours < theirs)
    }),
  )
})

test('two ids are half of the circle apart at most, whichever way one looks', () =>
  fc.assert(
    fc.property(id, id, (a, b) => {
      expect(gap(a, b)).toBe(gap(b, a))
      expect(gap(a, b)).toBeLessThanOrEqual(128n)
      expect([distance(a, b), distance(b, a)]).toContain(gap(a, b))
    }),
  ))

describe('the border between two neighbours', () => {
  test.each([
    // low, high, the last point that is nearer to low
    ['10', '20', '18'],
    ['10', '1f', '17'],
    ['10', '11', '10'],
    // as near: the smaller id has it
    ['f0', '00', 'f7'],
    ['f0', '01', 'f8'],
    ['fe', '04', '00'],
    ['80', '00', 'bf'],
  ])('from %s to %s is %s', (low, high, last) => expect(lastNearer(low, high)).toBe(last))

  test('parts the points between them', () =>
    fc.assert(
      fc.property(id, id, id, (low, high, point) => {
        fc.pre(low !== high && inArc(low, point, high))
        const [there, back] = [distance(low, point), distance(point, high)]
        const isLow = there === back ? low < high : there < back
        expect(inArc(step(low, -1n), point, lastNearer(low, high))).toBe(isLow)
      }),
    ))
})

test('the nearest of a list are those that a sort by nearness puts first', () =>
  fc.assert(
    fc.property(fc.uniqueArray(id, { maxLength: 12 }), id, fc.nat(14), (ids, point, count) => {
      const clockwise = ids.toSorted().map((one) => ({ id: one }))
      const sorted = clockwise.toSorted((a, b) => (isNearer(point, a.id, b.id) ? -1 : 1))
      expect(nearest(point, clockwise, count)).toEqual(sorted.slice(0, count))
    }),
  ))

test('whoever shares more digits need not be nearer', () => {
  expect(sharedDigits('10', '1f')).toBe(1)
  expect(isNearer('10', '0f', '1f')).toBe(true)
  expect(circle.filter((one) => sharedDigits('10', one) > 0)).toHaveLength(16)
})

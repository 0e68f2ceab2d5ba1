import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Arcs } from '../../src/space/arcs.ts'
import { type Arc, inArc } from '../../src/space/ring.ts'

const ids = Array.from({ length: 256 }, (_, at) => at.toString(16).padStart(2, '0'))
const id = fc.constantFrom(...ids)
const arc: fc.Arbitrary<Arc> = fc.record({ from: id, to: id })
const arcs = fc.array(arc, { maxLength: 5 })

const members = (some: readonly Arc[]) => ids.filter((one) => some.some(({ from, to }) => inArc(from, one, to)))
const held = (set: Arcs) => ids.filter((one) => set.has(one))

test('a set of arcs has the ids on any of them', () => {
  fc.assert(
    fc.property(arcs, (some) => {
      expect(held(Arcs.of(some))).toEqual(members(some))
    }),
  )
})

test('union, intersection and difference are those of the ids', () => {
  fc.assert(
    fc.property(arcs, arcs, (some, others) => {
      const [a, b] = [Arcs.of(some), Arcs.of(others)]
      const inB = new Set(held(b))
      expect(held(a.plus(b))).toEqual(members([...some, ...others]))
      expect(held(a.within(b))).toEqual(held(a).filter((one) => inB.has(one)))
      expect(held(a.without(b))).toEqual(held(a).filter((one) => !inB.has(one)))
    }),
  )
})

test('a set covers an arc when it has every id on it', () => {
  fc.assert(
    fc.property(arcs, arc, (some, one) => {
      const set = Arcs.of(some)
      expect(set.covers(one)).toBe(members([one]).every((point) => set.has(point)))
    }),
  )
})

test('gaps are what is left of the circle, and the gaps of the gaps are the set', () => {
  fc.assert(
    fc.property(arcs, (some) => {
      const set = Arcs.of(some)
      const gaps = set.gaps(2)
      const rest = new Set(held(set))
      expect(held(Arcs.of(gaps))).toEqual(ids.filter((one) => !rest.has(one)))
      expect(held(Arcs.of(set.arcs()))).toEqual(held(set))
      // Whoever cuts them at places between goes by their order from zero.
      expect(set.arcs().every(({ from, to }) => from === 'ff' || from < to)).toBe(true)
      expect(set.isEmpty).toBe(rest.size === 0)
    }),
  )
})

test.each([
  ['f0', '10', 'the arc passes zero'],
  ['20', '20', 'the arc is the whole circle'],
])('(%s, %s] is covered by itself: %s', (from, to) => {
  expect(Arcs.of([{ from, to }]).covers({ from, to })).toBe(true)
})

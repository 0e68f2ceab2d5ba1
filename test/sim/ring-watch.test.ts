import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkIdeal, checkRing, type RingEntry, sufficientPrincipals } from '../../src/overlay/chord/invariants.ts'
import { RingWatch } from '../../src/sim/ring-watch.ts'

const id = fc.integer({ min: 0, max: 15 }).map((number) => number.toString(16))
/** Mostly clockwise lists, so that rings come about. */
const list = fc.tuple(fc.boolean(), fc.array(id, { maxLength: 3 }))
const change = fc.record({ id, gone: fc.integer({ min: 0, max: 4 }), list, predecessor: id })

test('the watch finds fault exactly when the predicates do, whatever the changes', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), fc.integer({ min: 0, max: 4 }), (changes, listLength) => {
      const watch = new RingWatch()
      const snapshot = new Map<string, RingEntry>()
      for (const {
        id: node,
        gone,
        list: [asGiven, others],
        predecessor,
      } of changes) {
        const clockwise = [...new Set(others)].filter((one) => one !== node).sort((a, b) => turn(node, a) - turn(node, b))
        const entry = { successors: asGiven ? others : clockwise, predecessor }
        if (gone === 0) {
          watch.delete(node)
          snapshot.delete(node)
        } else {
          watch.set(node, entry)
          snapshot.set(node, entry)
        }
        expect(watch.holds()).toBe(checkRing(snapshot).length === 0)
        expect(watch.isIdeal(listLength)).toBe(checkIdeal(snapshot, listLength).length === 0)
        const enough = sufficientPrincipals(snapshot, listLength).length === 0
        if (snapshot.size > listLength && watch.holds()) expect(watch.holds(listLength + 1)).toBe(enough)
      }
    }),
    { numRuns: 500 },
  )
})

test('it takes a ring for ideal exactly when nobody in it knows anything wrong', () => {
  const ids = ['1', '5', '9', 'c']
  fc.assert(
    fc.property(fc.nat(3), fc.nat(4), fc.array(id, { maxLength: 3 }), id, (wrong, what, list, other) => {
      const watch = new RingWatch()
      for (const [at, node] of ids.entries()) {
        const others = [...ids.slice(at + 1), ...ids.slice(0, at)]
        const isWrong = at === wrong && what > 0
        const successors = isWrong && what % 2 === 0 ? list : others
        watch.set(node, { successors, predecessor: isWrong && what > 2 ? other : (others.at(-1) as string) })
      }
      expect(watch.isIdeal(3)).toBe(checkIdeal(watch.snapshot, 3).length === 0)
    }),
  )
})

const turn = (from: string, to: string): number => (Number.parseInt(to, 16) - Number.parseInt(from, 16) + 16) % 16

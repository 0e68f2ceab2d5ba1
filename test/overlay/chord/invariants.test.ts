import { describe, expect, test } from 'vitest'
import {
  checkIdeal,
  checkRing,
  connectedAppendages,
  noDuplicates,
  oneLiveSuccessor,
  oneOrderedRing,
  orderedSuccessorLists,
  principalsInRing,
  type RingEntry,
  sufficientPrincipals,
} from '../../../src/overlay/chord/invariants.ts'

/** `ring('10: 20 30 < 40', …)`: node, its successors, its predecessor. */
const ring = (...lines: string[]): Map<string, RingEntry> =>
  new Map(
    lines.map((line) => {
      const [, id = '', list = '', predecessor = ''] = /^(\w+):(.*)<(.*)$/.exec(line) ?? []
      return [id, { successors: list.split(' ').filter(Boolean), predecessor: predecessor.trim() }]
    }),
  )

const ideal = ring('10: 20 30 < 40', '20: 30 40 < 10', '30: 40 10 < 20', '40: 10 20 < 30')

describe('a ring at rest', () => {
  test.each([
    ['four nodes', ideal],
    ['a lone node', ring('10: < 10')],
    ['two nodes', ring('10: 20 < 20', '20: 10 < 10')],
    ['nobody', ring()],
  ])('%s: nothing to complain of', (_, snapshot) => {
    expect([...checkRing(snapshot), ...checkIdeal(snapshot, 2), ...sufficientPrincipals(snapshot, 2)]).toEqual([])
  })
})

test('a joiner that nobody has noticed is an appendage, and that is in order', () => {
  const joined = new Map([...ideal, ...ring('25: 30 40 < 20')])
  expect(checkRing(joined)).toEqual([])
  expect(checkIdeal(joined, 2)).toContain('Ideal: 20 lists 30 40 instead of 25 30')
  expect(checkIdeal(joined, 2)).toContain('Ideal: 30 takes 20 for its predecessor instead of 25')
  expect(checkRing(ring('10: < 10', '20: 10 < 10'))).toEqual([])
})

test('OneLiveSuccessor: every entry of a list is dead', () => {
  const broken = new Map([...ideal, ...ring('20: 33 36 < 10')])
  expect(oneLiveSuccessor(broken)).toEqual(['OneLiveSuccessor: all of 33 36, the successors of 20, are dead'])
  expect(connectedAppendages(broken)).toHaveLength(4)
  expect(oneOrderedRing(broken)).toEqual(['OneOrderedRing: there is no ring'])
})

test('SufficientPrincipals: nodes that some list skips are none', () => {
  const skipping = ring('10: 30 40 < 40', '20: 30 40 < 10', '30: 40 10 < 20', '40: 10 30 < 30')
  expect(sufficientPrincipals(skipping, 2)).toEqual([])
  expect(sufficientPrincipals(skipping, 3)).toEqual(['SufficientPrincipals: 3 of 4 members are principals, 4 are needed'])
  expect(sufficientPrincipals(skipping, 4)).toEqual([])
})

test('NoDuplicates: a list names its own node, or another one twice', () => {
  expect(noDuplicates(ring('10: 20 10 < 20', '20: 10 10 < 10'))).toEqual([
    'NoDuplicates: 10 lists 20 10',
    'NoDuplicates: 20 lists 10 10',
  ])
})

test('OrderedSuccessorLists: a list turns back', () => {
  expect(orderedSuccessorLists(ring('10: 30 20 < 30', '20: 30 10 < 10', '30: 10 20 < 20'))).toEqual([
    'OrderedSuccessorLists: 10 lists 30 20, which is not clockwise',
  ])
})

test('PrincipalsInRing: where no ring is left, nodes that no list skips are off it', () => {
  expect(principalsInRing(ring('10: 20 < 20', '20: 25 < 10', '30: 10 < 20'))).toEqual([
    'PrincipalsInRing: no list skips 10, and yet it is off the ring',
    'PrincipalsInRing: no list skips 20, and yet it is off the ring',
    'PrincipalsInRing: no list skips 30, and yet it is off the ring',
  ])
})

test.each([
  ['two rings', ring('10: 20 < 20', '20: 10 < 10', '30: 40 < 40', '40: 30 < 30'), 'there are 2 rings: 10 20 | 30 40'],
  ['twice around', ring('10: 30 < 40', '20: 40 < 30', '30: 20 < 10', '40: 10 < 20'), 'goes 2 times around the circle'],
])('OneOrderedRing: %s', (_, snapshot, words) => {
  expect(oneOrderedRing(snapshot).join()).toContain(words)
  expect(checkRing(snapshot)).not.toEqual([])
})

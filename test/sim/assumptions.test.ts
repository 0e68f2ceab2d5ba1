import { expect, test } from 'vitest'
import type { RingEntry } from '../../src/overlay/chord/invariants.ts'
import { mayFail } from '../../src/sim/assumptions.ts'
import type { Carried } from '../../src/sim/network.ts'

const ringOf = (lists: Record<string, string>): Map<string, RingEntry> =>
  new Map(Object.entries(lists).map(([id, list]) => [id, { successors: list.split(' ').filter(Boolean), predecessor: id }]))

const whole = ringOf({ '10': '20 30', '20': '30 40', '30': '40 50', '40': '50 10', '50': '10 20' })
const carrying = (to: string, ...list: string[]): Carried => ({ network: 'ffff', to, list })

test.each<[string, Parameters<typeof mayFail>[1], boolean]>([
  ['one of a whole ring', { snapshot: whole, carried: [], going: new Set(), principals: 3 }, true],
  ['a principal too many', { snapshot: whole, carried: [], going: new Set(), principals: 5 }, false],
  [
    'the only one that a list on its way names',
    { snapshot: whole, carried: [carrying('60', '30')], going: new Set(), principals: 0 },
    false,
  ],
  [
    'one of two on such a list',
    { snapshot: whole, carried: [carrying('60', '30', '40')], going: new Set(), principals: 0 },
    true,
  ],
  ['the last that stays, of a list', { snapshot: whole, carried: [], going: new Set(['40']), principals: 0 }, false],
  [
    'someone whom a list on its way makes fewer principals',
    { snapshot: whole, carried: [carrying('10', '40')], going: new Set(), principals: 4 },
    false,
  ],
  ['a node alone', { snapshot: ringOf({ '30': '' }), carried: [], going: new Set(), principals: 0 }, false],
])('30 may fail: %s: %#', (_, circumstances, allowed) => {
  expect(mayFail('30', circumstances)).toBe(allowed)
})

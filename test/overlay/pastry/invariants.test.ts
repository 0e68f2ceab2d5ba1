import { expect, test } from 'vitest'
import type { Attributes } from '../../../src/overlay/overlay.ts'
import { checkIdeal, checkTables } from '../../../src/overlay/pastry/invariants.ts'

const peers = (ids: string) =>
  ids
    .split(' ')
    .filter(Boolean)
    .map((id) => ({ id, url: `http://127.0.0.1:1${id}`, ms: 1 }))

/** `network('10: 20 30 | 20 30 / 15 | 20')`: node, leaf set, rows, neighbourhood. */
const network = (...lines: string[]): Map<string, Attributes> =>
  new Map(
    lines.map((line) => {
      const [, id = '', leaves = '', rows = '', near = ''] = /^(\w+):([^|]*)\|([^|]*)\|(.*)$/.exec(line) ?? []
      return [id, { leafSet: peers(leaves), rows: rows.split('/').map(peers), neighborhood: peers(near) }]
    }),
  )

const three = ['10: 20 30 | 20 30 | 20', '20: 30 10 | 10 30 | 30', '30: 10 20 | 10 20 | 10']

test.each([
  ['three nodes', network(...three)],
  ['a lone node', network('10: | |')],
  ['nobody', network()],
])('of %s there is nothing to complain', (_, snapshot) => {
  expect([...checkTables(snapshot), ...checkIdeal(snapshot, 16)]).toEqual([])
})

test.each([
  ['10: 20 10 | |', 'NoSelf: 10 lists itself'],
  ['10: 30 20 | |', 'OrderedLeafSet: 10 lists 30 20, which is not clockwise'],
  ['10: 20 | 20 15 |', 'PrefixRows: 10 has 15 in rows that they do not belong into'],
  ['10: 20 | 20 / 15 20 |', 'PrefixRows: 10 has 20 in rows that they do not belong into'],
  ['10: 20 | 20 25 |', 'PrefixRows: 10 has one place for two of 20 25'],
])('%s: %s', (line, words) => {
  expect(checkTables(network(line, ...three.slice(1)))).toContain(words)
})

test('Connected: somebody who knows only the dead, and whom nobody knows', () => {
  expect(checkTables(network('10: 40 | |', '20: 30 | |', '30: 20 | |'))).toEqual([
    'Connected: 10 knows nobody who is there, and nobody knows it',
  ])
  expect(checkTables(network('10: 40 | |', '20: 10 | |'))).toEqual([])
})

test('Ideal: the leaf sets are those that the ids make, and nobody is gone', () => {
  const grown = network(...three, '18: 20 30 10 | |', '40: | | 50')
  expect(checkIdeal(grown, 2)).toEqual([
    'Ideal: the leaf set of 10 is 20 30 instead of 18 40',
    'Ideal: the leaf set of 20 is 30 10 instead of 30 18',
    'Ideal: the leaf set of 30 is 10 20 instead of 40 20',
    'Ideal: the leaf set of 18 is 20 30 10 instead of 20 10',
    'Ideal: the leaf set of 40 is nobody instead of 10 30',
    'Ideal: 40 still has 50 in its tables',
  ])
})

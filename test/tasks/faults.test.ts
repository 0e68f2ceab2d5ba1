import { expect, test } from 'vitest'
import { contentFaults, type Held, listed } from '../../tasks/faults.ts'

const held = (...keys: string[]): Held[] =>
  keys.map((key) => ({ key, index: `v:${key}`, role: 'owned', size: 5, preview: 'lorem', contentType: 'text/plain' }))

test.each([
  // what 20, 80 and c0 hold, copies, who owns
  ['each key at its successor', { '20': ['10', '20', 'c1'], '80': ['21'], c0: ['c0'] }, 1, 'successor', []],
  ['each key at its predecessor', { '20': ['20', '7f'], '80': ['80'], c0: ['c0', 'ff', '1f'] }, 1, 'predecessor', []],
  ['owner and next', { '20': ['10', '90'], '80': ['10'], c0: ['90'] }, 2, 'successor', []],
  ['more copies than nodes', { '20': ['10'], '80': ['10'], c0: ['10'] }, 5, 'successor', []],
  [
    'a key in the wrong place',
    { '20': [], '80': ['10'], c0: [] },
    1,
    'successor',
    ['WindowComplete: key 10 "lorem" is missing at 20', 'NoOrphans: key 10 "lorem" still lies at 80'],
  ],
  ['a copy too few', { '20': ['10'], '80': [], c0: [] }, 2, 'successor', ['WindowComplete: key 10 "lorem" is missing at 80']],
  ['a copy too many', { '20': ['10'], '80': ['10'], c0: [] }, 1, 'successor', ['NoOrphans: key 10 "lorem" still lies at 80']],
] as const)('%s', (_, content, replicas, ownership, faults) => {
  const nodes = new Map(Object.entries(content).map(([id, keys]) => [id, held(...keys)]))
  expect(contentFaults(nodes, { replicas, ownership })).toEqual(faults)
})

test('a long list is cut, and says so', () => {
  expect(listed(['a', 'b', 'c'], 2)).toEqual(['  a', '  b', '  … 1 more'])
})

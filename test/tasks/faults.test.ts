import { describe, expect, test } from 'vitest'
import { inspectContent, type Held, listed } from '../../tasks/faults.ts'

/** `10` is key 10 in its first version, `10@2` in its second, `10=amet` with another value. */
const held = (...keys: string[]): Held[] =>
  keys.map((text) => {
    const [, key = '', version = '1', preview = 'lorem'] = /^(\w+)(?:@(\d+))?(?:=(\w+))?$/.exec(text) ?? []
    return { key, index: `v:${key}`, size: preview.length, preview, version: { hlc: version.padStart(16, '0'), origin: '20' } }
  })

describe('content', () => {
  test.each([
    // what each node holds, copies, who owns, faults
    ['each key at its successor', { '20': ['10', '20', 'c1'], '80': ['21'], c0: ['c0'] }, 1, 'successor', []],
    ['each key at its predecessor', { '20': ['20', '7f'], '80': ['80'], c0: ['c0', 'ff', '1f'] }, 1, 'predecessor', []],
    ['owner and next', { '20': ['10', '90'], '80': ['10'], c0: ['90'] }, 2, 'successor', []],
    ['owner and next, from the predecessor', { '20': ['20'], '80': ['20', '90'], c0: ['90'] }, 2, 'predecessor', []],
    ['three of four', { '20': ['10', 'f0'], '80': ['10', 'f0', '70'], a0: ['10', 'f0', '70'], c0: ['70'] }, 3, 'successor', []],
    ['more copies than nodes', { '20': ['10'], '80': ['10'], c0: ['10'] }, 5, 'successor', []],
    ['the one node', { '20': ['10', 'f0'] }, 3, 'successor', []],
    ['nothing anywhere', { '20': [], '80': [] }, 3, 'successor', []],
    ['no node', {}, 3, 'successor', []],
    [
      'a key in the wrong place',
      { '20': [], '80': ['10'], c0: [] },
      1,
      'successor',
      ['WindowComplete: key 10 "lorem" is missing at 20', 'NoOrphans: key 10 "lorem" still lies at 80'],
    ],
    ['a copy too few', { '20': ['10'], '80': [], c0: [] }, 2, 'successor', ['WindowComplete: key 10 "lorem" is missing at 80']],
    [
      'two copies too few',
      { '20': ['10'], '80': [], c0: [], d0: [] },
      3,
      'successor',
      ['WindowComplete: key 10 "lorem" is missing at 80 c0'],
    ],
    ['a copy too many', { '20': ['10'], '80': ['10'], c0: [] }, 1, 'successor', ['NoOrphans: key 10 "lorem" still lies at 80']],
    [
      'a copy that is older',
      { '20': ['10@2'], '80': ['10@1'], c0: ['10@2'] },
      3,
      'successor',
      ['CopiesAgree: key 10 "lorem" is of an older version at 80'],
    ],
    [
      'a copy of the same version that is something else',
      { '20': ['10'], '80': ['10=amet'], c0: ['10'] },
      3,
      'successor',
      ['CopiesAgree: key 10 "lorem" is something else, in the same version, at 80'],
    ],
    [
      'an orphan that is newer',
      { '20': ['10'], '80': ['10@2'], c0: [] },
      1,
      'successor',
      ['NoOrphans: key 10 "lorem" still lies at 80', 'CopiesAgree: key 10 "lorem" is of an older version at 20'],
    ],
  ] as const)('%s', (_, content, replicas, ownership, faults) => {
    const nodes = new Map(Object.entries(content).map(([id, keys]) => [id, held(...keys)]))
    expect(inspectContent(nodes, { overlay: 'chord', replicas, ownership }).faults.map(({ text }) => text)).toEqual(faults)
  })

  test('several values under one key are told apart', () => {
    const [one, other] = held('10', '10')
    if (!one || !other) throw new Error('two records were made')
    const nodes = new Map([
      ['20', [one, { ...other, index: 'n:10' }]],
      ['80', [one]],
    ])
    expect(inspectContent(nodes, { overlay: 'chord', replicas: 2, ownership: 'successor' })).toEqual({
      records: 2,
      copies: 3,
      faults: [{ of: expect.stringMatching('^10/n:10 '), text: 'WindowComplete: key 10 "lorem" is missing at 80' }],
    })
  })
})

test('a long list is cut, and says so', () => {
  expect(listed(['a', 'b', 'c'], { most: 2 })).toEqual(['  a', '  b', '  … 1 more'])
  expect(listed(['the leaf set of 25b47d', 'b'], { columns: 20 })).toEqual(['  the leaf set of', '    25b47d', '  b'])
})

// A name that is written all the time, and never comes to one of its window, was another fault at each look.
test('a fault is the same one whatever version is there by now, and another one elsewhere', () => {
  const network = { overlay: 'chord', replicas: 2, ownership: 'successor' } as const
  const faultsAt = (content: Record<string, string[]>) => {
    const nodes = new Map(Object.entries(content).map(([id, keys]) => [id, held(...keys)]))
    return inspectContent(nodes, network).faults.map(({ of }) => of)
  }
  const [before] = faultsAt({ '20': ['10'], '80': [], c0: [] })
  expect(before).toBeDefined()
  expect(faultsAt({ '20': ['10@2=amet'], '80': [], c0: [] })).toEqual([before])
  expect(faultsAt({ '20': [], '80': ['10'], c0: [] })).not.toContain(before)
})

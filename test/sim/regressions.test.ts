/** What chance has found once, as short as it can be told. */
import { expect, test } from 'vitest'
import { simulate } from '../../src/sim/scenarios.ts'
import type { Deed } from '../../src/sim/script.ts'

const found: [what: string, seed: number, endMs: number, deeds: Deed[]][] = [
  [
    'copies that were lost before their write was acknowledged, and had been replaced by a later one before, are none',
    3_000_462,
    770,
    [
      { atMs: 15, do: 'store', value: 'line 9', place: 4 },
      { atMs: 48, do: 'store', value: 'line 7', place: 4 },
      { atMs: 117, do: 'store', value: 'value 0', place: 4 },
      { atMs: 146, do: 'store', value: 'value 1', name: 'rose', place: 4 },
      { atMs: 270, do: 'store', value: 'value 5', name: 'rose', place: 5 },
      { atMs: 332, do: 'crash', place: 5 },
      { atMs: 422, do: 'crash', place: 6 },
      { atMs: 669, do: 'crash', place: 4 },
    ],
  ],
  [
    'who is about to stop is as good as gone when it is asked who else may go',
    3_000_500,
    60_987,
    [
      { atMs: 310, do: 'store', value: 'line 26', place: 6 },
      { atMs: 320, do: 'store', value: 'line 25', place: 6 },
      { atMs: 9458, do: 'add', place: 8 },
      { atMs: 9458, do: 'crash', place: 6 },
      { atMs: 9458, do: 'crash', place: 4 },
      { atMs: 15_268, do: 'add', place: 12 },
      { atMs: 15_933, do: 'add', place: 13 },
      { atMs: 17_648, do: 'add', place: 16 },
      { atMs: 23_036, do: 'add', place: 21 },
      { atMs: 40_372, do: 'add', place: 29 },
      { atMs: 46_340, do: 'crash', place: 16 },
      { atMs: 47_346, do: 'stop', place: 29 },
      { atMs: 47_346, do: 'crash', place: 8 },
    ],
  ],
]

test.each(found)('%s', async (_what, seed, endMs, deeds) => {
  const { checks } = await simulate('swarm', seed, { script: { nodes: 6, deeds, endMs } })
  expect(checks.filter(({ ok }) => !ok)).toEqual([])
})

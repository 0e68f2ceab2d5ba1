/** What chance has found once, as short as it can be told. */
import { expect, test } from 'vitest'
import type { OverlayName } from '../../src/overlay/overlays.ts'
import { simulate } from '../../src/sim/scenarios.ts'
import type { Deed } from '../../src/sim/script.ts'

const found: [what: string, overlay: OverlayName, seed: number, nodes: number, endMs: number, deeds: Deed[]][] = [
  [
    'copies that were lost before their write was acknowledged, and had been replaced by a later one before, are none',
    'chord',
    3_000_462,
    6,
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
    'chord',
    3_000_500,
    6,
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
  [
    'who came through one who has gone since is not cut off yet, and finds the others',
    'pastry',
    510_280,
    4,
    4000,
    [
      { atMs: 41, do: 'store', value: 'line 6', place: 4 },
      { atMs: 67, do: 'store', value: 'line 4', place: 2 },
      { atMs: 92, do: 'store', value: 'line 1', place: 2 },
      { atMs: 104, do: 'pause', place: 3, ms: 86 },
      { atMs: 111, do: 'crash', place: 4 },
      { atMs: 117, do: 'restart', place: 4 },
      { atMs: 183, do: 'crash', place: 1 },
      { atMs: 200, do: 'crash', place: 3 },
      { atMs: 236, do: 'restart', place: 1 },
      { atMs: 265, do: 'restart', place: 3 },
      { atMs: 335, do: 'store', value: 'value 2', place: 2 },
      { atMs: 983, do: 'stop', place: 2 },
    ],
  ],
  [
    'what is at nodes that were told to stop before it was acknowledged is promised by nobody',
    'kademlia',
    730_400,
    4,
    951,
    [
      { atMs: 86, do: 'store', value: 'line 51', place: 3 },
      { atMs: 105, do: 'store', value: 'line 49', place: 3 },
      { atMs: 151, do: 'store', value: 'line 45', place: 3 },
      { atMs: 164, do: 'store', value: 'line 44', place: 3 },
      { atMs: 304, do: 'store', value: 'line 32', place: 3 },
      { atMs: 350, do: 'store', value: 'line 27', place: 3 },
      { atMs: 379, do: 'store', value: 'line 25', place: 3 },
      { atMs: 456, do: 'store', value: 'line 20', place: 3 },
      { atMs: 471, do: 'store', value: 'line 19', place: 3 },
      { atMs: 533, do: 'store', value: 'line 10', place: 3 },
      { atMs: 572, do: 'store', value: 'line 6', place: 3 },
      { atMs: 690, do: 'crash', place: 1 },
      { atMs: 690, do: 'stop', place: 4 },
      { atMs: 752, do: 'stop', place: 2 },
    ],
  ],
  [
    'a node whose clock is behind gives no stamp twice, in whatever life',
    'pastry',
    830_080,
    7,
    87_000,
    [
      { atMs: 34_540, do: 'stop', place: 7 },
      { atMs: 35_042, do: 'restart', place: 7 },
      { atMs: 67_230, do: 'store', value: 'value 27', place: 7 },
      { atMs: 76_731, do: 'store', value: 'value 30', name: 'iris', place: 2 },
      { atMs: 82_740, do: 'stop', place: 2 },
      { atMs: 83_757, do: 'restart', place: 2 },
      { atMs: 86_344, do: 'store', value: 'value 34', name: 'iris', place: 2 },
    ],
  ],
]

test.each(found)('%s', async (_what, overlay, seed, nodes, endMs, deeds) => {
  const { checks } = await simulate('swarm', seed, { overlay, script: { nodes, deeds, endMs } })
  expect(checks.filter(({ ok }) => !ok)).toEqual([])
})

/** What chance has found once, as short as it can be told. */
import { expect, test } from 'vitest'
import type { OverlayName } from '../../src/overlay/overlays.ts'
import { simulate } from '../../src/sim/scenarios.ts'
import type { Deed } from '../../src/sim/script.ts'

const found: [what: string, overlay: OverlayName, seed: number, nodes: number, endMs: number, deeds: Deed[]][] = [
  [
    'a dead predecessor who was not acknowledged yet does not keep its place for long',
    'chord',
    1_027_441,
    4,
    20_562,
    [
      { atMs: 223, do: 'store', value: 'line 40', place: 3 },
      { atMs: 223, do: 'store', value: 'line 39', place: 4 },
      { atMs: 227, do: 'store', value: 'line 38', place: 3 },
      { atMs: 260, do: 'store', value: 'line 31', place: 1 },
      { atMs: 275, do: 'store', value: 'line 29', place: 3 },
      { atMs: 348, do: 'store', value: 'line 20', place: 2 },
      { atMs: 374, do: 'store', value: 'line 18', place: 3 },
      { atMs: 408, do: 'store', value: 'line 15', place: 1 },
      { atMs: 739, do: 'add', place: 5 },
      { atMs: 1048, do: 'crash', place: 1 },
      { atMs: 1103, do: 'pause', place: 2, ms: 275 },
      { atMs: 2449, do: 'add', place: 7 },
      { atMs: 5369, do: 'crash', place: 2 },
      { atMs: 12_177, do: 'look', what: { value: 'line 39' }, place: 5 },
      { atMs: 16_932, do: 'pause', place: 5, ms: 304 },
    ],
  ],
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
  [
    'those who come back do not take their own word while one who never went, and knows more, is there and cannot answer',
    'kademlia',
    892_176,
    1,
    42_258,
    [
      { atMs: 1_549, do: 'add', place: 2 },
      { atMs: 4_207, do: 'add', place: 3 },
      { atMs: 5_623, do: 'store', value: 'value 4', place: 3 },
      { atMs: 14_487, do: 'crash', place: 2 },
      { atMs: 16_011, do: 'store', value: 'value 3', place: 1 },
      { atMs: 16_558, do: 'add', place: 5 },
      { atMs: 17_389, do: 'add', place: 6 },
      { atMs: 21_465, do: 'remove', what: { name: 'lily' }, place: 3 },
      { atMs: 21_857, do: 'look', what: { name: 'lily' }, place: 5 },
      { atMs: 22_369, do: 'remove', what: { value: 'value 2' }, place: 1 },
      { atMs: 23_346, do: 'stop', place: 1 },
      { atMs: 26_286, do: 'fill', place: 3, ms: 9_442 },
      { atMs: 26_286, do: 'add', place: 7 },
      { atMs: 27_209, do: 'leave', place: 3 },
      { atMs: 29_104, do: 'fill', place: 7, ms: 10_823 },
      { atMs: 30_027, do: 'store', value: 'value 18', place: 7 },
      { atMs: 30_355, do: 'fill', place: 5, ms: 10_735 },
      { atMs: 30_849, do: 'leave', place: 6 },
      { atMs: 31_780, do: 'leave', place: 7 },
      { atMs: 33_373, do: 'restart', place: 2 },
      { atMs: 33_373, do: 'store', value: 'value 20', place: 5 },
      { atMs: 33_803, do: 'pause', place: 2, ms: 2 },
      { atMs: 33_803, do: 'look', what: { name: 'rose' }, place: 2 },
      { atMs: 34_239, do: 'fill', place: 2, ms: 8_191 },
      { atMs: 35_507, do: 'restart', place: 3 },
      { atMs: 36_996, do: 'restart', place: 1 },
      { atMs: 39_604, do: 'restart', place: 7 },
      { atMs: 42_212, do: 'look', what: { value: 'value 18' }, place: 3 },
    ],
  ],
  [
    'one that comes to a young network forgets no deletion that others remember',
    'kademlia',
    906_008,
    10,
    188_719,
    [
      { atMs: 9_219, do: 'store', value: 'value 1', name: 'rose', place: 10 },
      { atMs: 16_338, do: 'remove', what: { name: 'rose' }, place: 6 },
      { atMs: 23_690, do: 'add', place: 11 },
    ],
  ],
  [
    'one that is asked while it sleeps counts how long the value lasts from when it wakes',
    'chord',
    950_448,
    3,
    60_000,
    [
      { atMs: 2_255, do: 'pause', place: 3, ms: 37_000 },
      { atMs: 4_097, do: 'store', value: 'value 19', name: 'rose', ttlSeconds: 30, place: 3 },
      { atMs: 55_000, do: 'look', what: { name: 'rose' }, place: 1 },
    ],
  ],
  [
    'who held a key at boot does not say, when all are gone who were given it since, that there is nothing',
    'kademlia',
    980_227,
    6,
    13_587,
    [
      { atMs: 19, do: 'store', value: 'line 7', place: 5 },
      { atMs: 80, do: 'add', place: 8 },
      { atMs: 197, do: 'add', place: 9 },
      { atMs: 1_333, do: 'crash', place: 6 },
      { atMs: 6_186, do: 'crash', place: 8 },
      { atMs: 6_186, do: 'crash', place: 2 },
      { atMs: 7_782, do: 'look', what: { value: 'line 7' }, place: 1 },
    ],
  ],
]

test.each(found)('%s', async (_what, overlay, seed, nodes, endMs, deeds) => {
  const { checks } = await simulate('swarm', seed, { overlay, traits: [], script: { nodes, deeds, endMs } })
  expect(checks.filter(({ ok }) => !ok)).toEqual([])
})

test('beside one that has no room for good others come in the end, so that most can say what lives under a name', async () => {
  const { checks } = await simulate('swarm', 970_036, { overlay: 'chord' })
  expect(checks.filter(({ ok }) => !ok)).toEqual([])
})

test('who comes and goes with each pass, since it answers some calls and not others, does not have passes made without a rest', async () => {
  let instant = ''
  let lines = 0
  const log = (line: string) => {
    const [at = ''] = line.split(' ')
    lines = at === instant ? lines + 1 : 0
    instant = at
    if (lines > 10_000) throw new Error(`time stands still at ${at} ms`)
  }
  const { checks } = await simulate('swarm', 1_020_486, { overlay: 'kademlia', log })
  expect(checks.filter(({ ok }) => !ok)).toEqual([])
})

// Its acknowledgement came when it was taken to be gone, and its clock counted from then on: of four the middle was none.
test('what one that is gone has said of the time, and came late, does not count for good', async () => {
  const { checks } = await simulate('swarm', 1_065_071, { overlay: 'pastry' })
  expect(checks.filter(({ ok }) => !ok)).toEqual([])
})

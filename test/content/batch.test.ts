import { expect, test } from 'vitest'
import { batches } from '../../src/content/batch.ts'
import type { StoredRecord } from '../../src/protocol/schemas.ts'

const record = (size: number): StoredRecord => ({
  key: '00',
  index: 'v:0',
  value: 'x'.repeat(size),
  contentType: 'text/plain',
  version: { hlc: '0'.repeat(16), origin: '00' },
})

test.each([
  // sizes of the values, how many travel in each call
  [[], []],
  [Array.from({ length: 501 }, () => 1), [500, 1]],
  [
    [1_000_000, 40_000, 40_000],
    [2, 1],
  ],
  [
    [1_400_000, 1, 1_400_000],
    [1, 1, 1],
  ],
])('records of %j bytes travel by %j', (sizes, expected) => {
  const pieces = batches(sizes.map(record))
  expect(pieces.map(({ length }) => length)).toEqual(expected)
})

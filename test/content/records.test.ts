/** The records of a node, as they are found again. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MemoryStore } from '../../src/content/memory-store.ts'
import { keyOf } from '../../src/content/record.ts'
import { Records } from '../../src/content/records.ts'
import type { StoredRecord } from '../../src/protocol/schemas.ts'

const version = { hlc: '0'.repeat(16), origin: 'aa' }
const recordAt = (index: string, bits: number): StoredRecord => ({
  key: keyOf(index, bits),
  index,
  value: 'x',
  contentType: 'text/plain',
  version,
})

/** Few enough that they meet, whatever the width of an id. */
const hashes = fc
  .constantFrom('0', '1', 'f')
  .chain((end) => fc.constantFrom('ab', 'ac', 'ff').map((begin) => begin + end.repeat(38)))
const indices = fc.uniqueArray(fc.tuple(fc.constantFrom('v', 'n'), hashes).map(([kind, hash]) => `${kind}:${hash}`))

test.each([8, 12, 156, 160])('at a key of %i bits is all that is kept under it, in order, and nothing else', (bits) =>
  fc.assert(
    fc.property(indices, hashes, (kept, hash) => {
      const records = new Records(new MemoryStore(), bits / 4, 1e9, () => {})
      for (const index of kept) records.replace(undefined, recordAt(index, bits))
      const key = hash.slice(0, bits / 4)
      const due = kept.filter((index) => keyOf(index, bits) === key).sort()
      expect([...records.at(key)].map(({ index }) => index)).toEqual(due)
    }),
  ),
)

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Fingerprints } from '../../src/content/fingerprints.ts'
import { MemoryStore } from '../../src/content/memory-store.ts'
import type { StoredRecord } from '../../src/protocol/schemas.ts'
import type { Span } from '../../src/space/arcs.ts'
import { inArc } from '../../src/space/ring.ts'
import { hex } from './hex.ts'

const recordWith = (bits: number): fc.Arbitrary<StoredRecord> =>
  fc.record({ hash: hex(40), live: fc.boolean(), stamp: fc.nat(9) }).map(({ hash, live, stamp }) => ({
    key: hash.slice(0, bits / 4),
    index: `v:${hash}`,
    value: live ? 'x' : null,
    contentType: 'text/plain',
    version: { hlc: String(stamp).padStart(16, '0'), origin: 'aa' },
  }))

/** A store with its fingerprints, and how a record comes into both. */
const kept = (width: number) => {
  const store = new MemoryStore()
  const span = ({ first, last }: Span) => store.scan('', store.size).filter(({ key }) => first <= key && key <= last)
  const prints = new Fingerprints(span, width)
  return {
    prints,
    put: (record: StoredRecord) => {
      const ours = store.read(record.key).find(({ index }) => index === record.index)
      store.write(record)
      if (ours) prints.note(ours, -1)
      prints.note(record, 1)
    },
    drop: (record: StoredRecord) => {
      store.drop(record.key, record.index)
      prints.note(record, -1)
    },
    all: () => store.scan('', store.size),
  }
}

test.each([8, 16, 160])(
  'with %i bits: stores with the same records on an arc have the same fingerprint there, others another',
  (bits) => {
    const width = bits / 4
    fc.assert(
      fc.property(
        fc.array(recordWith(bits), { maxLength: 40 }),
        fc.array(recordWith(bits), { maxLength: 5 }),
        hex(width),
        hex(width),
        (some, more, from, to) => {
          const [a, b] = [kept(width), kept(width)]
          for (const record of some) a.put(record)
          for (const record of some.toReversed()) b.put(record)
          // The last of one index stays in a, the first in b: bring b to the same.
          for (const record of a.all()) b.put(record)
          expect(b.prints.of({ from, to })).toEqual(a.prints.of({ from, to }))
          const before = new Map(a.all().map((record) => [record.index, record.version.hlc]))
          for (const record of more) b.put(record)
          const differs = b
            .all()
            .some((record) => inArc(from, record.key, to) && before.get(record.index) !== record.version.hlc)
          expect(b.prints.of({ from, to }).print !== a.prints.of({ from, to }).print).toBe(differs)
          const there = b.all().filter(({ key }) => inArc(from, key, to))
          expect(b.prints.of({ from, to })).toMatchObject({
            count: there.length,
            values: there.filter(({ value }) => value !== null).length,
          })
        },
      ),
    )
  },
)

test('what has gone leaves no trace', () => {
  fc.assert(
    fc.property(fc.array(recordWith(160), { maxLength: 20 }), hex(40), hex(40), (some, from, to) => {
      const store = kept(40)
      for (const record of some) store.put(record)
      for (const record of store.all()) store.drop(record)
      expect(store.prints.of({ from, to })).toEqual({ count: 0, values: 0, print: '0'.repeat(16) })
    }),
  )
})

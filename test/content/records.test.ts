/** The records of a node, as they are found again. */
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { MemoryStore } from '../../src/content/memory-store.ts'
import { keyOf } from '../../src/content/record.ts'
import { everywhere, Records } from '../../src/content/records.ts'
import type { StoredRecord } from '../../src/protocol/schemas.ts'
import { hash } from '../../src/sim/host.ts'
import { distance, inArc } from '../../src/space/ring.ts'
import { hex } from './hex.ts'

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
      const records = new Records(new MemoryStore(), bits / 4, 1e9, () => true)
      for (const index of kept) records.replace(undefined, recordAt(index, bits))
      const key = hash.slice(0, bits / 4)
      const due = kept.filter((index) => keyOf(index, bits) === key).sort()
      expect([...records.at(key)].map(({ index }) => index)).toEqual(due)
    }),
  ),
)

test.each([8, 12, 16, 160])(
  'with %i bits the parts of a digest lead from one end of the arc to the other, and have it all',
  (bits) => {
    const digits = bits / 4
    const records = new Records(new MemoryStore(), digits, 1e9, () => true)
    for (let number = 0; number < 3000; number++) records.replace(undefined, recordAt(`v:${hash(String(number))}`, bits))
    fc.assert(
      fc.property(hex(digits), hex(digits), (from, to) => {
        const { count } = records.summary({ from, to })
        const parts = records.digest({ from, to, count: 100, print: '' })
        let last = from
        for (const [at, part] of parts.entries()) {
          expect([inArc(last, part.to, to), part.to === to]).toEqual([true, at === parts.length - 1])
          expect(part).toMatchObject({ count: records.summary({ from: last, to: part.to }).count })
          last = part.to
        }
        expect(parts.reduce((sum, part) => sum + part.count, 0)).toBe(count)
        const size = distance(from, to) || 2n ** BigInt(bits)
        expect(parts).toHaveLength(count === 0 ? 1 : size < 16n ? Number(size) : 16)
      }),
    )
  },
)

test('of a long arc only the records at its ends are looked at', () => {
  const store = new MemoryStore()
  const records = new Records(store, 40, 1e9, () => true)
  for (let number = 0; number < 8192; number++) records.replace(undefined, recordAt(`v:${hash(String(number))}`, 160))
  const scan = vi.spyOn(store, 'scan')
  const parts = records.digest({ from: `1${'2'.repeat(39)}`, to: `9${'7'.repeat(39)}`, count: 4000, print: '' })
  expect(parts).toHaveLength(16)
  // Of the arc, and of its first and its last part.
  expect(scan).toHaveBeenCalledTimes(4)
})

/** Records, and how many were read from their store since. */
const watched = (values: readonly string[]) => {
  const store = new MemoryStore()
  const records = new Records(store, 40, 1e9, () => true)
  for (const [at, value] of values.entries()) records.replace(undefined, { ...recordAt(`v:${hash(String(at))}`, 160), value })
  const scan = vi.spyOn(store, 'scan')
  const read = () => scan.mock.results.reduce((sum, { value }) => sum + (value as StoredRecord[]).length, 0)
  return { records, read }
}

test.each([
  ['of small values', 300, 1, 100, 3, 302],
  ['of one more than a page', 101, 1, 100, 2, 102],
  ['of values of half a MiB', 9, 512 * 1024, 100, 5, 9],
  ['of values of a MiB', 5, 1024 * 1024, 100, 6, 5],
  ['as many as are read at once', 1000, 1, 200, 5, 1004],
  ['more than are read at once', 5000, 1, 1000, 5, 5004],
  ['one by one', 5, 1, 1, 5, 9],
] as const)('a page reads hardly more than it gives: %s', (_what, count, chars, limit, pages, most) => {
  const { records, read } = watched(Array.from({ length: count }, () => 'x'.repeat(chars)))
  const seen: StoredRecord[] = []
  let turns = 0
  for (let after: string | undefined, more = true; more; turns++) {
    const page = records.page(after, limit)
    seen.push(...page.records)
    after = page.next
    more = after !== undefined
  }
  expect(seen).toHaveLength(count)
  expect(new Set(seen.map(({ index }) => index)).size).toBe(count)
  expect([turns, read()]).toEqual([pages, most])
})

test('to look at the first of many large ones none of the others is read', () => {
  const { records, read } = watched(Array.from({ length: 20 }, () => 'x'.repeat(1024 * 1024)))
  const [first] = records.on({ from: '0'.repeat(40), to: '0'.repeat(40) })
  expect([first?.value?.length, read()]).toEqual([1024 * 1024, 1])
})

test('what has come in the place of a record since it was read is not dropped for it', () => {
  const records = new Records(new MemoryStore(), 40, 1e9, () => true)
  const old = recordAt(`n:${hash('x')}`, 160)
  const young = { ...old, value: 'y', version: { ...version, origin: 'ab' } }
  records.replace(undefined, old)
  records.replace(old, young)
  records.drop(old)
  expect([...records.at(old.key)]).toEqual([young])
  records.drop(young)
  expect([records.size, records.bytes]).toEqual([0, 0])
})

test('what the store does not take counts for nothing, and what comes in the place of another counts once', () => {
  const store = new MemoryStore()
  const records = new Records(store, 40, 1e9, () => true)
  const old = recordAt(`n:${hash('x')}`, 160)
  const young = { ...old, value: 'y', version: { ...version, origin: 'ab' } }
  const counted = () => ({ bytes: records.bytes, ...records.summary(everywhere(40)) })
  records.replace(undefined, old)
  const before = counted()
  vi.spyOn(store, 'write').mockImplementationOnce(() => {
    throw new Error('no room')
  })
  expect(() => records.replace(old, young)).toThrow('no room')
  expect(counted()).toEqual(before)
  records.replace(old, young)
  expect(counted()).toEqual({ ...before, print: expect.not.stringMatching(before.print) })
})

/** What every Store does. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cursorOf } from '../../src/content/record.ts'
import type { Store } from '../../src/ports.ts'
import type { StoredRecord } from '../../src/protocol/schemas.ts'

export const recordAt = (
  key: string,
  index: string,
  value: string | null = 'x',
  more: Partial<StoredRecord> = {},
): StoredRecord => ({
  key,
  index,
  value,
  contentType: 'text/plain',
  version: { hlc: '0'.repeat(16), origin: '0a' },
  ...more,
})

/** Every record under a key, in order of index. */
export const recordsAt = (store: Store, key: string): StoredRecord[] => store.scan(key, Infinity, key)

const keys = fc.constantFrom('00', '0a', '80', 'ff')
const indices = fc.constantFrom('n:1', 'v:1', 'v:2')
const record = fc.record(
  {
    key: keys,
    index: indices,
    value: fc.option(fc.oneof(fc.string({ unit: 'binary' }), fc.constant('long'.repeat(2000)))),
    contentType: fc.constantFrom('text/plain', 'image/png'),
    version: fc.record({ hlc: fc.constantFrom('0000000000000001', '0000000000000002'), origin: fc.constantFrom('0a', '0b') }),
    name: fc.string({ unit: 'grapheme', minLength: 1 }),
    encoding: fc.constant('base64' as const),
    expiresAt: fc.nat(),
  },
  { requiredKeys: ['key', 'index', 'value', 'contentType', 'version'] },
)
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ write: record }) },
  { weight: 3, arbitrary: fc.record({ drop: fc.record({ key: keys, index: indices }) }) },
  { weight: 1, arbitrary: fc.record({ remember: fc.string() }) },
  { weight: 2, arbitrary: fc.record({ flush: fc.constantFrom('asked for', 'under way', 'done') }) },
)
const cursor = fc.oneof(
  fc.constant(''),
  fc.tuple(keys, indices).map(([key, index]) => cursorOf({ key, index })),
  keys.map((key) => `${key}/~`),
  fc.string(),
  fc.string({ unit: 'binary', maxLength: 200 }),
)

/** The same, told in the plainest words. */
class Model {
  readonly records = new Map<string, StoredRecord>()
  memo: string | undefined

  after(after: string): StoredRecord[] {
    const cursors = [...this.records.keys()].filter((at) => at > after).sort()
    return cursors.flatMap((at) => this.records.get(at) ?? [])
  }
}

const act = async (store: Store, model: Model, done: typeof step extends fc.Arbitrary<infer T> ? T : never): Promise<void> => {
  if ('write' in done) {
    store.write(done.write)
    model.records.set(cursorOf(done.write), done.write)
  } else if ('drop' in done) {
    store.drop(done.drop.key, done.drop.index)
    model.records.delete(cursorOf(done.drop))
  } else if ('remember' in done) {
    store.remember(done.remember)
    model.memo = done.remember
  } else {
    const flushed = store.flushed()
    if (done.flush === 'under way') await new Promise(setImmediate)
    if (done.flush === 'done') await flushed
  }
}

const expectSame = (store: Store, model: Model, after: string, limit: number): void => {
  const records = model.after('')
  expect(store.scan('', 100)).toEqual(records)
  expect(store.scan(after, limit)).toEqual(model.after(after).slice(0, limit))
  for (const key of ['00', '0a', '80', 'ff']) expect(recordsAt(store, key)).toEqual(records.filter((kept) => kept.key === key))
  expect(store.size).toBe(records.length)
  expect(store.memo).toBe(model.memo)
}

/** @param open a store with nothing in it */
export const storeSuite = (name: string, open: () => Promise<Store>): object =>
  describe(name, () => {
    test('is empty at first', async () => {
      const store = await open()
      expect(store).toMatchObject({ size: 0, memo: undefined })
      expect(recordsAt(store, '00')).toEqual([])
      expect(store.scan('', 10)).toEqual([])
      await store.flushed()
    })

    test('shows what was written at once, every field of it', async () => {
      const store = await open()
      const written = recordAt('0a', 'n:1', 'aGk=', { name: 'motd', encoding: 'base64', expiresAt: 5 })
      const tombstone = recordAt('0a', 'v:1', null)
      store.write(tombstone)
      store.write(written)
      expect(recordsAt(store, '0a')).toEqual([written, tombstone])
      await store.flushed()
      expect(recordsAt(store, '0a')).toEqual([written, tombstone])
    })

    test('shows a place that was looked at before as it is now', async () => {
      const store = await open()
      expect(store.get('0a', 'v:1')).toBeUndefined()
      store.write(recordAt('0a', 'v:1'))
      expect(store.get('0a', 'v:1')).toEqual(recordAt('0a', 'v:1'))
      store.drop('0a', 'v:1')
      expect(store.get('0a', 'v:1')).toBeUndefined()
    })

    test('keeps one record in a place, and counts it once', async () => {
      const store = await open()
      store.write(recordAt('0a', 'v:1', 'old'))
      await store.flushed()
      store.write(recordAt('0a', 'v:1', 'new'))
      expect(recordsAt(store, '0a')).toEqual([recordAt('0a', 'v:1', 'new')])
      expect(store.size).toBe(1)
    })

    test('does not take the beginning of a key for the key', async () => {
      const store = await open()
      for (const key of ['0a', '0a0', '0a00']) store.write(recordAt(key, 'v:1'))
      await store.flushed()
      expect(recordsAt(store, '0a0')).toEqual([recordAt('0a0', 'v:1')])
      expect(store.scan('0a/~', 10).map(({ key }) => key)).toEqual(['0a0', '0a00'])
    })

    test('drops what is there, and minds nothing that is not', async () => {
      const store = await open()
      store.write(recordAt('0a', 'v:1'))
      await store.flushed()
      store.drop('0a', 'v:1')
      store.drop('0b', 'v:1')
      expect(store.size).toBe(0)
      expect(recordsAt(store, '0a')).toEqual([])
      await store.flushed()
      expect(store.scan('', 1)).toEqual([])
    })

    test('goes on after a cursor, in order, page by page', async () => {
      const store = await open()
      const all = ['00', '3c', 'a0', 'ff'].flatMap((key) => ['n:1', 'v:1', 'v:2'].map((index) => recordAt(key, index)))
      for (const [at, kept] of all.toReversed().entries()) {
        store.write(kept)
        if (at % 5 === 0) await store.flushed()
      }
      const seen: StoredRecord[] = []
      for (let page = store.scan('', 5); page.length > 0; page = store.scan(cursorOf(page.at(-1)!), 5)) seen.push(...page)
      expect(seen).toEqual(all)
      expect(store.scan('3c/~', 1)).toEqual([recordAt('a0', 'n:1')])
      expect(store.scan('3c ', 1)).toEqual([recordAt('3c', 'n:1')])
      expect(store.scan('3d!', 1)).toEqual([recordAt('a0', 'n:1')])
    })

    test('ends a page after the record with which it has too many bytes, wherever that is kept', async () => {
      const store = await open()
      const all = ['00', '3c', 'a0', 'ff'].map((key) => recordAt(key, 'v:1', 'x'.repeat(1000)))
      for (const [at, kept] of all.entries()) {
        store.write(kept)
        if (at === 1) await store.flushed()
      }
      for (const [bytesMost, count] of [
        [0, 1],
        [1299, 1],
        [1300, 2],
        [2600, 3],
        [10_000, 4],
      ] as const)
        expect(store.scan('', 10, undefined, bytesMost)).toEqual(all.slice(0, count))
      expect(store.scan('', 1, undefined, 10_000)).toEqual(all.slice(0, 1))
    })

    test('shows the same as a map, whatever was written, dropped, remembered and flushed', async () =>
      fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(step, cursor, fc.integer({ min: 1, max: 5 })), { maxLength: 30 }), async (steps) => {
          const store = await open()
          const model = new Model()
          for (const [done, after, limit] of steps) {
            await act(store, model, done)
            expectSame(store, model, after, limit)
          }
          await store.flushed()
          expectSame(store, model, '', 3)
        }),
      ))
  })

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HybridClock, stampMs } from '../../src/content/hybrid-clock.ts'
import { assertSound, buried, compareVersions, mergeRecords, valueIndex } from '../../src/content/record.ts'
import type { Hash } from '../../src/ports.ts'
import type { StoredRecord } from '../../src/protocol/schemas.ts'

const hash: Hash = (text, encoding) =>
  createHash('sha256')
    .update(text, encoding ?? 'utf8')
    .digest('hex')
    .slice(0, 40)

const name = 'motd'
const index = `n:${hash(name)}`
const record = fc
  .record({
    value: fc.option(fc.constantFrom('a', 'b', 'c')),
    hlc: fc.integer({ min: 0, max: 3 }).map((n) => n.toString(16).padStart(16, '0')),
    origin: fc.constantFrom('0a', '0b'),
    expiresAt: fc.constantFrom(1, 2),
  })
  .map(
    ({ value, hlc, origin, expiresAt }): StoredRecord => ({
      key: index.slice(2, 4),
      index,
      value,
      contentType: 'text/plain',
      name,
      version: { hlc, origin },
      expiresAt,
    }),
  )

describe('merge', () => {
  test('a record merged with itself is itself', () =>
    fc.assert(
      fc.property(record, (a) => {
        expect(mergeRecords(hash, a, a)).toEqual(a)
      }),
    ))

  test('whoever comes first, the winner is the same', () =>
    fc.assert(
      fc.property(record, record, (a, b) => {
        expect(mergeRecords(hash, a, b)).toEqual(mergeRecords(hash, b, a))
      }),
    ))

  test('however the merges are grouped, the winner is the same', () =>
    fc.assert(
      fc.property(record, record, record, (a, b, c) => {
        expect(mergeRecords(hash, mergeRecords(hash, a, b), c)).toEqual(mergeRecords(hash, a, mergeRecords(hash, b, c)))
      }),
    ))
})

test('of two versions of one moment that of the greater giver is the later one, whatever the records are', () => {
  const at = (origin: string, value: string | null) => ({
    key: index.slice(2, 4),
    index,
    name,
    contentType: 'text/plain',
    value,
    version: { hlc: '1'.repeat(16), origin },
  })
  for (const value of ['a', 'b', null])
    for (const other of ['a', 'b', null]) {
      const [less, greater] = [at('0a', value), at('0b', other)]
      expect([mergeRecords(hash, less, greater), mergeRecords(hash, greater, less)]).toEqual([greater, greater])
      expect(compareVersions(less.version, greater.version)).toBeLessThan(0)
    }
})

describe('a sound record', () => {
  const value = 'hello'
  const sound: StoredRecord = {
    key: valueIndex(hash, value).slice(2),
    index: valueIndex(hash, value),
    value,
    contentType: 'text/plain',
    version: { hlc: '0'.repeat(16), origin: '0a' },
  }
  const none = { value: `${'='.repeat(300_000)}x`, encoding: 'base64' } as const
  test.each<[string, Partial<StoredRecord>, boolean]>([
    ['as it is', {}, true],
    ['a tombstone', { value: null }, true],
    ['another value under this index', { value: 'bye' }, false],
    ['the value said to be base64', { encoding: 'base64' }, false],
    [
      'base64 that is none, under its index',
      { ...none, index: valueIndex(hash, none.value, 'base64'), key: valueIndex(hash, none.value, 'base64').slice(2) },
      false,
    ],
    ['under another key', { key: '0'.repeat(40) }, false],
    ['an index of a name without one', { index: index, key: index.slice(2) }, false],
    ['another name than the index has', { index: index, key: index.slice(2), name: 'other' }, false],
    ['a name beside an index of a value', { name }, false],
    ['the name that the index has', { index: index, key: index.slice(2), name }, true],
  ])('%s', (_, change, accepted) => {
    const check = () => assertSound(hash, { ...sound, ...change }, 160)
    if (accepted) expect(check).not.toThrow()
    else expect(check).toThrow(expect.objectContaining({ code: 'BAD_RECORD' }))
  })
})

test('of what is buried only its place, its type, its name and its version are left', () => {
  const { key, contentType, version } = { key: '00', contentType: 'text/plain', version: { hlc: '0'.repeat(16), origin: '0a' } }
  const given = { key, index, value: 'aGk=', encoding: 'base64' as const, contentType, name: 'a', version, expiresAt: 7 }
  expect(buried(given, 7)).toEqual({ key, index, value: null, contentType, name: 'a', version })
  expect(buried(given, 6)).toBe(given)
})

describe('stamps', () => {
  const at = (times: number[]) => new HybridClock({ now: () => times.shift() ?? 0 })

  test('grow, though the clock stands still or goes back', () => {
    const clock = at([1000, 1000, 900, 1001])
    const stamps = [clock.next(), clock.next(), clock.next(), clock.next()]
    expect(stamps).toEqual([...stamps].sort())
    expect(new Set(stamps).size).toBe(4)
  })

  test('exceed whatever was seen', () => {
    const seen = at([5000]).next()
    const clock = at([1000])
    clock.observe(seen)
    expect(clock.next() > seen).toBe(true)
  })

  test('far ahead are exceeded by what is to replace them, and by nothing else', () => {
    const ahead = at([86_400_000]).next()
    const clock = new HybridClock({ now: () => 1000 })
    clock.observe(ahead)
    expect(stampMs(clock.next())).toBe(1000)
    const replacing = [clock.next(ahead), clock.next(ahead)]
    expect([ahead, ...replacing]).toEqual([...new Set([ahead, ...replacing])].sort())
    expect(stampMs(clock.next())).toBe(1000)
  })

  test('are given once, however the clock is set', () => {
    let now = 1_700_000_000_000
    const clock = new HybridClock({ now: () => now })
    const given: string[] = []
    const giveSome = () => {
      for (let number = 0; number < 1000; number++, now += 600) given.push(clock.next())
    }
    giveSome()
    now -= 600_000
    giveSome()
    expect(new Set(given).size).toBe(given.length)
  })

  test('given while the clock was ahead are exceeded by none that are given once it is right', () => {
    let now = 86_400_000
    const clock = new HybridClock({ now: () => now })
    const ahead = clock.next()
    now = 1000
    expect([stampMs(clock.next()), stampMs(clock.next())]).toEqual([1000, 1000])
    expect(clock.next(ahead) > ahead).toBe(true)
  })

  test('tell their milliseconds', () => expect(stampMs(at([1_763_640_000_000]).next())).toBe(1_763_640_000_000))

  test('pass on to the next millisecond when the counter is full', () => {
    const clock = at([1000])
    clock.observe('0000000003e8ffff')
    expect(clock.next()).toBe('0000000003e90000')
  })
})

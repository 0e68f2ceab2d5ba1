import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { MemoryStore } from '../../src/content/memory-store.ts'
import { keyOf } from '../../src/content/record.ts'
import type { StoredRecord } from '../../src/protocol/schemas.ts'
import { Disk, Mount } from '../../src/sim/disk.ts'
import { Manual } from './manual.ts'

const recordOf = (number: number, version = 1): StoredRecord => {
  const index = `v:${number.toString(16).padStart(40, '0')}`
  const hlc = version.toString(16).padStart(16, '0')
  return { key: keyOf(index, 160), index, value: `value ${number}`, contentType: 'text/plain', version: { hlc, origin: 'ff' } }
}

const all = (store: MemoryStore | Mount): StoredRecord[] => store.scan('', 1000)

const mounted = () => {
  const [disk, spindle] = [new Disk(), new Manual()]
  return { disk, spindle, store: new Mount(disk, spindle) }
}

test('what is written is seen at once, and durable once a flush that began later has ended', async () => {
  const { disk, spindle, store } = mounted()
  store.write(recordOf(1))
  const flushed = store.flushed()
  store.write(recordOf(2))
  store.remember('words')
  expect([all(store).length, store.memo, all(disk.durable).length]).toEqual([2, 'words', 0])
  spindle.ends.shift()?.()
  await flushed
  expect(all(disk.durable)).toEqual([recordOf(1)])
  expect(disk.durable.memo).toBeUndefined()
})

test('of two flushes the later one may end first: it takes along what the first was to make durable', async () => {
  const { disk, spindle, store } = mounted()
  store.write(recordOf(1))
  const first = store.flushed()
  store.write(recordOf(2))
  const second = store.flushed()
  spindle.ends.pop()?.()
  await second
  expect(all(disk.durable)).toHaveLength(2)
  spindle.ends.pop()?.()
  await first
  expect(all(disk.durable)).toHaveLength(2)
})

test('a crash leaves what was flushed, and of the rest the first few changes', () =>
  fc.assert(
    fc.property(
      fc.array(fc.record({ number: fc.nat(5), drop: fc.boolean(), version: fc.nat(9) }), { maxLength: 20 }),
      fc.nat(20),
      fc.nat(20),
      (changes, flushedAt, kept) => {
        const { disk, spindle, store } = mounted()
        const states = [[] as StoredRecord[]]
        for (const [at, { number, drop, version }] of changes.entries()) {
          if (at === flushedAt) void store.flushed()
          const record = recordOf(number, version)
          if (drop) store.drop(record.key, record.index)
          else store.write(record)
          states.push(all(store))
        }
        for (const end of spindle.ends) end()
        store.crash({ below: (limit) => kept % limit })
        const least = spindle.ends.length > 0 ? flushedAt : 0
        expect(states.slice(least)).toContainEqual(all(disk.durable))
        expect(all(new Mount(disk, spindle))).toEqual(all(disk.durable))
      },
    ),
  ))

test('a life that has ended changes nothing any more', () => {
  const { disk, spindle, store } = mounted()
  store.crash({ below: () => 0 })
  store.write(recordOf(1))
  void store.flushed()
  for (const end of spindle.ends) end()
  store.close()
  expect(all(disk.durable)).toEqual([])
})

test('a full disk refuses the flush, and in the end the write; with room again the next flush takes all', async () => {
  const { disk, spindle, store } = mounted()
  disk.full = true
  expect(store.isFull).toBe(false)
  store.write(recordOf(0))
  expect(store.isFull).toBe(true)
  const refused = store.flushed()
  spindle.ends.pop()?.()
  await expect(refused).rejects.toMatchObject({ code: 'STORE_FULL' })
  let number = 1
  expect(() => {
    for (; number < 1000; number++) store.write(recordOf(number))
  }).toThrow(/no room/)
  disk.full = false
  const taken = store.flushed()
  spindle.ends.pop()?.()
  await taken
  expect(store.isFull).toBe(false)
  expect(all(disk.durable)).toHaveLength(number)
})

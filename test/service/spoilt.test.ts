/** Of a disk that has changed a bit by itself only what is still what it was is there; the rest others give anew. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { keyOf, nameIndex, valueIndex } from '../../src/content/record.ts'
import { parseConfig } from '../../src/node/config.ts'
import type { StoredRecord } from '../../src/protocol/schemas.ts'
import { hash } from '../../src/service/hash.ts'
import { LmdbStore } from '../../src/service/lmdb-store.ts'
import { createLog } from '../../src/service/log.ts'
import { createService } from '../../src/service/service.ts'

const identity = { network: '0123456789abcdef', id: '7f'.repeat(20) }
const version = { hlc: '019aa3f1c2d00000', origin: '7f' }
const kept = { contentType: 'text/plain', version }

const recordAt = (index: string, rest: Pick<StoredRecord, 'value' | 'name'>): StoredRecord => ({
  key: keyOf(index, 160),
  index,
  ...kept,
  ...rest,
})
const fox = recordAt(valueIndex(hash, 'the quick brown fox'), { value: 'the quick brown fox' })
const rose: StoredRecord = {
  ...recordAt(nameIndex(hash, 'rose'), { value: 'red', name: 'rose' }),
  version: { ...version, hlc: '019aa3f1c2d10000' },
}
const other = recordAt(valueIndex(hash, 'another'), { value: 'another' })

/** A service in whose store, since `keep`, a disk has changed every `from` to `to`, which is as long. */
const startAfter = async (from: string, to: string, keep: (store: LmdbStore) => void) => {
  const directory = mkdtempSync(join(tmpdir(), 'polychord-spoilt-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const events: string[] = []
  const log = createLog('store', 'warn', { write: (line) => void events.push((JSON.parse(line) as { msg: string }).msg) })
  const before = await LmdbStore.open(directory, identity, log)
  keep(before)
  await before.close()
  const file = join(directory, 'data.mdb')
  const bytes = readFileSync(file)
  expect(bytes.indexOf(from)).toBeGreaterThan(0)
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + 1)) bytes.write(to, at)
  writeFileSync(file, bytes)
  const store = await LmdbStore.open(directory, identity, log)
  onTestFinished(() => store.close())
  const config = parseConfig({ name: 'one', url: 'http://127.0.0.1:1', ...identity, incarnation: 0, allowCustomIds: true })
  const service = createService(config, store, log, () => {})
  onTestFinished(() => service.stop())
  return { store, events }
}

test.each<[what: string, from: string, to: string, spoilt: StoredRecord]>([
  // Was shown by its node for ever.
  ['a letter of a value', 'quick brown', 'quack brown', fox],
  // Its node never started again.
  ['what makes it JSON', '"value":"the quick', '"value"*"the quick', fox],
  ['what makes it a record', '"value":"the quick', '"valve":"the quick', fox],
  ['its end', '"the quick brown fox"', '"the quick brown fox ', fox],
  // No stamp could be given any more after the one, and nothing take the place of the other.
  ['a stamp', '"hlc":"019aa3f1c2d10000"', '"hlc":"p19aa3f1c2d10000"', rose],
  ['a stamp that comes after all', '"hlc":"019aa3f1c2d10000"', '"hlc":"099aa3f1c2d10000"', rose],
  ['a letter of a name', '"name":"rose"', '"name":"rosa"', rose],
  ['what makes a named one JSON', '"name":"rose"', '"name":"rose ', rose],
])('%s', async (_, from, to, spoilt) => {
  const { store, events } = await startAfter(from, to, (before) => {
    for (const record of [fox, rose, other]) before.write(record)
  })
  const there = (record: StoredRecord) => store.get(record.key, record.index)
  for (const record of [fox, rose, other].filter((one) => one !== spoilt)) expect(there(record)).toEqual(record)
  expect(there(spoilt)).toBeUndefined()
  expect(events).toEqual(['record spoilt on the disk, and dropped'])
})

// Its node never started again.
test.each([
  ['what a node noted of itself', '\\"times\\":', '\\"times\\".'],
  ['what its store made of that', '"{\\"knowsFrom', '"{\\"knows\u0001rom'],
])('%s', async (_, from, to) => {
  const { store, events } = await startAfter(from, to, (before) => {
    before.write(fox)
    before.remember(JSON.stringify({ knowsFrom: 0, times: [[1, 2]], complete: [], window: 1 }))
  })
  expect(store.get(fox.key, fox.index)).toEqual(fox)
  expect(events).toEqual([])
})

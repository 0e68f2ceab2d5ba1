import { expect, test } from 'vitest'
import { MemoryStore } from '../../src/content/memory-store.ts'
import { Outdated } from '../../src/content/outdated.ts'

const record = (index: string, hlc: string) => {
  const version = { hlc: hlc.padStart(16, '0'), origin: 'aa-1' }
  return { key: '10', index, name: index, value: 'red', contentType: 'text/plain', version }
}

test('what is here is outdated until each of it is replaced or gone', () => {
  const store = new MemoryStore()
  const outdated = new Outdated(store)
  for (const index of ['n:a', 'n:b']) {
    store.write(record(index, '1'))
    outdated.note(record(index, '1'))
  }
  expect([outdated.has('10'), outdated.has('20')]).toEqual([true, false])
  store.write(record('n:a', '2'))
  expect(outdated.has('10')).toBe(true)
  store.drop('10', 'n:b')
  expect(outdated.has('10')).toBe(false)
  store.write(record('n:b', '1'))
  expect(outdated.has('10')).toBe(false)
})

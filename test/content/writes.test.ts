/** When a write is acknowledged: what those say who were given a copy. */
import { expect, test } from 'vitest'
import { type Copy, write, type Writer } from '../../src/content/writes.ts'
import { Refusal } from '../../src/protocol/errors.ts'
import type { Peer, StoredRecord } from '../../src/protocol/schemas.ts'

const version = { hlc: '0001000000000000', origin: 'aa-1' }
const byContent: StoredRecord = { key: '10', index: 'v:10', value: 'red', contentType: 'text/plain', version }
const named: StoredRecord = { ...byContent, index: 'n:10', name: 'colour' }
const grave: StoredRecord = { ...byContent, value: null }

type Said = Pick<Copy, 'held' | 'complete' | 'window'>
const sure = (window = 3): Said => ({ held: true, complete: true, window })
const newcomer = (window = 3): Said => ({ held: true, complete: false, window })
const stranger: Said = { held: false, complete: false, window: 0 }

const peers = ['20', '30', '40', '50'].map((id): Peer => ({ id, url: `http://${id}` }))

/** @param said by each in line; undefined: it does not answer */
const outcomeOf = async (record: StoredRecord, said: readonly (Said | undefined)[], isAccompanied = true): Promise<string> => {
  const insert: Writer['insert'] = async (peer) => {
    const answer = said[peers.indexOf(peer)]
    return answer && { ...answer, peer, version, ask: [] }
  }
  const writer: Writer = { replicas: 3, isAccompanied: () => isAccompanied, anew: async (wanted) => wanted, insert }
  const lookup = {
    hops: 1,
    isGuess: false,
    avoid: new Set(),
    isSuspect: () => false,
    distrust: () => false,
    window: async () => peers.slice(0, said.length),
  }
  try {
    const { stored } = await write(writer, record, lookup as never, record)
    return `${stored} stored`
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}

const few = 'NOT_ENOUGH_COPIES'

test.each<[string, readonly (Said | undefined)[], value: string, name: string, deletion: string]>([
  ['all of the window vouch', [sure(), sure(), sure()], '3 stored', '3 stored', '3 stored'],
  ['most of it vouch', [sure(), newcomer(), sure()], '3 stored', '3 stored', '3 stored'],
  ['one of it vouches', [sure(), newcomer(), newcomer()], '3 stored', few, few],
  ['none of it vouches', [newcomer(), newcomer(), newcomer()], '3 stored', few, few],
  ['one does not answer', [sure(), undefined, sure()], '2 stored', '2 stored', '2 stored'],
  ['one alone answers', [sure(), undefined, undefined], few, few, few],
  ['one alone answers, who is alone in its window', [sure(1), undefined, undefined], few, few, few],
  ['nobody who answers holds the key', [stranger, stranger, stranger], few, few, few],
  ['one who vouches is alone in its window', [sure(1), newcomer(), newcomer()], '3 stored', few, few],
  ['most of a smaller window vouch', [sure(2), sure(2), newcomer(4)], '3 stored', few, few],
  ['one of a window of two vouches', [sure(2), newcomer(2)], '2 stored', few, few],
  ['beside one who vouches are strangers', [sure(), stranger, stranger], '3 stored', few, few],
])('%s', async (_, said, value, name, deletion) => {
  expect(await outcomeOf(byContent, said)).toBe(value)
  expect(await outcomeOf(named, said)).toBe(name)
  expect(await outcomeOf(grave, said)).toBe(deletion)
})

test('who is alone, and knows that it is, is enough', async () => {
  for (const record of [byContent, named, grave]) {
    expect(await outcomeOf(record, [sure(1)], false)).toBe('1 stored')
    expect(await outcomeOf(record, [newcomer(1)], false)).toBe(record === byContent ? '1 stored' : few)
    expect(await outcomeOf(record, [sure(2)], false)).toBe(few)
  }
})

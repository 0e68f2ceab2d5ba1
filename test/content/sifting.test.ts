/** What becomes of records that may have been deleted while their node was away, by what another says who was there. */
import { expect, test } from 'vitest'
import { MemoryStore } from '../../src/content/memory-store.ts'
import { cursorOf } from '../../src/content/record.ts'
import { Sifting } from '../../src/content/sifting.ts'
import type { StoredRecord } from '../../src/protocol/schemas.ts'
import { hash } from '../../src/service/hash.ts'
import { type StillNode, StillRing } from './still-ring.ts'

const dayMs = 24 * 3600_000
const stampOf = (ms: number) => ({ hlc: `${ms.toString(16).padStart(12, '0')}0000`, origin: 'a' })

/** A node that was away for twenty days, and a record that it has from before that. */
const back = () => {
  const times = [[1, new StillRing(1, 'fingers').now - 20 * dayMs]]
  const ring = new StillRing(1, 'fingers', 0, () => {
    const store = new MemoryStore()
    store.remember(JSON.stringify({ knowsFrom: 0, times, complete: [], window: 3 }))
    return store
  })
  const { holdings } = (ring.nodes[0] as StillNode).content
  expect(holdings.testimony.doubtUntil).toBeGreaterThan(0)
  const key = hash('x')
  const stamped = ring.now - 25 * dayMs
  const ours: StoredRecord = { key, index: `v:${key}`, value: 'x', contentType: 'text/plain', version: stampOf(stamped) }
  holdings.records.replace(undefined, ours)
  return { holdings, ours, stamped, ring }
}

const word = { held: true, doubting: false, isComplete: true, isWitnessed: true }

test.each<[said: string, of: Partial<typeof word & { knowsFromMs: number }>, fate: 'dropped' | 'given' | 'undecided']>([
  ['had everything all the while', {}, 'dropped'],
  ['had everything, and does not hold it', { held: false }, 'undecided'],
  ['has not had everything', { isComplete: false, isWitnessed: false }, 'undecided'],
  ['had everything once something was given up', { isWitnessed: false }, 'given'],
  ['is in doubt itself', { doubting: true }, 'given'],
  // Such a deletion it would still have.
  ['remembers the deletions of that time', { knowsFromMs: -1 }, 'given'],
])('who lacks it and %s: %o, it is %s', (_, of, fate) => {
  const { holdings, ours, stamped } = back()
  const { knowsFromMs = 1, ...rest } = of
  const sifting = new Sifting(holdings, { ...word, ...rest, knowsFrom: stamped + knowsFromMs }, new Map())
  sifting.add(ours)
  const isHere = holdings.records.size > 0
  expect({ isHere, given: sifting.given, isDecided: sifting.isDecided }).toEqual({
    isHere: fate !== 'dropped',
    given: fate === 'given' ? [cursorOf(ours)] : [],
    isDecided: fate !== 'undecided',
  })
})

test('what the other has too is given where it is newer here, and fetched where it is newer there, in doubt or not', () => {
  const { holdings, ours, stamped } = back()
  for (const [ms, given, wanted] of [
    [stamped - 1, [cursorOf(ours)], []],
    [stamped, [], []],
    [stamped + 1, [], [cursorOf(ours)]],
  ] as const) {
    const theirs = new Map([[cursorOf(ours), stampOf(ms)]])
    const sifting = new Sifting(holdings, { ...word, knowsFrom: stamped + dayMs }, theirs)
    sifting.add(ours)
    expect([sifting.given, sifting.wanted(() => true)]).toEqual([given, { wanted, isAll: true }])
    expect(sifting.isDecided).toBe(true)
  }
})

test('what is not trusted is not fetched, and then that is not all', () => {
  const { holdings, ours, ring } = back()
  const theirs = new Map([
    ['a', stampOf(ring.now)],
    ['b', stampOf(ring.now - 30 * dayMs)],
  ])
  const sifting = new Sifting(holdings, { ...word, knowsFrom: 0 }, theirs)
  sifting.add(ours)
  expect(sifting.wanted((hlc) => hlc >= stampOf(ring.now - dayMs).hlc)).toEqual({ wanted: ['a'], isAll: false })
})

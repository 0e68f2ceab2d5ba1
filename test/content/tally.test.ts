import { expect, test } from 'vitest'
import type { Told } from '../../src/protocol/peer-api.ts'
import type { StoredRecord } from '../../src/protocol/schemas.ts'
import { type Judge, Tally } from '../../src/content/tally.ts'
import { mergeRecords } from '../../src/content/record.ts'
import { hash } from '../../src/sim/host.ts'

const now = 1_700_000_000_000
const index = 'n:aa'
const record = (value: string | null, at: number, expiresAt?: number): StoredRecord => ({
  key: 'aa',
  index,
  value,
  contentType: 'text/plain',
  name: 'motd',
  version: { hlc: `${(now + at).toString(16).padStart(12, '0')}0000`, origin: 'aa' },
  ...(expiresAt === undefined ? {} : { expiresAt }),
})
const [old, young, grave, expired] = [record('old', 1), record('young', 2), record(null, 3), record('over', 4, now - 1)]

/** What one says: its standing, and what it has. */
interface Said {
  readonly records: readonly Told[]
  readonly held: boolean
  readonly complete: boolean
  readonly window: number
}
const sure = (...records: Told[]): Said => ({ records, held: true, complete: true, window: 3 })
const newcomer = (...records: StoredRecord[]): Said => ({ ...sure(...records), complete: false })
const stranger = (...records: StoredRecord[]): Said => ({ records, held: false, complete: false, window: 0 })
const ofAnother = (window: number, ...records: StoredRecord[]): Said => ({ ...sure(...records), window })

const tallyOf = (
  said: readonly Said[],
  { isGuess = false, isReuniting = false, oneIsEnough = false, dead = [] as string[], leastWords = 1 },
) => {
  const judge: Judge = {
    now: () => now,
    isReuniting: () => isReuniting,
    isDead: (id) => dead.includes(id),
    leastWords,
    newer: (ours, theirs) => mergeRecords(hash, ours, theirs),
  }
  const tally = new Tally(judge, { isGuess }, oneIsEnough)
  tally.size = 3
  for (const [at, one] of said.entries()) tally.note({ ...one, peer: { id: `0${at}`, url: `http://${at}` }, ask: [] } as never)
  return tally
}

const guess = { isGuess: true }
const one = { oneIsEnough: true }

test.each<[string, Said[], Parameters<typeof tallyOf>[1], 'there' | 'missing' | 'open']>([
  ['nobody has answered', [], {}, 'open'],
  ['most have it', [sure(old), sure(old)], {}, 'there'],
  ['one of most has it', [sure(old), sure()], {}, 'there'],
  ['one has it who has had everything', [sure(old)], {}, 'open'],
  ['one who is enough has it', [sure(old)], one, 'there'],
  ['one who has not had everything has it', [newcomer(old)], one, 'open'],
  ['most have nothing', [sure(), sure()], {}, 'missing'],
  ['most have nothing, and one has who came late', [sure(), sure(), newcomer(old)], {}, 'there'],
  ['most have nothing, and one has who does not hold it', [sure(), sure(), stranger(old)], {}, 'there'],
  ['one has nothing', [sure(), newcomer(), newcomer()], {}, 'open'],
  ['the newest is a deletion', [sure(young), sure(grave)], {}, 'missing'],
  ['the newest has expired', [sure(young), sure(expired)], {}, 'missing'],
  ['of a larger window most are wanted', [ofAnother(5, old), sure(old)], {}, 'open'],
  ['of a guess most say that it is there', [sure(old), sure(old)], guess, 'there'],
  ['of a guess most have nothing', [sure(), sure()], guess, 'open'],
  ['of a guess all have nothing', [sure(), sure(), sure()], guess, 'missing'],
  ['of a guess some live in a smaller ring', [ofAnother(1), ofAnother(2), sure()], guess, 'open'],
  ['two rings have just met, and most have nothing', [sure(), sure(), sure()], { isReuniting: true }, 'open'],
  ['two rings have just met, and most have it', [sure(old), sure(old), sure(old)], { isReuniting: true }, 'open'],
  ['most have nothing, and are taken for dead', [sure(), sure(), newcomer()], { dead: ['00'] }, 'open'],
  ['most of those have it who are taken for alive', [sure(old), sure(), sure()], { dead: ['01'] }, 'there'],
  ['one who is alone in its window has it, and there are others', [ofAnother(1, old)], { leastWords: 2 }, 'open'],
  ['one who is alone in its window has nothing, and there are others', [ofAnother(1)], { leastWords: 2 }, 'open'],
  ['one who is enough is alone in its window, and there are others', [ofAnother(1, old)], { leastWords: 2, ...one }, 'there'],
  ['one who is enough has it, and is taken for dead', [sure(old), newcomer()], { dead: ['00'], ...one }, 'open'],
  ['two rings have just met, and one who is enough has it', [sure(old)], { isReuniting: true, ...one }, 'there'],
])('%s', (_, said, setting, expected) => {
  const tally = tallyOf(said, setting)
  expect({ there: tally.isSure, missing: tally.isMiss }).toEqual({
    there: expected === 'there',
    missing: expected === 'missing',
  })
})

test('the newest is told, by whom it is had, and who of the window lacks it', () => {
  const tally = tallyOf([sure(old), sure(), sure(young), stranger()], {})
  expect(tally.living()).toEqual([young])
  expect(tally.answererOf(tally.living())).toMatchObject({ id: '02' })
  expect(tally.lacking.map(({ peer, record }) => [peer.id, record])).toEqual([
    ['00', young],
    ['01', young],
  ])
})

test('what nobody vouches for is given where one is enough, but not by a guess', () => {
  expect(tallyOf([newcomer(old)], one).isAllThereIs).toBe(true)
  expect(tallyOf([newcomer(old)], { ...one, ...guess }).isAllThereIs).toBe(false)
  expect(tallyOf([sure(), newcomer(old)], { ...one, ...guess }).isAllThereIs).toBe(true)
  expect(tallyOf([newcomer(old)], {}).isAllThereIs).toBe(false)
})

test('of one version a value that was left out is there, though somebody has buried it already', () => {
  const { value: _, ...outline } = record('mortal', 5, now + 500)
  const [mortal, buried] = [record('mortal', 5, now + 500), record(null, 5)]
  for (const [said, there] of [
    [[sure(buried), sure(mortal)], mortal],
    [[sure(buried), sure(outline)], outline],
    [[sure(outline), sure(buried)], outline],
    [[sure(outline), sure(mortal)], mortal],
    [[sure(mortal), sure(outline)], mortal],
  ] as const) {
    const tally = tallyOf(said as readonly Said[], {})
    expect([tally.living(), tally.isMiss]).toEqual([[there], false])
  }
})

test('what one gives who had left it out is what it has by now', () => {
  const [{ value: _, ...outline }, given] = [old, young]
  const tally = tallyOf([sure(outline), sure(outline)], {})
  expect(tally.leftOut.map(({ peer, records }) => [peer.id, records])).toEqual([
    ['00', [outline]],
    ['01', [outline]],
  ])
  tally.complete({ id: '01', url: 'http://1' }, [given])
  expect([tally.isWhole, tally.living(), tally.leftOut]).toEqual([true, [given], []])
  expect(tally.answererOf([given]).id).toBe('01')
  expect(tally.lacking.map(({ peer, record: lacked }) => [peer.id, lacked])).toEqual([['00', given]])
})

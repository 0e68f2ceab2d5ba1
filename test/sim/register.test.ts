import { describe, expect, test } from 'vitest'
import type { StoredRecord } from '../../src/protocol/schemas.ts'
import { Register, type What, type Write } from '../../src/sim/register.ts'

const version = (number: number) => ({ hlc: number.toString(16).padStart(16, '0'), origin: 'ff' })

/**
 * `a( b( a) b) read` in order of time: `x(` begins a write of x, `x)` acknowledges it with the next version, `x!` finds that it
 * had no effect; `-` is a deletion.
 */
const play = (history: string): { register: Register; possible: () => (string | null)[] } => {
  const register = new Register('v:00', { value: 'any' })
  const writes = new Map<string, Write>()
  let now = 0
  for (const word of history.split(' ').filter(Boolean)) {
    const [name = '', what] = word
    const write = writes.get(name)
    now++
    if (what === '(') writes.set(name, register.begin(name === '-' ? null : name, now))
    else if (write && what === ')') register.acknowledge(write, version(now), 3, now, 0)
    else if (write) register.cancel(write)
  }
  return { register, possible: () => [...new Set(register.possible(now + 1))].map((value) => value ?? 'nothing').sort() }
}

describe('what a read may find', () => {
  test.each([
    ['', ['nothing']],
    ['a(', ['a', 'nothing']],
    ['a( a)', ['a']],
    ['a( a) b( b)', ['b']],
    ['a( b( a) b)', ['a', 'b']],
    ['a( b( b) a)', ['a', 'b']],
    ['a( a) b(', ['a', 'b']],
    ['a( b( b)', ['a', 'b']],
    ['a( b( b) c( c)', ['a', 'c']],
    ['a( a) -( -)', ['nothing']],
    ['a( a) -(', ['a', 'nothing']],
    ['a( a) -( -!', ['a']],
    ['a( -( -) a)', ['a', 'nothing']],
    ['a( a) -( -) b( b)', ['b']],
  ])('after %s', (history, expected) => expect(play(history).possible()).toEqual(expected))

  test('a read that began before an acknowledgement may find what was there before', () => {
    const { register } = play('a( a) b( b)')
    expect(register.possible(3)).toEqual(['a', 'b'])
  })

  test('when nobody had the newest for a while, what was written meanwhile may come before it', () => {
    const { register } = play('a( a)')
    register.darken(0)
    const write = register.begin('b', 10)
    register.acknowledge(write, version(1), 3, 11, 0)
    expect(register.possible(12)).toEqual(['a', 'b'])
  })

  test('what is lost, and rightly so, leaves everything possible', () => {
    const { register } = play('a( a) b( b)')
    register.release()
    expect(register.possible(10)).toEqual([null, 'a', 'b'])
  })
})

describe('what a read may find of what is stored for a while only', () => {
  /** `a10( a)`: until 10; the read is made from 20 on, and is over at 25. */
  const found = (what: What, history: string): (string | null)[] => {
    const register = new Register('x:00', what)
    const writes = new Map<string, Write>()
    let now = 0
    for (const word of history.split(' ')) {
      const [, name = '', value = '', ms = '', end] = /^(([a-z-])(\d*))([()])$/.exec(word) ?? []
      now++
      if (end === '(') {
        const write = register.begin(value === '-' ? null : value, now)
        if (ms !== '') write.expires = { fromMs: Number(ms) - 3, toMs: Number(ms) + 3 }
        writes.set(name, write)
      } else register.acknowledge(writes.get(name) as Write, version(now), 3, now, 0)
    }
    return register.possible(now + 1, { fromMs: 20, toMs: 25 }).toSorted((a, b) => (b === null ? -1 : a === null ? 1 : 0))
  }

  test.each<[string, (string | null)[]]>([
    ['a10( a10)', [null]],
    ['a16( a16)', [null]],
    ['a17( a17)', ['a', null]],
    ['a28( a28)', ['a', null]],
    ['a29( a29)', ['a']],
    ['a10(', [null]],
    ['a90(', ['a', null]],
  ])('after %s', (history, expected) => {
    expect(found({ name: 'rose' }, history)).toEqual(expected)
    expect(found({ value: 'a' }, history)).toEqual(expected)
  })

  test.each<[string, (string | null)[], (string | null)[]]>([
    ['a90( a90) a10( a10)', ['a'], [null]],
    ['a( a) a10( a10)', ['a'], [null]],
    ['a10( a10) a90( a90)', ['a'], ['a']],
    ['a( a10( a10) a)', ['a', null], ['a', null]],
    ['a( a) -( -) a10( a10)', ['a', null], [null]],
    ['a( a10( a10) a) a11( a11)', ['a', null], [null]],
  ])('by its content it lives as long as whoever came before wants, by a name it does not: %s', (history, content, name) => {
    expect(found({ value: 'a' }, history)).toEqual(content)
    expect(found({ name: 'rose' }, history)).toEqual(name)
  })
})

test.each<[ms: number, possible: (string | null)[]]>([
  [20_000, ['a']],
  [30_000, ['a', null]],
])(
  'who stores for a while what all have whom nobody hears of for %i ms decides for how long once they are waited for no more',
  (ms, possible) => {
    const register = new Register('v:00', { value: 'a' })
    register.acknowledge(register.begin('a', 1), version(1), 3, 2, 0)
    register.darken(10_000)
    const write = register.begin('a', 3)
    write.expires = { fromMs: 10, toMs: 10 }
    register.acknowledge(write, version(2), 2, 4, 10_000 + ms)
    register.lighten(5)
    expect(register.possible(6, { fromMs: 20, toMs: 25 })).toEqual(possible)
  },
)

describe('what is judged', () => {
  test('while those who are left wait for those who had it reads are judged, and may fail; later nothing is held against them', () => {
    const { register } = play('a( a)')
    expect([register.isJudged(1000), register.isAtHand]).toEqual([true, true])
    register.darken(10_000)
    expect([register.isJudged(30_000), register.isAtHand]).toEqual([true, false])
    expect(register.isJudged(50_000)).toBe(false)
  })

  test('nor is anything held against those who are left of what was written just before', () => {
    const { register } = play('a( a)')
    register.darken(4000)
    expect([register.isJudged(5000), register.isAtHand]).toEqual([false, false])
  })

  test.each([
    ['a( a) b(', true, false],
    ['a( a) -( -)', false, true],
    ['a( a) -( -!', true, true],
  ])('after %s', (history, isJudged, isAtHand) => {
    const { register } = play(history)
    expect([register.isJudged(0), register.isAtHand]).toEqual([isJudged, isAtHand])
  })
})

test('an acknowledgement with an earlier version than one before its beginning is told of', () => {
  const { register } = play('a( a)')
  const late = register.begin('b', 10)
  expect(register.acknowledge(late, version(1), 3, 11, 0).map(({ value }) => value)).toEqual(['a'])
})

test('a write of the same value again is lost to nobody: whichever of the two is later, it is there', () => {
  const register = new Register('v:1', { value: 'a' })
  register.acknowledge(register.begin('a', 1), version(9), 3, 2, 0)
  const again = register.begin('a', 3)
  expect(register.acknowledge(again, version(1), 3, 4, 0)).toEqual([])
})

describe('what must not be lost', () => {
  const recordAt = (number: number): StoredRecord => ({
    key: '00',
    index: 'v:00',
    value: 'any',
    contentType: 'text/plain',
    version: version(number),
  })

  test('is what has the latest version, whichever was acknowledged last; what came before it is not it', () => {
    const { register } = play('a( a) b( b)')
    register.acknowledge(register.begin('c', 10), version(1), 3, 11, 0)
    expect(register.newest?.value).toBe('b')
    expect([1, 3, 4, 5].map((number) => register.isKept([recordAt(number)]))).toEqual([false, false, true, true])
    expect(register.isKept([{ ...recordAt(4), index: 'v:01' }])).toBe(false)
  })

  test('is nothing any more once it is lost, and rightly so', () => {
    const { register } = play('a( a)')
    register.release()
    expect([register.newest, register.isKept([recordAt(2)])]).toEqual([undefined, false])
  })
})

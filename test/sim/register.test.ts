import { describe, expect, test } from 'vitest'
import { Register, type Write } from '../../src/sim/register.ts'

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
    else if (write && what === ')') register.acknowledge(write, version(now), 3, now)
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
    register.darken()
    const write = register.begin('b', 10)
    register.acknowledge(write, version(1), 3, 11)
    expect(register.possible(12)).toEqual(['a', 'b'])
  })

  test('what is lost, and rightly so, leaves everything possible', () => {
    const { register } = play('a( a) b( b)')
    register.release()
    expect(register.possible(10)).toEqual([null, 'a', 'b'])
  })
})

test('an acknowledgement with an earlier version than one before its beginning is told of', () => {
  const { register } = play('a( a)')
  const late = register.begin('b', 10)
  expect(register.acknowledge(late, version(1), 3, 11).map(({ value }) => value)).toEqual(['a'])
})

test('a write of the same value again is lost to nobody: whichever of the two is later, it is there', () => {
  const register = new Register('v:1', { value: 'a' })
  register.acknowledge(register.begin('a', 1), version(9), 3, 2)
  const again = register.begin('a', 3)
  expect(register.acknowledge(again, version(1), 3, 4)).toEqual([])
})

import { describe, expect, test } from 'vitest'
import { WrongUse } from '../../tasks/failure.ts'
import { findEntry } from '../../tasks/naming.ts'
import type { Entry } from '../../tasks/state.ts'

const entry = (port: number, id: string): Entry => ({
  name: `node-${port}`,
  id,
  url: `http://127.0.0.1:${port}`,
  pid: null,
  incarnation: 1,
  startedAt: '2025-11-20T12:00:00.000Z',
  state: 'dead',
  logFile: `.polychord/logs/node-${port}.log`,
  dataDir: `.polychord/data/node-${port}`,
})
const ten = Array.from({ length: 10 }, (_, at) => entry(10_001 + at, `a${at}0`))

describe('a node', () => {
  test.each(['10003', 'node-10003', 'a20', 'a2'])('is meant by %s', (word) => expect(findEntry(ten, word)).toBe(ten[2]))

  test('is not meant by a short number that begins its id, but by all of a short id', () => {
    const [first, second] = [entry(10_001, '1cdb'), entry(10_002, '12')]
    expect(() => findEntry([first, second], '1')).toThrow('there is no node 1;')
    expect(findEntry([first, second], '12')).toBe(second)
  })

  // Began the ids of all, and so meant the only one.
  test('is not meant by nothing', () => {
    expect(() => findEntry(ten.slice(0, 1), '')).toThrow(WrongUse)
    expect(() => findEntry(ten.slice(0, 1), '')).toThrow('no node is named; a node is a port')
  })

  test.each([
    ['10011', 'there is no node 10011; a node is a port, a name, or the beginning of an id: 10001 (a00), 10002 (a10), '],
    ['10011', '10008 (a70), 2 more'],
    ['a', 'a begins the ids of 10001 (a00), '],
    ['a', '10008 (a70), 2 more; give more digits, or a port'],
  ])('is not meant by %s: %s', (word, message) => {
    expect(() => findEntry(ten, word)).toThrow(WrongUse)
    expect(() => findEntry(ten, word)).toThrow(message)
  })
})

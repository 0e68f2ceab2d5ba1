import { expect, test } from 'vitest'
import { remember } from '../../src/space/memory.ts'

test('who was heard of again is the last, and the first is forgotten where there is no room', () => {
  const memory = new Map<string, number>()
  const heard = ['a', 'b', 'c', 'a', 'd', 'a', 'e'].map((key, at) => {
    remember(memory, key, at, 3)
    return [...memory.keys()].join('')
  })
  expect(heard).toEqual(['a', 'ab', 'abc', 'bca', 'cad', 'cda', 'dae'])
  expect(memory.get('a')).toBe(5)
})

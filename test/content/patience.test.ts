import { expect, test } from 'vitest'
import { Patience } from '../../src/content/patience.ts'

/** Waits of 30 ms that begin at 0 and at 10, in a process of which every sleep ends so late. */
const woken = async (lateMs: number): Promise<string[]> => {
  let now = 0
  const said: string[] = []
  const sleep = async (ms: number) => {
    now += ms + (now < 100 ? lateMs : 0)
  }
  const patience = new Patience({ now: () => now, sleep }, 30)
  patience.wait(() => said.push(`first at ${now}`))
  now = 10
  patience.wait(() => said.push(`second at ${now}`))
  patience.wait(() => said.push('never'))()
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  return said
}

test.each([
  [0, ['first at 30', 'second at 40']],
  [20, ['first at 50', 'second at 50']],
  // They were to end at 30 and 40, and were looked at at 230 only.
  [200, ['first at 260', 'second at 260']],
])('a wait begins anew where its process was late by more than it lasts: %i ms', async (lateMs, expected) => {
  expect(await woken(lateMs)).toEqual(expected)
})

test('a wait ends in a process that is late every time', async () => {
  let now = 0
  const said: number[] = []
  const sleep = async (ms: number) => {
    now += ms + 40
  }
  new Patience({ now: () => now, sleep }, 30).wait(() => said.push(now))
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  expect(said).toEqual([140])
})

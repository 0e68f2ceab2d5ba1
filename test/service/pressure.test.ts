import { Session } from 'node:inspector'
import { getHeapStatistics } from 'node:v8'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { Pressure } from '../../src/service/pressure.ts'

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

test.each([
  ['once a second where nobody asks', 0, 9, 11],
  ['once a second in a network at rest', 10, 9, 11],
  ['ten times a second while requests come', 100, 85, 111],
])('samples %s', (_what, requests, least, most) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  const sampled = vi.spyOn(globalThis, 'setTimeout')
  const pressure = new Pressure()
  for (let second = 0; second < 10; second++) {
    for (let number = 0; number < requests; number++) pressure.note()
    vi.advanceTimersByTime(1000)
  }
  pressure.stop()
  expect(sampled.mock.calls.length).toBeGreaterThanOrEqual(least)
  expect(sampled.mock.calls.length).toBeLessThanOrEqual(most)
  expect(pressure.delayMs).toBe(0)
  expect(vi.getTimerCount()).toBe(0)
})

test('a process that comes late to its work again and again is overloaded, and one that stood still once is not', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  const pressure = new Pressure()
  onTestFinished(() => pressure.stop())
  const after = (lateMs: number) => {
    now += 1000 + lateMs
    vi.advanceTimersByTime(1000)
    return [pressure.delayMs, pressure.overloaded]
  }
  const windows = [
    [2500, false],
    [0, false],
    [1500, false],
    [1500, true],
    [1001, true],
    [1000, false],
    [1500, false],
  ] as const
  for (const [lateMs, overloaded] of windows) expect(after(lateMs)).toEqual([lateMs, overloaded])
})

test('how late a process is is measured', async () => {
  const pressure = new Pressure()
  onTestFinished(() => pressure.stop())
  const until = performance.now() + 1500
  while (performance.now() < until);
  await vi.waitFor(() => expect(pressure.delayMs).toBeGreaterThan(400), { timeout: 10_000 })
  await vi.waitFor(() => expect(pressure.delayMs).toBeLessThan(400), { timeout: 10_000 })
})

/** More than half of what there is. Nothing is written there: it is only counted. */
const much = () => Array.from({ length: 6 }, () => Buffer.allocUnsafeSlow(Math.floor(getHeapStatistics().heap_size_limit / 10)))

const ask = (pressure: Pressure) => {
  for (let number = 0; number < 64; number++) pressure.note()
}

test('a process whose memory is more than half full is overloaded once someone asks, and until that is used no more', async () => {
  const pressure = new Pressure()
  onTestFinished(() => pressure.stop())
  let used = much()
  expect(pressure.overloaded).toBe(false)
  ask(pressure)
  await vi.waitFor(() => expect([pressure.overloaded, used.length]).toEqual([true, 6]), { timeout: 10_000 })
  used = []
  // The next collection comes after twenty times as long as the one before took, which may be seconds.
  await vi.waitFor(() => expect([pressure.overloaded, used.length]).toEqual([false, 0]), { timeout: 120_000 })
}, 150_000)

test('a process whose memory is full of what is not used any more is not overloaded', async () => {
  const pressure = new Pressure()
  onTestFinished(() => pressure.stop())
  expect(much().length).toBe(6)
  ask(pressure)
  const { heap_size_limit } = getHeapStatistics()
  await vi.waitFor(
    () => {
      expect(pressure.overloaded).toBe(false)
      expect(getHeapStatistics().external_memory).toBeLessThan(heap_size_limit / 2)
    },
    { timeout: 10_000 },
  )
})

test('what is used and stays so is looked for no more often than takes a twentieth of the time, and never at the same time', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  const collections: (() => void)[] = []
  vi.spyOn(Session.prototype, 'post').mockImplementation((...words) => {
    collections.push(words.at(-1) as () => void)
  })
  const pressure = new Pressure()
  onTestFinished(() => pressure.stop())
  const used = much()
  const askAt = (ms: number) => {
    now = ms
    ask(pressure)
    return collections.length
  }
  expect(askAt(1000)).toBe(1)
  expect(askAt(1999)).toBe(1)
  // It has taken a second.
  now = 2000
  collections[0]?.()
  expect([pressure.overloaded, used.length]).toEqual([true, 6])
  expect(askAt(21_999)).toBe(1)
  expect(askAt(22_001)).toBe(2)
})

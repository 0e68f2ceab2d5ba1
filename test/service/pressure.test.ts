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

test('a process that has not come to its work for long is overloaded, and is not any more once it has', async () => {
  const pressure = new Pressure()
  onTestFinished(() => pressure.stop())
  const until = performance.now() + 2500
  while (performance.now() < until);
  await vi.waitFor(() => expect(pressure.overloaded).toBe(true))
  await vi.waitFor(() => expect(pressure.overloaded).toBe(false), { timeout: 10_000 })
})

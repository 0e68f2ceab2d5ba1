/** Schedules in real time, by cron and by timers alike. */
import os from 'node:os'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ServiceClock } from '../../src/service/clock.ts'
import { eventually } from './live.ts'

const errors: unknown[] = []
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: (fields: object) => void errors.push(fields) }

test('who is to sleep for longer than a timer lasts sleeps', async () => {
  const clock = new ServiceClock(log)
  const first = await Promise.race([
    clock.sleep(2 ** 32).then(() => 'the long one'),
    clock.sleep(50).then(() => 'the short one'),
  ])
  clock.stop()
  expect(first).toBe('the short one')
})

test('a sleep of nothing ends with the turn of the event loop, and not once the clock has stopped', async () => {
  const clock = new ServiceClock(log)
  const order: string[] = []
  void clock.sleep(1).then(() => order.push('a millisecond'))
  void clock.sleep(0).then(() => order.push('nothing'))
  void Promise.resolve().then(() => order.push('what was under way'))
  await eventually(
    () => order.length,
    (length) => length === 3,
  )
  expect(order).toEqual(['what was under way', 'nothing', 'a millisecond'])
  void clock.sleep(0).then(() => order.push('too late'))
  clock.stop()
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  expect(order).toHaveLength(3)
})

describe.concurrent.each([20, 1000, 1500])('a job every %i ms', (periodMs) => {
  test('goes on after a failure, which is logged, and never overlaps itself', async () => {
    const clock = new ServiceClock(log)
    let [runs, running, most] = [0, 0, 0]
    clock.every(periodMs, async () => {
      most = Math.max(most, ++running)
      await clock.sleep(periodMs * 1.5)
      running--
      if (++runs === 1) throw new Error(`failed after ${periodMs}`)
    })
    await eventually(
      () => runs,
      (seen) => seen >= 2,
    )
    clock.stop()
    expect(most).toBe(1)
    expect(errors).toContainEqual({ err: new Error(`failed after ${periodMs}`) })
  })

  test('stops when told, and with the clock', async () => {
    const clock = new ServiceClock(log)
    const runs = { first: 0, second: 0, third: 0 }
    const count = (name: keyof typeof runs) => () => {
      runs[name]++
      return Promise.resolve()
    }
    const stop = clock.every(periodMs, count('first'))
    stop()
    clock.every(periodMs, count('second'))
    await eventually(
      () => runs.second,
      (seen) => seen > 0,
    )
    clock.stop()
    const seen = runs.second
    clock.every(periodMs, count('third'))
    const other = new ServiceClock(log)
    let later = 0
    other.every(periodMs, () => Promise.resolve(void later++))
    await eventually(
      () => later,
      (times) => times >= 2,
    )
    other.stop()
    expect(runs).toEqual({ first: 0, second: seen, third: 0 })
  })
})

describe('jobs go on', () => {
  afterEach(() => void vi.useRealTimers())

  test.each([
    ['back by an hour', -3_600_000],
    ['forward by twenty days', 20 * 86_400_000],
  ])(
    'when the clock is set %s',
    async (_, byMs) => {
      vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
      const clock = new ServiceClock(log)
      let runs = 0
      clock.every(1000, async () => void runs++)
      await vi.advanceTimersByTimeAsync(10_000)
      expect(runs).toBeGreaterThan(8)
      vi.setSystemTime(Date.now() + byMs)
      await vi.advanceTimersByTimeAsync(120_000)
      expect(runs).toBeGreaterThan(125)
      expect(runs).toBeLessThan(135)
      clock.stop()
    },
    10_000,
  )
})

describe('the time', () => {
  afterEach(() => void vi.restoreAllMocks())

  /** What the machine tells stands still, but for what the test makes of it. */
  const stopped = () => {
    const machine = { wall: Date.now(), run: performance.now(), upSeconds: os.uptime() }
    vi.spyOn(Date, 'now').mockImplementation(() => machine.wall)
    vi.spyOn(performance, 'now').mockImplementation(() => machine.run)
    vi.spyOn(os, 'uptime').mockImplementation(() => machine.upSeconds)
    return machine
  }

  test('follows a clock that is set forward', () => {
    const clock = new ServiceClock(log)
    const before = clock.wall()
    const set = Date.now() + 3_600_000
    vi.spyOn(Date, 'now').mockReturnValue(set)
    expect(clock.wall() - set).toBeLessThan(2)
    expect(clock.wall() - before).toBeGreaterThan(3_599_000)
  })

  test('that waits go by goes on while the machine sleeps', () => {
    const clock = new ServiceClock(log)
    const machine = stopped()
    const before = clock.now()
    machine.wall += 3_600_000
    machine.upSeconds += 3600
    for (let look = 0; look < 2; look++) expect(Math.abs(clock.now() - before - 3_600_000)).toBeLessThan(500)
  })

  test('that waits go by goes on evenly, whatever the clock is set to', () => {
    const clock = new ServiceClock(log)
    const machine = stopped()
    const before = clock.now()
    expect(Math.abs(before - machine.wall)).toBeLessThan(1000)
    for (const byMs of [3_600_000, -7_200_000]) {
      machine.wall += byMs
      machine.run += 500
    }
    expect(Math.round(clock.now() - before)).toBe(1000)
  })

  test('does not go back with a clock that is set back, and is slower until they agree', () => {
    const clock = new ServiceClock(log)
    const machine = stopped()
    const before = clock.wall()
    const after = (ms: number) => {
      machine.wall += ms
      machine.run += ms
      return Math.round(clock.wall() - before)
    }
    machine.wall -= 10_000
    expect(after(0)).toBe(0)
    expect([after(1000), after(1000), after(8000)]).toEqual([500, 1000, 5000])
    expect([after(12_000), after(1000)]).toEqual([12_000, 13_000])
    expect(Math.abs(clock.wall() - machine.wall)).toBeLessThan(2)
  })
})

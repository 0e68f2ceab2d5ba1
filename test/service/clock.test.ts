/** Schedules in real time, by cron and by timers alike. */
import { describe, expect, test } from 'vitest'
import { ServiceClock } from '../../src/service/clock.ts'
import { eventually } from './live.ts'

const errors: unknown[] = []
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: (fields: object) => void errors.push(fields) }

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

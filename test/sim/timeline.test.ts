import { expect, test } from 'vitest'
import { stream } from '../../src/sim/random.ts'
import { Timeline } from '../../src/sim/timeline.ts'

const timelineOf = (seed: number) => new Timeline(stream(seed, 'world', 'ties'))
const never = () => false

test('what is later happens later, and what an instant adds for itself happens before time moves', async () => {
  const timeline = timelineOf(1)
  const seen: string[] = []
  const see = (what: string) => seen.push(`${timeline.now} ${what}`)
  timeline.after(7, () => see('late'))
  timeline.after(3, () => {
    see('early')
    void Promise.resolve().then(() => timeline.after(0, () => see('the same instant')))
  })
  await timeline.run(5, never)
  expect(timeline.now).toBe(5)
  await timeline.run(5, never)
  expect(seen).toEqual(['3 early', '3 the same instant', '7 late'])
})

test('promises are run to the end before time moves, however often it does', async () => {
  const timeline = timelineOf(1)
  const unfinished = new Set<number>()
  const left: number[] = []
  const walk = async (instant: number) => {
    left.push(unfinished.size)
    unfinished.add(instant)
    for (let steps = 0; steps < 100; steps++) await Promise.resolve()
    unfinished.delete(instant)
  }
  for (let instant = 1; instant <= 300; instant++) timeline.after(instant, () => void walk(instant))
  await timeline.run(300, never)
  expect(left).toEqual(Array<number>(300).fill(0))
})

test('the order of what happens at one instant follows from the seed, and differs between seeds', async () => {
  const orderOf = async (seed: number) => {
    const timeline = timelineOf(seed)
    const order: number[] = []
    for (let number = 0; number < 20; number++) timeline.after(1, () => order.push(number))
    await timeline.run(1, never)
    return order.join(' ')
  }
  expect(await orderOf(1)).toBe(await orderOf(1))
  expect(await orderOf(1)).not.toBe(await orderOf(2))
})

test('ten thousand entries come out in order of time', async () => {
  const timeline = timelineOf(1)
  const random = stream(1, 'test', 'times')
  let last = 0
  let count = 0
  for (let number = 0; number < 10_000; number++)
    timeline.after(random.below(1000), () => {
      expect(timeline.now).toBeGreaterThanOrEqual(last)
      last = timeline.now
      count++
    })
  await timeline.run(1000, never)
  expect(count).toBe(10_000)
})

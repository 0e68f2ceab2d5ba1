/** Clocks that somebody sets: what the nodes of such machines see, and what of them the law allows. */
import { expect, test } from 'vitest'
import { stream } from '../../src/sim/random.ts'
import { SimClock } from '../../src/sim/clock.ts'
import { anyTime } from '../../src/sim/clocks.ts'
import { epochMs } from '../../src/sim/host.ts'
import { World } from '../../src/sim/world.ts'

/** Asks what time it is every 10 ms: by how much it is ahead after so many ms. The machine's clock is set at once. */
const aheadAfter = (ms: number, setMs: number): number => {
  const machine = { now: 1000, setMs: 0 }
  const clock = new SimClock(
    {
      run: () => machine.now,
      wall: () => epochMs + machine.now + machine.setMs,
      after: () => undefined,
      blame: () => undefined,
    },
    stream(1, 'test', 'phases'),
  )
  machine.setMs = setMs
  for (let step = 0; step < ms; step += 10) {
    machine.now += 10
    clock.wall()
  }
  return clock.wall() - epochMs - machine.now
}

test.each([
  ['forward: at once', 36_000_000, 10, 36_000_000],
  ['back: at half the speed', -1000, 10, -5],
  ['back: until it is there', -1000, 1990, -995],
  ['back: and no further', -1000, 3000, -1000],
])('a clock that is set %s', (_what, setMs, ms, aheadMs) => expect(aheadAfter(ms, setMs)).toBe(aheadMs))

const watching = async (size: number) => {
  const world = new World({ seed: 1, settings: { membership: 'local' } })
  return { world, ids: await world.boot(size) }
}

const strayOf = (world: World, id: string): number => world.host(id).strayMs

test('the clock is the machine’s: the next life has it too, and so has its incarnation', async () => {
  const { world, ids } = await watching(5)
  const [id = ''] = ids
  world.setClock(id, -3600_000)
  expect(Math.abs(strayOf(world, id))).toBeLessThan(100)
  world.crash(id)
  await world.run(10_000)
  world.restart(id)
  await world.settle()
  expect(strayOf(world, id)).toBe(-3600_000)
  expect(world.host(id).node?.config.incarnation).toBeLessThan(epochMs)
})

test('the clocks of fewer than half may be wrong, and no more of the others go than that it stays so', async () => {
  const { world, ids } = await watching(5)
  const [first = '', second = '', third = '', fourth = ''] = ids
  for (const id of [first, second]) {
    expect(world.law.mayStray(id)).toBe(true)
    world.setClock(id, 10_000)
  }
  expect(world.law.mayStray(third)).toBe(false)
  expect([world.law.mayFail(third), world.law.mayGo(fourth), world.law.mayFail(first)]).toEqual([false, false, true])
  world.setClock(first, -10_000)
  await world.run(30_000)
  expect(world.law.mayStray(third)).toBe(true)
})

test('where nobody watches nobody can know better, and no clock may be wrong', async () => {
  const world = new World({ seed: 2 })
  const [id = ''] = await world.boot(5)
  expect(world.law.mayStray(id)).toBe(false)
})

test('until all have heard what time it is nobody can say what time it is for them; later within what is usual', async () => {
  const { world, ids } = await watching(5)
  expect(world.clocks.between(5, 7)).toEqual({ fromMs: 5, toMs: 7 })
  world.setClock(ids[0] ?? '', 3600_000)
  expect(world.clocks.between(world.nowMs)).toEqual(anyTime)
  await world.run(30_000)
  const { nowMs } = world
  expect(world.clocks.between(nowMs)).toEqual({ fromMs: nowMs - 60_000, toMs: nowMs + 60_000 })
})

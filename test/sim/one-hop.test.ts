/** Lookups in one hop while nodes come and die: what they find, and how far they travel. */
import { expect, test } from 'vitest'
import { stream } from '../../src/sim/random.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'

const size = 100
const lifetimeMs = 3600_000
const seconds = 40
const lookupsPerSecond = 25
const values = 50

test('lookups take one hop and say nothing wrong while nodes with a mean lifetime of an hour come and die', async () => {
  const weather = { ...calm, delayMinMs: 1, delayMaxMs: 10 }
  const world = new World({ seed: 1, encode: false, weather, settings: { membership: 'local' } })
  const random = stream(world.seed, 'test', 'churn')
  await world.boot(size)
  await world.settle()
  for (let value = 0; value < values; value++) await world.call(world.anyone(), 'store', { value: `value ${value}` })
  const asked: { number: number; answer: ReturnType<typeof look> }[] = []
  const look = (number: number) => world.ask(world.anyone(), 'lookupBy', { value: `value ${number}` })
  const turnoverMs = lifetimeMs / size
  let nextMs = world.nowMs + turnoverMs
  for (let second = 0; second < seconds; second++) {
    for (; nextMs < world.nowMs; nextMs += turnoverMs) {
      world.add()
      const doomed = world.anyone()
      if (world.law.mayFail(doomed)) world.crash(doomed)
    }
    for (let lookup = 0; lookup < lookupsPerSecond; lookup++) {
      // One in ten is of what was never stored.
      const number = lookup % 10 === 0 ? values : random.below(values)
      asked.push({ number, answer: look(number) })
    }
    await world.run(1000)
  }
  await world.run(10_000)
  let hits = 0
  let oneHop = 0
  for (const { number, answer } of asked) {
    // Whoever was asked may have died.
    if (answer.state === 'waiting') continue
    if (number === values) expect(answer).toMatchObject({ state: 'refused', error: { error: 'NOT_FOUND' } })
    else {
      expect(answer).toMatchObject({ state: 'answered', reply: { values: [{ value: `value ${number}` }] } })
      hits++
      if (answer.state === 'answered' && answer.reply.path.length <= 1) oneHop++
    }
  }
  expect(hits).toBeGreaterThan(asked.length * 0.85)
  expect(oneHop / hits).toBeGreaterThan(0.99)
})

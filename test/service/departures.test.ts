import { expect, test } from 'vitest'
import { Departures } from '../../src/service/departures.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('what comes in one turn leaves at its end, in order, and what comes meanwhile in the next', async () => {
  const departures = new Departures()
  const left: string[] = []
  departures.add(() => {
    left.push('first')
    departures.add(() => left.push('of the next'))
  })
  departures.add(() => left.push('second'))
  await Promise.resolve()
  expect(left).toEqual([])
  await turn()
  expect(left).toEqual(['first', 'second'])
  await turn()
  expect(left).toEqual(['first', 'second', 'of the next'])
})

/** Many seeds of one scenario, some in each test. */
import { expect, test } from 'vitest'
import { simulate } from '../../src/sim/scenarios.ts'

const perTest = 5

/** @param count a multiple of 5 */
export const testSeeds = (name: string, count: number): void => {
  expect(count % perTest).toBe(0)
  test.each(Array.from({ length: count / perTest }, (_, at) => at * perTest + 1))(
    `${name}, ${perTest} seeds from %i on`,
    async (first) => {
      for (let seed = first; seed < first + perTest; seed++) {
        const { checks } = await simulate(name, seed)
        const wrong = checks.filter(({ ok }) => !ok)
        expect(wrong, `npm run task simulate ${name} ${seed}`).toEqual([])
      }
    },
    120_000,
  )
}

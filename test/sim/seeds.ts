/** Many seeds of one scenario, some in each test. */
import { expect, test } from 'vitest'
import { simulate } from '../../src/sim/scenarios.ts'

const perTest = 10

export const testSeeds = (name: string, count: number): void => {
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

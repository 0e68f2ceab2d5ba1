/**
 * Computations in a process of their own, which prints their figures as JSON: a simulation takes the clock away from
 * whatever shares its process, and a long computation would not hear Ctrl-C.
 */
import type { Figure } from './figure.ts'
import { measureSim } from './sim.ts'
import { measureStill } from './still.ts'

const computations = {
  sim: measureSim,
  still: async (): Promise<Figure[]> => {
    const { build, route } = await measureStill()
    return [
      { what: 'built and routed', ours: [build + route], unit: 's', goal: { most: 60 } },
      { what: 'of that, building', ours: [build], unit: 's' },
    ]
  },
} satisfies Record<string, () => Promise<Figure[]>>

const [name] = process.argv.slice(2)
const print = (figures: Figure[]) => process.stdout.write(JSON.stringify(figures))
void computations[name as keyof typeof computations]().then(print)

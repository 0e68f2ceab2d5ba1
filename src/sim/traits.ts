/**
 * What makes a world harder than others, beside what befalls its nodes by the schedule. Each trait is drawn from a stream of its own, and
 * so is what follows from it: without one of them the rest is the same.
 */
import { stream } from './random.ts'

/** One world in so many has it. */
const oneIn = {
  /** Nodes watch who is there. */
  watch: 4,
  /** They do, and clocks are set. */
  clocks: 6,
  /** Clients store some for a while only. */
  expiry: 2,
  /** A disk is full for good. */
  jam: 4,
  /** The dead do not refuse calls. */
  silence: 4,
}

export type Trait = keyof typeof oneIn
export const traits = Object.keys(oneIn) as readonly Trait[]

export const drawTraits = (seed: number): readonly Trait[] =>
  traits.filter((trait) => stream(seed, 'traits', trait).below(oneIn[trait]) === 0)

/** The named scenarios, and how one is played: `simulate('two-joins', 7)`. */
import { mishaps } from './mishaps.ts'
import { stream } from './random.ts'
import { type Check, type Scenario, Scene } from './scene.ts'
import { storms } from './storms.ts'
import { traps } from './traps.ts'

export const scenarios: Readonly<Record<string, Scenario>> = { ...traps, ...mishaps, ...storms }

export interface Report {
  readonly name: string
  readonly seed: number
  /** Of everything that happened: the same for the same seed. */
  readonly hash: string
  readonly virtualMs: number
  readonly messages: number
  readonly checks: readonly Check[]
}

/** Plays a scenario. Whatever ends the run early is a check that failed. @throws Error when there is no such scenario */
export const simulate = async (name: string, seed: number, log?: (line: string) => void): Promise<Report> => {
  const scenario = scenarios[name]
  if (!scenario) throw new Error(`no scenario is called ${name}; there are: ${Object.keys(scenarios).join(', ')}`)
  const scene = new Scene(seed, scenario.setting?.(stream(seed, 'scenario', 'setting')) ?? {}, log)
  const { world, checks } = scene
  try {
    await scenario.play(scene)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    scene.check('played to the end', false, error.message)
  }
  return { name, seed, hash: world.hash, virtualMs: world.nowMs, messages: world.messages, checks }
}

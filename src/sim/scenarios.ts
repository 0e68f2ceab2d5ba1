/** The named scenarios, and how one is played: `simulate('two-joins', 7)`. */
import { absences } from './absences.ts'
import { deaths } from './deaths.ts'
import { mishaps } from './mishaps.ts'
import type { OverlayName } from '../overlay/overlays.ts'
import { ownerships } from '../protocol/schemas.ts'
import { stream } from './random.ts'
import { type Check, type Direction, type Scenario, Scene } from './scene.ts'
import type { Script } from './script.ts'
import { storms } from './storms.ts'
import { strains } from './strains.ts'
import { drawTraits, type Trait } from './traits.ts'
import { traps } from './traps.ts'

export const scenarios: Readonly<Record<string, Scenario>> = {
  ...traps,
  ...deaths,
  ...absences,
  ...strains,
  ...mishaps,
  ...storms,
}

export interface Report {
  readonly name: string
  readonly seed: number
  readonly overlay: OverlayName
  /** Those of which something was made. */
  readonly traits: readonly Trait[]
  /** Of everything that happened: the same for the same seed. */
  readonly hash: string
  readonly virtualMs: number
  readonly messages: number
  readonly checks: readonly Check[]
  /** What chance wrote, where it did. */
  readonly script: Script | undefined
}

/**
 * Plays a scenario; whatever ends the run early is a check that failed. Under even seeds a key belongs to its successor, under odd
 * ones to its predecessor; in one world of three or so the nodes watch who is there (traits.ts).
 * @throws Error when there is no such scenario
 */
export const simulate = async (name: string, seed: number, direction: Direction = {}): Promise<Report> => {
  const scenario = scenarios[name]
  if (!scenario) throw new Error(`no scenario is called ${name}; there are: ${Object.keys(scenarios).join(', ')}`)
  const { overlay = 'chord', traits = drawTraits(seed) } = direction
  const { settings, ...setting } = scenario.setting?.(stream(seed, 'scenario', 'setting'), overlay) ?? {}
  const ownership = ownerships[seed % ownerships.length] ?? 'successor'
  const membership = traits.includes('watch') || traits.includes('clocks') ? 'local' : 'off'
  const scene = new Scene(
    seed,
    { ...setting, settings: { overlay, ownership, membership, ...settings } },
    { ...direction, traits },
  )
  const { world, checks } = scene
  try {
    await scenario.play(scene)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    scene.check('played to the end', false, error.message)
  }
  const script = direction.script ?? scene.played
  const isWatched = world.config.membership !== 'off' && !scene.used.has('clocks')
  const used: Trait[] = [...(isWatched ? (['watch'] as const) : []), ...scene.used]
  return {
    name,
    seed,
    overlay,
    traits: used,
    hash: world.hash,
    virtualMs: world.nowMs,
    messages: world.messages,
    checks,
    script,
  }
}

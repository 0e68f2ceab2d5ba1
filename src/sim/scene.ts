/** What a scenario works with: a world, checks that are noted, and the demands that end most of them. */
import type { NodeSettings } from '../node/config.ts'
import type { Random } from '../ports.ts'
import type { Id } from '../space/id.ts'
import { brokenPromises, misplacing } from './audit.ts'
import { hash } from './host.ts'
import { stream } from './random.ts'
import { calm, type Weather } from './weather.ts'
import { World } from './world.ts'

export interface Check {
  readonly name: string
  readonly ok: boolean
  /** What was seen instead, when it is not ok. */
  readonly detail: string
}

export interface Setting {
  readonly settings?: Partial<NodeSettings>
  readonly weather?: Weather
}

export interface Scenario {
  /** One line: what happens. */
  readonly summary: string
  setting?(random: Random): Setting
  play(scene: Scene): Promise<void>
}

/** Ids of two digits. */
export const small: Setting = { settings: { bits: 8, allowCustomIds: true, successors: 4 } }

export const eight = ['10', '30', '50', '70', '90', 'b0', 'd0', 'f0'] as const

/** Time-outs after which the last message of bad weather has arrived, and the last of its pauses is over. */
const aftermath = 12

export class Scene {
  readonly world: World
  readonly checks: Check[] = []

  constructor(seed: number, { settings = {}, weather = calm }: Setting, log?: (line: string) => void) {
    this.world = new World({ seed, settings, weather, ...(log ? { log } : {}) })
  }

  /** Chance for one purpose of the scenario. */
  random(purpose: string): Random {
    return stream(this.world.seed, 'scenario', purpose)
  }

  check(name: string, ok: boolean, detail = ''): void {
    this.checks.push({ name, ok, detail: ok ? '' : detail })
  }

  /** A ring of nodes with these ids. */
  async ring(...ids: string[]): Promise<void> {
    for (const id of ids) {
      this.world.add({ id })
      await this.world.settle()
    }
  }

  /** A ring of eight, and so many values in it. */
  async eight(values: number): Promise<void> {
    await this.ring(...eight)
    await this.fill(values)
  }

  /** Lets time pass until that node is a member. */
  joined(id: Id): Promise<void> {
    return this.world.until(
      () => this.world.snapshot().has(id),
      30_000,
      () => `${id} has not joined`,
    )
  }

  /** Lets time pass until these have left. */
  gone(...ids: Id[]): Promise<void> {
    return this.world.until(
      () => ids.every((id) => this.world.host(id).node === undefined),
      60_000,
      () => `${ids.join(' and ')} have not left`,
    )
  }

  /** Stores so many values, and holds the network to them. */
  async fill(count: number): Promise<void> {
    for (let number = 0; number < count; number++) {
      const value = `line ${number} of world ${this.world.seed}`
      await this.world.call(this.world.anyone(), 'store', { value })
      this.world.ledger.promise(`v:${hash(value)}`, value)
    }
  }

  /** In fair weather: the ring becomes ideal, every promise is kept, and every record is where it belongs. */
  async rest(): Promise<void> {
    const { world } = this
    world.weather = calm
    world.heal()
    if (!world.demanding) await world.run(aftermath * world.config.callTimeoutMs)
    await world.settle()
    world.demanding = true
    this.check('the ring is ideal', true)
    const deadlineMs = world.nowMs + 6 * world.config.rehomeEveryMs
    while (misplacing(world).length > 0 && world.nowMs < deadlineMs) await world.run(100)
    this.check('every record is where it belongs', misplacing(world).length === 0, `not at ${misplacing(world).join(', ')}`)
    let broken = await brokenPromises(world)
    while (broken.some((promise) => promise.includes('INCONCLUSIVE')) && world.nowMs < deadlineMs) {
      await world.run(1000)
      broken = await brokenPromises(world)
    }
    this.check(`${world.ledger.size} promises are kept`, broken.length === 0, broken.join('\n'))
  }
}

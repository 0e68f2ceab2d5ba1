/** What a scenario works with: a world, checks that are noted, and the demands that end most of them. */
import type { NodeSettings } from '../node/config.ts'
import { kindOf, type OverlayName } from '../overlay/overlays.ts'
import type { Random } from '../ports.ts'
import type { Id } from '../space/id.ts'
import { brokenPromises, misjudged, misplaced } from './audit.ts'
import { Clients } from './clients.ts'
import { Errands, run } from './errands.ts'
import { pick, stream } from './random.ts'
import type { What } from './register.ts'
import type { Script } from './script.ts'
import type { Trait } from './traits.ts'
import { calm, type Weather } from './weather.ts'
import { type Asked, World } from './world.ts'

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
  setting?(random: Random, overlay: OverlayName): Setting
  play(scene: Scene): Promise<void>
}

/** Between two clients, about. */
const everyMs = 20

/** How a scenario is to be played. */
export interface Direction {
  /** Chord without it. */
  readonly overlay?: OverlayName
  /** Gets a line for everything that happens. */
  readonly log?: (line: string) => void
  /** In the place of the one that chance writes. */
  readonly script?: Script
  /** In the place of those that chance draws. */
  readonly traits?: readonly Trait[]
}

/** Ids of two digits. */
export const small: Setting = { settings: { bits: 8, allowCustomIds: true } }

export const eight = ['10', '30', '50', '70', '90', 'b0', 'd0', 'f0'] as const

/** Time-outs after which the last message of bad weather has arrived, and the last of its pauses is over. */
const aftermath = 12

/** Within which everyone knows who is there: all are probed, suspected for the longest, and reached again. */
const rollCallMs = 120_000

export class Scene {
  readonly world: World
  readonly clients: Clients
  readonly checks: Check[] = []
  /** What to play instead of what chance would write. */
  readonly script: Script | undefined
  /** Those of its traits of which something was made. */
  readonly used = new Set<Trait>()
  readonly #traits: readonly Trait[]
  /** What chance wrote. */
  played: Script | undefined
  #errands: Errands | undefined

  constructor(seed: number, { settings = {}, weather = calm }: Setting, { log, script, traits = [] }: Direction) {
    this.world = new World({ seed, settings, weather, ...(log ? { log } : {}) })
    this.clients = new Clients(this.world)
    this.script = script
    this.#traits = traits
  }

  /** Chance for one purpose of the scenario. */
  random(purpose: string): Random {
    return stream(this.world.seed, 'scenario', purpose)
  }

  /** Whether the world has a trait, of which something is made then. */
  has(trait: Trait): boolean {
    if (this.#traits.includes(trait)) this.used.add(trait)
    return this.used.has(trait)
  }

  /** Chance for what follows from a trait, where the world has it. */
  chance(trait: Trait): Random | undefined {
    return this.has(trait) ? this.random(trait) : undefined
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

  /** Lets time pass until these have gone. */
  gone(...ids: Id[]): Promise<void> {
    return this.world.until(
      () => ids.every((id) => this.world.host(id).node === undefined),
      60_000,
      () => `${ids.join(' and ')} have not gone`,
    )
  }

  /** Stores so many values, and holds the network to them. */
  async fill(count: number): Promise<void> {
    for (let number = 0; number < count; number++) await this.store(`line ${number} of world ${this.world.seed}`)
  }

  /** Stores a value, by its content or under a name, and waits for the acknowledgement. */
  async store(value: string, name?: string, through = this.world.anyone()): Promise<void> {
    await this.#acknowledged(this.clients.store(through, value, name))
  }

  async remove(what: What, through = this.world.anyone()): Promise<void> {
    await this.#acknowledged(this.clients.remove(through, what))
  }

  /** Looks something up, and waits for the answer, whatever it is. */
  async look(what: What, through = this.world.anyone()): Promise<void> {
    await this.#answered(this.clients.look(through, what))
  }

  /** For so long clients come by, one every few milliseconds, and do not wait for each other. */
  async bustle(ms: number): Promise<void> {
    const { world } = this
    const random = this.random('bustle')
    this.#errands ??= new Errands(random, world.ledger)
    for (const endMs = world.nowMs + ms; world.nowMs < endMs; await world.run(random.below(everyMs)))
      if (world.staying().length > 0) run(this.clients, world.anyone(), this.#errands.next())
  }

  /** All nodes die at once. */
  dark(): void {
    this.world.demanding = false
    for (const id of this.world.members()) this.world.crash(id)
  }

  /** A node that is gone comes back with what its disk has kept, as soon as nobody lists it any more. */
  async back(id: Id): Promise<void> {
    const { world } = this
    await world.until(
      () => world.law.mayReturn(id),
      60_000,
      () => `${id} is still listed`,
    )
    world.restart(id)
    await this.joined(id)
  }

  /** They start again with what their disks have kept, in any order, one after the other or all at once. */
  async wake(...ids: readonly Id[]): Promise<void> {
    const random = this.random('wake')
    const seeds = ids.map((id) => this.world.peer(id))
    const gapMaxMs = pick(random, [1, 1000, 10_000])
    for (const left = [...ids]; left.length > 0; ) {
      const [id = ''] = left.splice(random.below(left.length), 1)
      this.world.restart(id, seeds)
      await this.world.run(random.below(gapMaxMs))
    }
  }

  /** The weather clears: messages arrive, all hear all, and disks have room. */
  clear(): void {
    this.world.weather = calm
    this.world.heal()
    for (const { disk } of this.world.hosts()) disk.clear()
  }

  /** In fair weather, with those who run now: the ring becomes ideal, every promise is kept, and every record is where it belongs. */
  async rest(): Promise<void> {
    const { world } = this
    this.clear()
    world.accuse(world.ledger.writeOff())
    if (!world.demanding) await world.run(aftermath * world.config.callTimeoutMs)
    await world.settle()
    world.demanding = true
    this.check(`the ${kindOf(world.config.overlay).shape} is ideal`, true)
    const { rehomeEveryMs, stabilizeEveryMs } = world.config
    const deadlineMs = world.nowMs + 8 * Math.max(rehomeEveryMs, stabilizeEveryMs)
    let wrong = misplaced(world)
    for (; wrong.length > 0 && world.nowMs < deadlineMs; wrong = misplaced(world)) await world.run(rehomeEveryMs / 40)
    this.check('exactly the window holds each record', wrong.length === 0, wrong.join('\n'))
    await this.#rollCall()
    if (world.clocks.clearAtMs > world.nowMs) await world.run(world.clocks.clearAtMs - world.nowMs)
    await this.#writes()
    let broken = await brokenPromises(world)
    while (broken.some((promise) => promise.includes('INCONCLUSIVE')) && world.nowMs < deadlineMs) {
      await world.run(1000)
      broken = await brokenPromises(world)
    }
    this.check(`${world.ledger.registers.length} promises are kept`, broken.length === 0, broken.join('\n'))
  }

  /** Everyone who stays takes what a client writes, and no client of before waits any more. */
  async #writes(): Promise<void> {
    const { clients, world } = this
    const asked = world
      .staying()
      .flatMap((id) => [clients.store(id, `at rest, through ${id}`), clients.store(id, `through ${id}`, 'at rest')])
    for (const one of asked) await this.#answered(one)
    const refused = asked.flatMap((one) => (one.state === 'refused' ? [`${one.error.error}: ${one.error.message}`] : []))
    this.check('everyone takes what is written', refused.length === 0, refused.join('\n'))
    const { forgotten } = clients
    this.check('every client was answered', forgotten.length === 0, forgotten.join('\n'))
  }

  /** Where members watch each other, everyone knows all who are there, and nobody else. */
  async #rollCall(): Promise<void> {
    const { world } = this
    if (world.config.membership === 'off') return
    const deadlineMs = world.nowMs + rollCallMs
    let wrong = misjudged(world)
    for (; wrong.length > 0 && world.nowMs < deadlineMs; wrong = misjudged(world)) await world.run(world.config.probeEveryMs)
    this.check('everyone knows who is there', wrong.length === 0, wrong.join('\n'))
  }

  async #acknowledged(asked: Asked<unknown>): Promise<void> {
    await this.#answered(asked)
    if (asked.state === 'refused') throw new Error(`a client was refused: ${asked.error.message}`)
  }

  #answered(asked: Asked<unknown>): Promise<void> {
    return this.world.until(
      () => asked.state !== 'waiting',
      10 * this.world.config.operationTimeoutMs,
      () => 'a client has had no answer',
    )
  }
}

/** Plays a schedule: joins, crashes, leaves, restarts, pauses, cuts and client operations at random. */
import type { Random } from '../ports.ts'
import type { Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { within } from './random.ts'
import { type Deed, drawDeed, type Schedule } from './schedule.ts'
import { Workload } from './workload.ts'
import type { World } from './world.ts'

export class Swarm {
  readonly #world: World
  readonly #schedule: Schedule
  readonly #random: Random
  readonly #workload: Workload
  /** Nodes that died or left. */
  readonly #gone = new Set<Id>()
  /** Until when a node that was stopped must not be again: short pauses must not add up to a long one. */
  readonly #awakeAtMs = new Map<Id, number>()
  /** Whom those who have not joined yet were told of. */
  readonly #seeds = new Map<Id, readonly Peer[]>()

  constructor(world: World, schedule: Schedule, random: Random) {
    this.#world = world
    this.#schedule = schedule
    this.#random = random
    this.#workload = new Workload(world, random, schedule.lawful && world.weather.skewMaxMs === 0)
  }

  async play(): Promise<void> {
    const { events, gapMaxMs, weights } = this.#schedule
    for (let event = 0; event < events; event++) {
      this.#deeds[drawDeed(this.#random, weights)]()
      await this.#world.run(this.#random.below(gapMaxMs + 1))
      this.#rescue()
    }
  }

  readonly #deeds: Readonly<Record<Deed, () => void>> = {
    add: () => {
      const seeds = this.#everyone()
      if (seeds.length < this.#schedule.mostNodes) this.#seeds.set(this.#world.add({ seeds }), seeds)
    },
    crash: () => {
      const id = this.#someone()
      if (id !== undefined && this.#allows(() => this.#world.mayFail(id))) this.#remove(id, () => this.#world.crash(id))
    },
    leave: () => {
      const id = this.#someone()
      if (id !== undefined && this.#allows(() => this.#world.mayLeave(id))) this.#remove(id, () => this.#world.leave(id))
    },
    restart: () => {
      const mayReturn = (id: Id) => !this.#world.host(id).node && this.#allows(() => this.#world.mayReturn(id))
      const id = [...this.#gone].find(mayReturn)
      if (id !== undefined) this.#restart(id)
    },
    pause: () => {
      const { lawful, pauseMaxMs } = this.#schedule
      const id = this.#someone()
      if (id === undefined || (lawful && this.#world.nowMs < (this.#awakeAtMs.get(id) ?? 0))) return
      const ms = within(this.#random, 1, pauseMaxMs)
      this.#awakeAtMs.set(id, this.#world.nowMs + ms + this.#world.config.callTimeoutMs)
      this.#world.pause(id, ms)
    },
    client: () => this.#workload.act(),
    cut: () => {
      const members = this.#world.members()
      const some = members.filter(() => this.#random.below(2) === 0)
      const others = members.filter((id) => !some.includes(id))
      if (this.#random.below(2) === 0) this.#world.partition(some, others)
      else this.#world.deafen(some, others)
    },
    mend: () => this.#world.heal(),
  }

  #allows(law: () => boolean): boolean {
    return !this.#schedule.lawful || law()
  }

  #someone(): Id | undefined {
    const members = this.#world.members()
    return members[this.#random.below(Math.max(1, members.length))]
  }

  /** The last member stays. */
  #remove(id: Id, how: () => void): void {
    if (this.#world.members().length < 2) return
    how()
    this.#gone.add(id)
  }

  #restart(id: Id): void {
    const seeds = this.#everyone()
    this.#gone.delete(id)
    this.#seeds.set(id, seeds)
    this.#world.restart(id, seeds)
  }

  /** An operator tells a newcomer of all that run: two that have heard of nobody they share could never meet. */
  #everyone(): Peer[] {
    return this.#world.running().flatMap(({ id }) => (id === undefined ? [] : [this.#world.peer(id)]))
  }

  /** Starts those anew who have not joined, and were told only of nodes that are gone. */
  #rescue(): void {
    for (const [id, seeds] of this.#seeds) {
      if (this.#world.snapshot().has(id) || !this.#world.host(id).node) this.#seeds.delete(id)
      else if (this.#schedule.lawful && seeds.length > 0 && seeds.every((seed) => !this.#world.host(seed.id).node)) {
        this.#world.crash(id)
        this.#restart(id)
      }
    }
  }
}

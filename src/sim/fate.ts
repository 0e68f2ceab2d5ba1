/** Does to a world what a script says, as far as the law allows it. */
import type { Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import type { Clients } from './clients.ts'
import { run } from './errands.ts'
import type { Host } from './host.ts'
import { urlOf } from './hosts.ts'
import type { Deed } from './script.ts'
import type { World } from './world.ts'

export interface Bounds {
  /** Whether nothing may befall the nodes but what the protocol assumes. */
  readonly lawful: boolean
  /** Whether all who crash, or are stopped, come back in the end: until then no disk counts as lost. */
  readonly returns: boolean
}

export class Fate {
  readonly #world: World
  readonly #clients: Clients
  readonly #bounds: Bounds
  readonly #beganMs: number
  /** Until when a node that was stopped must not be again: short pauses must not add up to a long one. */
  readonly #awakeAtMs = new Map<Id, number>()
  /** Whom those who have not joined yet were told of. */
  readonly #seeds = new Map<Id, readonly Peer[]>()

  constructor(world: World, clients: Clients, bounds: Bounds) {
    this.#world = world
    this.#clients = clients
    this.#bounds = bounds
    this.#beganMs = world.nowMs
  }

  /** Since this fate took over. */
  get nowMs(): number {
    return this.#world.nowMs - this.#beganMs
  }

  /** Lets time pass until then. */
  async reach(ms: number): Promise<void> {
    await this.#world.run(ms - this.nowMs)
  }

  do(deed: Deed): void {
    this.#rescue()
    switch (deed.do) {
      case 'add':
        return this.#add(deed.place)
      case 'crash':
        return this.#end(
          deed.place,
          (id) => this.#world.law.mayFail(id),
          (id) => this.#world.crash(id),
        )
      case 'stop':
        return this.#end(
          deed.place,
          (id) => this.#world.law.mayGo(id),
          (id) => this.#world.stop(id),
        )
      case 'leave':
        return this.#withMember(deed.place, (id) => {
          if (this.#allows(() => this.#world.law.mayGo(id))) this.#world.leave(id)
        })
      case 'restart':
        return this.#withDown(deed.place, (id) => {
          if (this.#allows(() => this.#world.law.mayReturn(id))) this.#restart(id)
        })
      case 'wipe':
        return this.#withDown(deed.place, (id) => {
          if (this.#allows(() => this.#world.law.maySpare(id))) this.#world.wipe(id)
        })
      case 'pause':
        return this.#withMember(deed.place, (id) => this.#pause(id, deed.ms))
      case 'fill':
        return this.#withMember(deed.place, (id) => this.#world.fill(id, deed.ms))
      case 'jam':
        return this.#withMember(deed.place, (id) => {
          if (this.#allows(() => this.#world.hosts().every(({ disk }) => !disk.jammed))) this.#world.jam(id)
        })
      case 'clock':
        return this.#withMember(deed.place, (id) => this.#setClock(id, deed.ms))
      case 'store':
      case 'remove':
      case 'look':
        return this.#withMember(deed.place, (id) => run(this.#clients, id, deed))
      case 'cut':
        return this.#cut(deed.some, deed.others, deed.oneWay)
      case 'mend':
        return this.#world.heal()
    }
  }

  /** Nothing more befalls anyone: who was asked to go is gone, someone is there, and who is down comes back, if that is how it ends. */
  async conclude(): Promise<void> {
    const world = this.#world
    await world.until(
      () => world.going().size === 0,
      120_000,
      () => `${[...world.going()].join(' and ')} have not gone`,
    )
    // Of two, one of which has no room for good, nobody could say what lives under a name that it could not take.
    const least = world.hosts().some(({ disk }) => disk.jammed) ? 3 : 1
    while (world.running().length < least) world.add()
    this.#rescue()
    if (!this.#bounds.returns) return
    const down = () => world.hosts().flatMap(({ node, last, restartable }) => (last && restartable && !node ? [last.id] : []))
    const deadlineMs = world.nowMs + 120_000
    for (let left = down(); left.length > 0 && world.nowMs < deadlineMs; left = down()) {
      this.#rescue()
      for (const id of left) if (this.#allows(() => world.law.mayReturn(id))) this.#restart(id)
      await world.run(500)
    }
  }

  #add(place: number): void {
    if (this.#at(place)?.node) return
    const seeds = this.#everyone()
    this.#seeds.set(this.#world.add({ url: urlOf(this.#world.seed, place), seeds }), seeds)
  }

  /** The last member stays. */
  #end(place: number, mayEnd: (id: Id) => boolean, end: (id: Id) => void): void {
    const { law } = this.#world
    this.#withMember(place, (id) => {
      if (this.#world.members().length < 2) return
      if (this.#allows(() => mayEnd(id) && (this.#bounds.returns || law.maySpare(id)))) end(id)
    })
  }

  #pause(id: Id, ms: number): void {
    const { nowMs, config } = this.#world
    if (this.#bounds.lawful && nowMs < (this.#awakeAtMs.get(id) ?? 0)) return
    this.#awakeAtMs.set(id, nowMs + ms + config.callTimeoutMs)
    this.#world.pause(id, ms)
  }

  /** To set a clock right is never forbidden. */
  #setClock(id: Id, ms: number): void {
    const { law } = this.#world
    if (this.#world.host(id).setMs + ms === 0 || this.#allows(() => law.mayStray(id))) this.#world.setClock(id, ms)
  }

  #cut(some: readonly number[], others: readonly number[], oneWay: boolean): void {
    const [one = [], other = []] = [some, others].map((places) => places.flatMap((place) => this.#memberAt(place) ?? []))
    if (oneWay) this.#world.deafen(one, other)
    else this.#world.partition(one, other)
  }

  #withMember(place: number, act: (id: Id) => unknown): void {
    const id = this.#memberAt(place)
    if (id !== undefined) act(id)
  }

  #withDown(place: number, act: (id: Id) => void): void {
    const host = this.#at(place)
    if (host?.last && !host.node) act(host.last.id)
  }

  #memberAt(place: number): Id | undefined {
    const id = this.#at(place)?.id
    return id !== undefined && this.#world.snapshot().has(id) ? id : undefined
  }

  #at(place: number): Host | undefined {
    return this.#world.at(urlOf(this.#world.seed, place))
  }

  #allows(law: () => boolean): boolean {
    return !this.#bounds.lawful || law()
  }

  /** Where too many clocks would be wrong, the operator sets that of the machine right. */
  #restart(id: Id): void {
    const { setMs } = this.#world.host(id)
    if (setMs !== 0 && !this.#allows(() => this.#world.law.mayStray(id))) this.#world.setClock(id, -setMs)
    const seeds = this.#everyone()
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
      else if (seeds.length > 0 && seeds.every((seed) => !this.#world.host(seed.id).node)) {
        this.#world.crash(id)
        this.#restart(id)
      }
    }
  }
}

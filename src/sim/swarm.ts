/** Chance writes a script as the world goes on: joins, crashes, leaves, restarts, pauses, cuts and what clients do. */
import type { Random } from '../ports.ts'
import { Errands } from './errands.ts'
import type { Fate } from './fate.ts'
import type { Id } from '../space/id.ts'
import { placeOf } from './hosts.ts'
import { happens, within } from './random.ts'
import { drawKind, type Kind, type Schedule } from './schedule.ts'
import type { Deed, Script } from './script.ts'
import type { World } from './world.ts'

/** Between two of the values that are stored at the beginning. */
const storeGapMaxMs = 20

type Draft = Deed extends infer D ? (D extends Deed ? Omit<D, 'atMs'> : never) : never

export class Swarm {
  readonly #world: World
  readonly #schedule: Schedule
  readonly #random: Random
  readonly #errands: Errands
  #places: number
  /** Whom something befell last. */
  #focus: Id | undefined

  constructor(world: World, schedule: Schedule, random: Random) {
    this.#world = world
    this.#schedule = schedule
    this.#random = random
    this.#errands = new Errands(random, world.ledger)
    this.#places = schedule.nodes
  }

  /** @param write told of each deed before it is done */
  async improvise(fate: Fate, write: (script: Script) => void): Promise<void> {
    const { nodes, values, events, gapMaxMs, burstPerMille, weights } = this.#schedule
    const deeds: Deed[] = []
    for (let event = -values; event < events; event++) {
      const draft = event < 0 ? this.#stored(event) : this.#drafts[drawKind(this.#random, weights)]()
      if (draft) {
        const deed: Deed = { atMs: fate.nowMs, ...draft }
        deeds.push(deed)
        write({ nodes, deeds, endMs: fate.nowMs })
        fate.do(deed)
      }
      const gapMs = this.#random.below(event < 0 ? storeGapMaxMs : gapMaxMs + 1)
      const endMs = fate.nowMs + (event >= 0 && happens(this.#random, burstPerMille) ? 0 : gapMs)
      write({ nodes, deeds, endMs })
      await fate.reach(endMs)
    }
  }

  readonly #drafts: Readonly<Record<Kind, () => Draft | undefined>> = {
    add: () => (this.#world.running().length < this.#schedule.mostNodes ? { do: 'add', place: ++this.#places } : undefined),
    crash: () => this.#member((place) => ({ do: 'crash', place })),
    stop: () => this.#member((place) => ({ do: 'stop', place })),
    leave: () => this.#member((place) => ({ do: 'leave', place })),
    restart: () => this.#gone((place) => ({ do: 'restart', place })),
    wipe: () => this.#gone((place) => ({ do: 'wipe', place })),
    pause: () => this.#member((place) => ({ do: 'pause', place, ms: within(this.#random, 1, this.#schedule.pauseMaxMs) })),
    fill: () => this.#member((place) => ({ do: 'fill', place, ms: within(this.#random, 1, this.#schedule.fullMaxMs) })),
    client: () => this.#anyone((place) => ({ ...this.#errands.next(), place })),
    cut: () => {
      const places = this.#world.members().map((id) => this.#placeOf(id))
      const some = places.filter(() => this.#random.below(2) === 0)
      const others = places.filter((place) => !some.includes(place))
      return { do: 'cut', some, others, oneWay: this.#random.below(2) === 0 }
    },
    mend: () => ({ do: 'mend' }),
  }

  #stored(number: number): Draft | undefined {
    return this.#anyone((place) => ({ do: 'store', value: `line ${-number}`, place }))
  }

  #anyone(draft: (place: number) => Draft): Draft | undefined {
    const members = this.#world.members()
    const id = members[this.#random.below(Math.max(1, members.length))]
    return id === undefined ? undefined : draft(this.#placeOf(id))
  }

  /** A member that something is to befall: often whoever is where the last one was, or a neighbour. */
  #member(draft: (place: number) => Draft): Draft | undefined {
    if (!happens(this.#random, this.#schedule.focusPerMille)) this.#focus = undefined
    const members = this.#world.members()
    const near = members.findIndex((id) => id >= (this.#focus ?? ''))
    const at = this.#focus === undefined ? this.#random.below(Math.max(1, members.length)) : near + within(this.#random, -1, 1)
    const id = members.at(at % Math.max(1, members.length))
    this.#focus = id
    return id === undefined ? undefined : draft(this.#placeOf(id))
  }

  /** Of those that are down or have left. */
  #gone(draft: (place: number) => Draft): Draft | undefined {
    const hosts = this.#world.hosts().filter(({ node }) => !node)
    const host = hosts[this.#random.below(Math.max(1, hosts.length))]
    return host && draft(placeOf(host.url))
  }

  #placeOf(id: Id): number {
    return placeOf(this.#world.host(id).url)
  }
}

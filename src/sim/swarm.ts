/** Chance writes a script as the world goes on: joins, crashes, leaves, restarts, pauses, cuts, wrong clocks and what clients do. */
import type { Random } from '../ports.ts'
import { Errands } from './errands.ts'
import type { Fate } from './fate.ts'
import type { Id } from '../space/id.ts'
import { placeOf } from './hosts.ts'
import { happens, pick, within } from './random.ts'
import { drawKind, type Kind, type Schedule } from './schedule.ts'
import type { Deed, Script } from './script.ts'
import type { World } from './world.ts'

/** Between two of the values that are stored at the beginning. */
const storeGapMaxMs = 20

/** Deeds beside which a clock is set, or a disk is jammed. */
const clocksPerMille = 40
const jamsPerMille = 20

/** From seconds to ten hours. */
const clockMaxMs = [10_000, 1_000_000, 36_000_000] as const

/** One for each kind of draws, so that none of them moves the others; undefined where there are none. */
export interface Chances {
  readonly deeds: Random
  readonly lifetimes: Random | undefined
  readonly jams: Random | undefined
  readonly clocks: Random | undefined
}

type Draft = Deed extends infer D ? (D extends Deed ? Omit<D, 'atMs'> : never) : never

export class Swarm {
  readonly #world: World
  readonly #schedule: Schedule
  readonly #chances: Chances
  readonly #random: Random
  readonly #errands: Errands
  #places: number
  /** Whom something befell last. */
  #focus: Id | undefined

  constructor(world: World, schedule: Schedule, chances: Chances) {
    this.#world = world
    this.#schedule = schedule
    this.#chances = chances
    this.#random = chances.deeds
    this.#errands = new Errands(chances.deeds, world.ledger, chances.lifetimes)
    this.#places = schedule.nodes
  }

  /** @param write told of each deed before it is done */
  async improvise(fate: Fate, write: (script: Script) => void): Promise<void> {
    const { nodes, values, events, gapMaxMs, burstPerMille, weights } = this.#schedule
    const deeds: Deed[] = []
    for (let event = -values; event < events; event++) {
      const drafts =
        event < 0 ? [this.#stored(event)] : [this.#drafts[drawKind(this.#random, weights)](), this.#jam(), this.#clock()]
      for (const draft of drafts) {
        if (!draft) continue
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

  #jam(): Draft | undefined {
    const random = this.#chances.jams
    if (!random || !happens(random, jamsPerMille) || this.#world.hosts().some(({ disk }) => disk.jammed)) return undefined
    const id = oneOf(random, this.#world.members())
    return id === undefined ? undefined : { do: 'jam', place: this.#placeOf(id) }
  }

  /** A clock is set wrong, or one that is wrong is set right. */
  #clock(): Draft | undefined {
    const random = this.#chances.clocks
    if (!random || !happens(random, clocksPerMille)) return undefined
    const wrong = oneOf(
      random,
      this.#world.running().filter(({ setMs }) => setMs !== 0),
    )
    if (wrong && random.below(2) === 0) return { do: 'clock', place: placeOf(wrong.url), ms: -wrong.setMs }
    const id = oneOf(random, this.#world.members())
    const mostMs = pick(random, clockMaxMs)
    return id === undefined ? undefined : { do: 'clock', place: this.#placeOf(id), ms: within(random, -mostMs, mostMs) }
  }

  #stored(number: number): Draft | undefined {
    return this.#anyone((place) => ({ do: 'store', value: `line ${-number}`, place }))
  }

  #anyone(draft: (place: number) => Draft): Draft | undefined {
    const id = oneOf(this.#random, this.#world.members())
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
    const host = oneOf(
      this.#random,
      this.#world.hosts().filter(({ node }) => !node),
    )
    return host && draft(placeOf(host.url))
  }

  #placeOf(id: Id): number {
    return placeOf(this.#world.host(id).url)
  }
}

/** Of none: nothing, drawn all the same. */
const oneOf = <T>(random: Random, items: readonly T[]): T | undefined => items[random.below(Math.max(1, items.length))]

/** The hosts of a world: by url, and by the id of the node that lives there or lived there last. */
import assert from 'node:assert/strict'
import type { Id } from '../space/id.ts'
import { Host, type Surroundings } from './host.ts'

export class Hosts {
  readonly #world: Surroundings
  readonly #byUrl = new Map<string, Host>()
  readonly #homes = new Map<Id, Host>()

  constructor(world: Surroundings) {
    this.#world = world
  }

  /** The host at a url, which comes into being when first asked for. */
  place(url: string): Host {
    let host = this.#byUrl.get(url)
    if (!host) {
      host = new Host(url, this.#byUrl.size, this.#world)
      this.#byUrl.set(url, host)
    }
    return host
  }

  at(url: string): Host | undefined {
    return this.#byUrl.get(url)
  }

  /** Notes that a node begins a life at its host. One that runs elsewhere under the same id keeps it. */
  settle(id: Id, host: Host): void {
    if (this.#homes.get(id)?.id !== id) this.#homes.set(id, host)
  }

  /** Where the node with that id lives, or lived last. */
  of(id: Id): Host {
    const home = this.#homes.get(id)
    assert(home, `no node of this world has had the id ${id}`)
    return home.id === id ? home : ([...this.#byUrl.values()].find((host) => host.id === id) ?? home)
  }

  all(): Iterable<Host> {
    return this.#byUrl.values()
  }

  running(network: string): Host[] {
    return [...this.#byUrl.values()].filter(({ node }) => node?.config.network === network)
  }

  /** A url at which nobody has lived. */
  freshUrl(): string {
    return urlOf(this.#world.seed, this.#byUrl.size + 1)
  }
}

/**
 * The address of a place in a world. There are any number of places, from 1 on; `http://node-7.world-3:10007` is the seventh under
 * seed 3. In another world it has another id.
 */
export const urlOf = (seed: number, place: number): string => `http://node-${place}.world-${seed}:${portOf(place)}`

/** The place that an address is of. */
export const placeOf = (url: string): number => Number(/node-(\d+)\./.exec(url)?.[1])

export const portOf = (place: number): number => 10_000 + (place % 50_000)

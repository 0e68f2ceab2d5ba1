/**
 * Clients: values stored, named, looked up and deleted through members at random. What was acknowledged goes into the
 * ledger, to be held against what is found once the network is at rest.
 *
 * While nodes come and go two of them may believe that they hold a key, and each answers as it knows. Under a name the
 * write with the later stamp then wins, which is the later write only where clocks agree.
 */
import type { Random } from '../ports.ts'
import { hash } from './host.ts'
import { pick } from './random.ts'
import type { World } from './world.ts'

const names = ['rose', 'lily', 'iris', 'aster', 'violet'] as const

export class Workload {
  readonly #world: World
  readonly #random: Random
  /** Indices with an operation under way: one at a time, so that what is promised is never in doubt. */
  readonly #busy = new Set<string>()
  readonly #named: boolean
  #values = 0

  /** @param named whether values are also stored under names */
  constructor(world: World, random: Random, named: boolean) {
    this.#world = world
    this.#random = random
    this.#named = named
  }

  /** Begins one operation. */
  act(): void {
    if (this.#world.members().length === 0) return
    const choice = this.#random.below(10)
    if (choice < 3) this.store(`value ${this.#values++}`)
    else if (choice < 5 && this.#named) this.store(`value ${this.#values++}`, pick(this.#random, names))
    else this.#revisit(choice === 5)
  }

  /** Stores a value, by its content or under a name. */
  store(value: string, name?: string): void {
    const index = name === undefined ? `v:${hash(value)}` : `n:${hash(name)}`
    this.#change(index, 'store', name === undefined ? { value } : { value, name }, value)
  }

  /** Looks up what is promised, or deletes it. */
  #revisit(remove: boolean): void {
    const promises = [...this.#world.ledger]
    const [index, value] = promises[this.#random.below(Math.max(1, promises.length))] ?? []
    if (index === undefined || typeof value !== 'string') return
    const name = names.find((one) => index === `n:${hash(one)}`)
    const what = name === undefined ? { value } : { name }
    if (remove) this.#change(index, 'removeBy', what, null)
    else this.#world.ask(this.#world.anyone(), 'lookupBy', what)
  }

  /** From its beginning to its acknowledgement nobody knows what is true; nor when a node died in between. */
  #change(
    index: string,
    name: 'store' | 'removeBy',
    request: { value: string } | { name: string },
    outcome: string | null,
  ): void {
    if (this.#busy.has(index)) return
    this.#busy.add(index)
    const { ledger } = this.#world
    const { losses } = ledger
    ledger.release(index)
    this.#world.ask(this.#world.anyone(), name, request as { value: string }, ({ state }) => {
      this.#busy.delete(index)
      if (state === 'answered' && losses === ledger.losses) ledger.promise(index, outcome)
    })
  }
}

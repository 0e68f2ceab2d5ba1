/** What clients may want, drawn by chance: mostly to read, and to write what was written before. */
import type { Random } from '../ports.ts'
import type { Id } from '../space/id.ts'
import type { Clients } from './clients.ts'
import type { Ledger } from './ledger.ts'
import { pick } from './random.ts'
import type { What } from './register.ts'

/** Over while nodes come and go, or there until the end. */
const lifetimes = [3, 10, 30, 90, 300, 3600] as const

/** Of so many values one is large: it travels apart from what is said of it. */
const largeEvery = 16
const largeChars = 65 * 1024

const names = ['rose', 'lily', 'iris', 'aster', 'violet'] as const

export type Errand =
  | { readonly do: 'store'; readonly value: string; readonly name?: string; readonly ttlSeconds?: number }
  | { readonly do: 'remove' | 'look'; readonly what: What }

export class Errands {
  readonly #random: Random
  readonly #ledger: Ledger
  readonly #lifetimes: Random | undefined
  #values = 0

  /** @param lifetimes where some are stored for a while only */
  constructor(random: Random, ledger: Ledger, lifetimes?: Random) {
    this.#random = random
    this.#ledger = ledger
    this.#lifetimes = lifetimes
  }

  next(): Errand {
    const choice = this.#random.below(12)
    if (choice < 3) return { do: 'store', value: this.#value(), ...this.#lifetime() }
    if (choice < 5) return { do: 'store', value: this.#value(), name: pick(this.#random, names), ...this.#lifetime() }
    const { registers } = this.#ledger
    const what = registers[this.#random.below(Math.max(1, registers.length))]?.what ?? { name: pick(this.#random, names) }
    if (choice === 5) return { do: 'remove', what }
    if (choice === 6 && 'value' in what) return { do: 'store', value: what.value, ...this.#lifetime() }
    return { do: 'look', what }
  }

  #value(): string {
    const value = `value ${this.#values++}`
    return this.#values % largeEvery === 0 ? value.padEnd(largeChars, '.') : value
  }

  #lifetime(): { ttlSeconds?: number } {
    return this.#lifetimes && this.#lifetimes.below(2) === 0 ? { ttlSeconds: pick(this.#lifetimes, lifetimes) } : {}
  }
}

export const run = (clients: Clients, through: Id, errand: Errand): void => {
  if (errand.do === 'store') clients.store(through, errand.value, errand.name, errand.ttlSeconds)
  else if (errand.do === 'remove') clients.remove(through, errand.what)
  else clients.look(through, errand.what)
}

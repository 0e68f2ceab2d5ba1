/** What clients may want, drawn by chance: mostly to read, and to write what was written before. */
import type { Random } from '../ports.ts'
import type { Id } from '../space/id.ts'
import type { Clients } from './clients.ts'
import type { Ledger } from './ledger.ts'
import { pick } from './random.ts'
import type { What } from './register.ts'

const names = ['rose', 'lily', 'iris', 'aster', 'violet'] as const

export type Errand =
  | { readonly do: 'store'; readonly value: string; readonly name?: string }
  | { readonly do: 'remove' | 'look'; readonly what: What }

export class Errands {
  readonly #random: Random
  readonly #ledger: Ledger
  #values = 0

  constructor(random: Random, ledger: Ledger) {
    this.#random = random
    this.#ledger = ledger
  }

  next(): Errand {
    const choice = this.#random.below(12)
    if (choice < 3) return { do: 'store', value: `value ${this.#values++}` }
    if (choice < 5) return { do: 'store', value: `value ${this.#values++}`, name: pick(this.#random, names) }
    const { registers } = this.#ledger
    const what = registers[this.#random.below(Math.max(1, registers.length))]?.what ?? { name: pick(this.#random, names) }
    if (choice === 5) return { do: 'remove', what }
    if (choice === 6 && 'value' in what) return { do: 'store', value: what.value }
    return { do: 'look', what }
  }
}

export const run = (clients: Clients, through: Id, errand: Errand): void => {
  if (errand.do === 'store') clients.store(through, errand.value, errand.name)
  else if (errand.do === 'remove') clients.remove(through, errand.what)
  else clients.look(through, errand.what)
}

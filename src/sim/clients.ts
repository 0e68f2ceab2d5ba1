/**
 * Clients: they store, name, look up and delete through the nodes that they are told of, several at once if it comes to that.
 *
 * What they are told goes into the ledger, and is held against it at once, as long as there is one ring: nobody may be told that
 * something is not there, or is what it was before, once they could know better. A read that fails says nothing.
 */
import type { Found } from '../protocol/client-api.ts'
import type { ErrorBody } from '../protocol/errors.ts'
import type { Id } from '../space/id.ts'
import { hash } from './host.ts'
import { nameOf } from './ledger.ts'
import type { Register, Tick, What } from './register.ts'
import type { Asked, World } from './world.ts'

export class Clients {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** Stores a value, by its content or under a name. */
  store(through: Id, value: string, name?: string): Asked<unknown> {
    const { ledger } = this.#world
    const register = this.#registerOf(name === undefined ? { value } : { name })
    const write = register.begin(value, ledger.tick())
    return this.#world.ask(through, 'store', { value, ...(name === undefined ? {} : { name }) }, (asked) => {
      if (asked.state !== 'answered') return
      const { version, stored, wanted } = asked.reply
      this.#world.accuse(ledger.acknowledge(register, write, Math.min(stored, wanted), version))
    })
  }

  remove(through: Id, what: What): Asked<unknown> {
    const { ledger } = this.#world
    const register = this.#registerOf(what)
    const began = ledger.tick()
    const write = register.begin(null, began)
    return this.#world.ask(through, 'removeBy', what, (asked) => {
      if (asked.state === 'answered') {
        const { stored, wanted } = asked.reply
        return this.#world.accuse(ledger.acknowledge(register, write, Math.min(stored, wanted)))
      }
      if (asked.state !== 'refused' || asked.error.error !== 'NOT_FOUND') return
      register.cancel(write)
      this.#judge(register, began, null, through)
    })
  }

  look(through: Id, what: What): Asked<unknown> {
    const register = this.#registerOf(what)
    const began = this.#world.ledger.tick()
    return this.#world.ask(through, 'lookupBy', what, (asked) => {
      const told = toldOf(register, asked)
      if (told !== undefined) this.#judge(register, began, told, through)
    })
  }

  #registerOf(what: What): Register {
    const index = 'name' in what ? `n:${hash(what.name)}` : `v:${hash(what.value)}`
    return this.#world.ledger.register(index, what)
  }

  #judge(register: Register, began: Tick, told: string | null, by: Id): void {
    const { ledger, demanding } = this.#world
    const possible = ledger.strict && demanding && register.isJudged ? register.possible(began) : register.everything
    if (possible.includes(told)) return
    const kept = ledger.whereabouts(register)
    this.#world.accuse([
      `${nameOf(register)}: ${by} says ${told ?? 'that there is nothing'}, not ${possible.map((one) => one ?? 'nothing').join(' or ')}; kept by ${kept}`,
    ])
  }
}

/** What the answer to a lookup says of a register; null: that nothing is there; undefined: nothing at all. */
export const toldOf = (
  { index }: Register,
  asked: { state: string; reply?: Found; error?: ErrorBody },
): string | null | undefined => {
  if (asked.state === 'answered') return asked.reply?.values.find((one) => one.index === index)?.value ?? null
  return asked.error?.error === 'NOT_FOUND' ? null : undefined
}

/**
 * Clients: they store, name, look up and delete through the nodes that they are told of, several at once if it comes to that.
 *
 * What they are told goes into the ledger, and is held against it at once, as long as there is one ring: nobody may be told that
 * something is not there, or is what it was before, once they could know better; nor that nobody can say, of a value that somebody has.
 */
import type { Found } from '../protocol/client-api.ts'
import type { ErrorBody } from '../protocol/errors.ts'
import type { Id } from '../space/id.ts'
import type { Span } from './clocks.ts'
import { type Host, hash } from './host.ts'
import { nameOf, shown } from './ledger.ts'
import type { Register, Tick, What } from './register.ts'
import type { Asked, World } from './world.ts'

export class Clients {
  readonly #world: World
  /** Requests without an answer: of which life, and since when. */
  readonly #waiting = new Set<{ readonly host: Host; readonly life: number; readonly atMs: number }>()

  constructor(world: World) {
    this.#world = world
  }

  /** Stores a value, by its content or under a name, for ever or for so long. */
  store(through: Id, value: string, name?: string, ttlSeconds?: number): Asked<unknown> {
    const { ledger, clocks, nowMs } = this.#world
    const register = this.#registerOf(name === undefined ? { value } : { name })
    const write = register.begin(value, ledger.tick())
    const lasts = ({ fromMs, toMs }: Span) => {
      if (ttlSeconds !== undefined) write.expires = { fromMs: fromMs + 1000 * ttlSeconds, toMs: toMs + 1000 * ttlSeconds }
    }
    // Until there is an answer the node may not even have begun: it may be asleep.
    lasts(clocks.between(nowMs, Number.POSITIVE_INFINITY))
    const more = { ...(name === undefined ? {} : { name }), ...(ttlSeconds === undefined ? {} : { ttlSeconds }) }
    return this.#ask(through, 'store', { value, ...more }, (asked) => {
      lasts(clocks.between(nowMs))
      if (asked.state !== 'answered') return
      const { version, stored, wanted } = asked.reply
      this.#world.accuse(ledger.acknowledge(register, write, Math.min(stored, wanted), version))
    })
  }

  remove(through: Id, what: What): Asked<unknown> {
    const { ledger } = this.#world
    const register = this.#registerOf(what)
    const began = this.#moment(register)
    const write = register.begin(null, began.tick)
    return this.#ask(through, 'removeBy', what, (asked) => {
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
    const began = this.#moment(register)
    const wasDue = this.#isDue(register, began, through)
    return this.#ask(through, 'lookupBy', what, (asked) => {
      const told = toldOf(register, asked)
      if (told !== undefined) this.#judge(register, began, told, through)
      else if (asked.state === 'refused' && wasDue && this.#isDue(register, began, through))
        this.#accuse(register, through, asked.error.error, 'what was stored')
    })
  }

  /** Where, and for how long by now, clients wait for a node that lives, and has had more than the time that it gives itself. */
  get forgotten(): string[] {
    const { nowMs, config } = this.#world
    return [...this.#waiting]
      .filter(({ host, life }) => host.life === life)
      .map(({ host, atMs }) => ({ host, ms: nowMs - atMs }))
      .filter(({ ms }) => ms > 2 * config.operationTimeoutMs)
      .map(({ host, ms }) => `${host.url} has not answered for ${ms} ms`)
  }

  readonly #ask: World['ask'] = (through, name, request, then) => {
    const host = this.#world.host(through)
    const waiting = { host, life: host.life, atMs: this.#world.nowMs }
    this.#waiting.add(waiting)
    return this.#world.ask(through, name, request, (asked) => {
      this.#waiting.delete(waiting)
      then?.(asked)
    })
  }

  #registerOf(what: What): Register {
    const index = 'name' in what ? `n:${hash(what.name)}` : `v:${hash(what.value)}`
    const { ledger } = this.#world
    const register = ledger.register(index, what)
    ledger.mend(register)
    return register
  }

  #moment(register: Register): Moment {
    const { ledger, nowMs } = this.#world
    return { tick: ledger.tick(), ms: nowMs, judged: ledger.judges(register) }
  }

  /** Whether a read that began then must find something, through someone who stays. */
  #isDue(register: Register, { tick, ms }: Moment, through: Id): boolean {
    const { ledger, demanding, clocks } = this.#world
    if (!demanding || !ledger.judges(register) || !register.isAtHand) return false
    if (!this.#world.staying().includes(through)) return false
    return !register.possible(tick, clocks.between(ms)).includes(null)
  }

  #judge(register: Register, { tick, ms, judged }: Moment, told: string | null, by: Id): void {
    const { ledger, demanding, clocks } = this.#world
    const time = clocks.between(ms)
    const possible = demanding && judged && ledger.judges(register) ? register.possible(tick, time) : register.everything(time)
    if (possible.includes(told)) return
    this.#accuse(register, by, told === null ? 'that there is nothing' : shown(told), possible.map(shown).join(' or '))
  }

  #accuse(register: Register, by: Id, said: string, wanted: string): void {
    const kept = this.#world.ledger.whereabouts(register)
    this.#world.accuse([`${nameOf(register)}: ${by} says ${said}, not ${wanted}; kept by ${kept}`])
  }
}

/** When something began. */
interface Moment {
  readonly tick: Tick
  readonly ms: number
  /** Whether what it finds could be held against what was promised then: what was in doubt may be certain by its end. */
  readonly judged: boolean
}

/** What the answer to a lookup says of a register; null: that nothing is there; undefined: nothing at all. */
export const toldOf = (
  { index }: Register,
  asked: { state: string; reply?: Found; error?: ErrorBody },
): string | null | undefined => {
  if (asked.state === 'answered') return asked.reply?.values.find((one) => one.index === index)?.value ?? null
  return asked.error?.error === 'NOT_FOUND' ? null : undefined
}

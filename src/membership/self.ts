/** This node as a member: what it tells of itself, and how far it doubts itself. Only it makes its incarnations. */
import type { Meta } from '../protocol/packets.ts'
import type { Member } from './members.ts'
import { assertMeta } from './meta.ts'
import { settleMsOf } from './reunions.ts'
import type { SwimSetting } from './setting.ts'

export class Self {
  readonly #setting: SwimSetting
  #member: Member & { readonly meta: Meta }
  /** 0: well; more: this node is slow itself. Lifeguard §IV-A, the local health multiplier less one. */
  #health = 0

  /** @throws Refusal BAD_REQUEST where it has too much to tell */
  constructor(setting: SwimSetting) {
    const { me, incarnation, meta, ports } = setting
    assertMeta(meta)
    this.#setting = setting
    this.#member = { ...me, incarnation, state: 'alive', meta, since: ports.clock.now(), settledAt: Infinity }
  }

  /** Others can hear of it from now on; whoever founded a network has nobody who should. */
  begin(hasFounded: boolean): void {
    const { options, ports } = this.#setting
    this.#member = { ...this.#member, settledAt: ports.clock.now() + (hasFounded ? 0 : settleMsOf(options)) }
  }

  get member(): Member {
    return this.#member
  }

  get health(): number {
    return this.#health
  }

  /** It has reason to doubt itself, or less of it. */
  doubt(by: number): void {
    this.#health = Math.max(0, Math.min(this.#setting.options.healthMax - 1, this.#health + by))
  }

  /** It tells something else of itself from now on. @throws Refusal BAD_REQUEST beyond 512 bytes */
  describe(tags: Readonly<Record<string, string>>): void {
    const meta = { ...this.#setting.meta, tags: { ...tags } }
    assertMeta(meta)
    this.restate(this.#member.incarnation + 1, meta)
  }

  /** It says that it lives, once more. */
  restate(incarnation: number, meta = this.#member.meta): void {
    this.#member = { ...this.#member, incarnation, meta }
    this.#setting.notify({ kind: 'update', member: this.#member })
  }

  /** It stops, or goes for good. */
  go(state: 'dead' | 'left'): void {
    this.#member = { ...this.#member, state, since: this.#setting.ports.clock.now() }
    this.#setting.notify({ kind: state, member: this.#member })
  }
}

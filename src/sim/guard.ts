/**
 * What must hold among the members of one network, whatever their overlay: its own invariants, over what members show. And what may
 * befall one of them without going beyond what every overlay assumes, that nobody is left who knows nobody.
 */
import type { NodeConfig } from '../node/config.ts'
import type { Attributes, Snapshot, Violations } from '../overlay/overlay.ts'
import { kindOf } from '../overlay/overlays.ts'
import type { Id } from '../space/id.ts'

export interface Guard {
  readonly snapshot: Snapshot
  /** The members in order. */
  readonly ids: readonly Id[]
  set(id: Id, shown: Attributes): void
  delete(id: Id): void
  /** What must hold at every moment and does not. */
  violations(): Violations
  /** Whether maintenance has done its work. */
  readonly isIdeal: boolean
  /** What is not yet as it will be then. */
  imperfections(): Violations
  /** All is well, and everyone has joined. */
  noteSettled(): void
  /** Whether this member may fail now. @param going who is about to leave */
  mayFail(id: Id, going: ReadonlySet<Id>): boolean
  /** Whether this member may leave now, which takes a while. */
  mayGo(id: Id, going: ReadonlySet<Id>): boolean
  /** Whether a node that is gone may come back. */
  mayReturn(id: Id): boolean
}

export class TableGuard implements Guard {
  readonly #config: NodeConfig
  readonly #members = new Map<Id, Attributes>()
  /**
   * Those who have shown someone who was there, or were shown by one. A newcomer may not have: its one contact has gone meanwhile, or
   * come back as somebody new, whom it drops.
   */
  readonly #met = new Set<Id>()
  #ids: readonly Id[] | undefined
  /** Until someone shows something else. */
  #ideal: boolean | undefined

  constructor(config: NodeConfig) {
    this.#config = config
  }

  get snapshot(): Snapshot {
    return this.#members
  }

  get ids(): readonly Id[] {
    this.#ids ??= [...this.#members.keys()].sort()
    return this.#ids
  }

  set(id: Id, shown: Attributes): void {
    if (!this.#members.has(id)) this.#ids = undefined
    this.#members.set(id, shown)
    this.#ideal = undefined
    if (this.#met.size === this.#members.size) return
    for (const other of this.#knownTo(id)) if (this.#members.has(other)) this.#met.add(id).add(other)
  }

  delete(id: Id): void {
    this.#members.delete(id)
    this.#met.clear()
    // Whoever is left alone is as one who has just come: a leaver may go whom others have only just met.
    for (const member of this.#members.keys())
      for (const other of this.#knownTo(member)) if (this.#members.has(other)) this.#met.add(member).add(other)
    this.#ids = undefined
    this.#ideal = undefined
  }

  violations(): Violations {
    const met = new Map([...this.#members].filter(([id]) => this.#met.has(id)))
    return kindOf(this.#config.overlay).violations(met, this.#config)
  }

  get isIdeal(): boolean {
    this.#ideal ??= this.imperfections().length === 0
    return this.#ideal
  }

  imperfections(): Violations {
    return kindOf(this.#config.overlay).imperfections(this.#members, this.#config)
  }

  noteSettled(): void {}

  mayFail(id: Id, going: ReadonlySet<Id>): boolean {
    const stays = (other: Id) => other !== id && this.#members.has(other) && !going.has(other)
    if (this.#members.size < 3) return this.ids.some(stays)
    // Those who are going too: they have their content to hand over.
    return this.ids.every((other) => other === id || this.#knownTo(other).some(stays))
  }

  mayGo(id: Id, going: ReadonlySet<Id>): boolean {
    return going.size < this.#config.replicas && this.mayFail(id, going)
  }

  mayReturn(): boolean {
    return true
  }

  /** Everyone that a member shows. */
  #knownTo(id: Id): Id[] {
    const known = new Set<Id>()
    const look = (value: unknown): void => {
      if (Array.isArray(value)) value.forEach(look)
      else if (typeof value === 'object' && value !== null) {
        if ('id' in value && 'url' in value) known.add(String(value.id))
        else Object.values(value).forEach(look)
      }
    }
    look(this.#members.get(id))
    return [...known].filter((other) => other !== id)
  }
}

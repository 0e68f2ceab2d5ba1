/**
 * What every node of an overlay is, whatever the geometry: whether it has its place in the network, how it comes by it, and how it gives
 * it up.
 */
import { lapse } from '../ports.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Table } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import { distinct } from '../space/id.ts'
import { Caller, concernsUs } from './caller.ts'
import type { SharedOptions } from './options.ts'
import type { OverlaySetting } from './overlay.ts'

export abstract class Resident<T extends Table, Options extends SharedOptions> extends Caller<T, Options> {
  /** What it knows of others. */
  abstract readonly table: { readonly revision: number }
  readonly #changed: () => void
  /** Whom it was told to ask. */
  protected seeds: readonly Peer[] = []
  #member = false
  #leaving = false
  #hasFounded = false
  #passages = 0

  constructor(setting: OverlaySetting<T, Options>) {
    super(setting)
    this.#changed = setting.changed
  }

  abstract neighbors(): Peer[]
  /** One attempt to come in. False when the contact is there, and has not helped. @throws Unreachable, Refusal */
  protected abstract enterThrough(contact: Peer): Promise<boolean>
  /** Tells the neighbours, and goes out of the network. */
  protected abstract resign(): Promise<void>

  /** See Overlay.isDegraded. */
  get isDegraded(): boolean {
    return this.neighbors().length + 1 < this.options.replicas
  }

  /** Whether this node has its place; if not it answers nothing about it, which counts as dead. */
  get isMember(): boolean {
    return this.#member
  }

  /** See Overlay.hasFounded. */
  get hasFounded(): boolean {
    return this.#hasFounded
  }

  get isMoving(): boolean {
    return !this.#member && !this.#leaving && this.#passages > 0
  }

  /** Whether it is going, for good. */
  get isLeaving(): boolean {
    return this.#leaving
  }

  /** See Overlay.revision. */
  get revision(): number {
    return this.table.revision + this.#passages
  }

  /** @throws Refusal NOT_JOINED */
  assertMember(): void {
    if (!this.#member)
      throw new Refusal('NOT_JOINED', 'this node is not in the network yet; ask again in a second, or ask another')
  }

  /** What only members answer. @throws Refusal NOT_JOINED */
  asMember<Answer>(answer: () => Answer): Answer {
    this.assertMember()
    return answer()
  }

  /** Not any more once it is leaving. */
  enter(): void {
    if (!this.#leaving) this.#pass(true)
  }

  exit(): void {
    this.#pass(false)
  }

  /** To be called when what this node knows of others has changed. */
  noteChange(): void {
    this.#changed()
  }

  /** See Overlay.join. @throws Refusal ID_TAKEN, BAD_ID */
  async join(seeds: readonly Peer[]): Promise<void> {
    this.seeds = seeds.filter(({ id }) => id !== this.me.id)
    for (const seed of this.seeds) this.introduce(seed)
    const { foundAfterMs } = this.options
    if (seeds.length === 0) await this.#foundFirst()
    // Of many who begin at the same time, and name each other, one is to be the first.
    else await this.comeIn(foundAfterMs + this.ports.random.below(foundAfterMs + 1))
  }

  async leave(): Promise<void> {
    this.#leaving = true
    if (this.#member) await this.resign()
  }

  /** A network of one. */
  protected async found(): Promise<void> {
    this.enter()
    this.ports.log.info({}, 'network founded')
  }

  /** Tries contacts, round after round, until one leads in; when none has answered for `patienceMs`, and none is there, founds a network of its own. */
  protected async comeIn(patienceMs: number): Promise<void> {
    const { clock } = this.ports
    let isTired = lapse(clock, patienceMs)
    while (!this.#leaving) {
      let answered = false
      for (const contact of await this.order(this.contacts())) {
        if (this.#leaving) return
        const entered = await this.attempt(
          () => this.enterThrough(contact),
          (refusal) => {
            answered = true
            return concernsUs(refusal)
          },
        )
        if (entered) {
          this.#hasFounded = false
          return
        }
        if (entered === false) answered = true
      }
      // Whoever waits for the dead on our behalf answers too late, and is there all the same.
      const isOver = !answered && isTired()
      if (isOver && (await this.present(this.contacts())).length === 0) return this.#foundFirst()
      if (answered || isOver) isTired = lapse(clock, patienceMs)
      await this.pause()
    }
  }

  /** Whom to try first: by chance, so that one seed does not bear it all. */
  protected async order(contacts: readonly Peer[]): Promise<Peer[]> {
    const left = [...contacts]
    return contacts.map(() => left.splice(this.ports.random.below(left.length), 1)[0] as Peer)
  }

  /** Whom it may turn to for its place: those it was told to ask, and whoever was met or named. Each once, and not itself. */
  protected contacts(): Peer[] {
    const known = distinct([...this.seeds, ...this.acquaintances.map(({ peer }) => peer)])
    return known.filter(({ id }) => id !== this.me.id)
  }

  #foundFirst(): Promise<void> {
    this.#hasFounded = true
    return this.found()
  }

  #pass(member: boolean): void {
    this.#member = member
    this.#passages++
    this.#changed()
  }
}

/**
 * What the network has promised, and where the copies are.
 *
 * An acknowledgement that counts n copies promises that the record, or something newer, survives the loss of n - 1 of its
 * holders before it is repaired. A disk that is down counts as lost until it comes back; a disk whose node has left counts as
 * lost as well, and its node has passed on what it had.
 */
import { stampMs } from '../content/hybrid-clock.ts'
import { compareVersions, keyOf, tombstoneHorizonMs } from '../content/record.ts'
import type { StoredRecord, Version } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { inArc } from '../space/ring.ts'
import { anyTime, never } from './clocks.ts'
import type { Disk } from './disk.ts'
import type { Host } from './host.ts'
import { Register, type Tick, type What, type Write } from './register.ts'

/** What the ledger must know of the world. */
export interface Holders {
  readonly bits: number
  /** Since 1970. */
  nowMs(): number
  /** Every place that nodes have lived at. */
  hosts(): Iterable<Host>
  /** Whether the node there runs, and means to stay. */
  stays(host: Host): boolean
  /** Whether the node there has been told to stop, and has not yet. */
  stops(host: Host): boolean
  /** Who should hold a key, of all members. */
  window(key: Id): readonly Host[]
}

export class Ledger {
  /** Whether nothing is ever to be lost: no schedule goes beyond what was promised. */
  strict = true
  readonly #holders: Holders
  readonly #registers = new Map<string, Register>()
  #ticks = 0

  constructor(holders: Holders) {
    this.#holders = holders
  }

  get registers(): readonly Register[] {
    return [...this.#registers.values()]
  }

  /** The moment now: later than any before. */
  tick(): Tick {
    return this.#ticks++
  }

  register(index: string, what: What): Register {
    let register = this.#registers.get(index)
    if (!register) {
      register = new Register(index, what)
      this.#registers.set(index, register)
    }
    return register
  }

  /** Whether what a read finds there can be held against what was promised. */
  judges(register: Register): boolean {
    return this.strict && register.isJudged(this.#holders.nowMs())
  }

  /** Nobody can say any more when that will be over whose end has not been heard of. */
  unsettle(): void {
    for (const { underWay } of this.#registers.values())
      for (const write of underWay) if (write.expires !== never) write.expires = anyTime
  }

  /**
   * A write was acknowledged with so many copies. When all of them were lost before their client heard of it, or are at nodes that
   * had been told to stop, nothing is promised.
   * A deletion's acknowledgement does not say its version: it is that of the newest tombstone, unless something else has come already.
   * Returns what is wrong with the acknowledgement, in words.
   */
  acknowledge(register: Register, write: Write, copies: number, said?: Version): string[] {
    const version = said ?? this.#newestGrave(register)
    for (const [disk, had] of write.gone) if (version && compareVersions(had, version) >= 0) write.lost.add(disk)
    write.gone.clear()
    const isGiven = (record: StoredRecord) =>
      record.index === register.index && version && compareVersions(record.version, version) >= 0
    const stopping = [...this.#holders.hosts()].filter(
      (host) => this.#holders.stops(host) && host.disk.durable.read(this.#key(register)).some(isGiven),
    )
    if (new Set([...write.lost, ...stopping.map(({ disk }) => disk)]).size >= copies) return []
    const later = register.acknowledge(write, version, copies, this.tick(), this.#holders.nowMs())
    const late = later.map(
      ({ value }) => `${nameOf(register)}: NoLostUpdate: ${shown(value)} was acknowledged before, and is the later version`,
    )
    return [...(this.strict ? late : []), ...this.#settle(register)]
  }

  /** Copies that are everywhere they should be make good for all losses before. To be called before each loss. */
  repair(): void {
    for (const register of this.#registers.values()) this.mend(register)
  }

  /** The same for one register, to be called before something is begun there: if they are, nothing is in doubt any more. */
  mend(register: Register): void {
    const { newest } = register
    if (!newest || (newest.lost.size === 0 && !register.isDark)) return
    const key = this.#key(register)
    const window = this.#holders.window(key)
    // A copy that is about to be dropped, at a node that does not know yet that it should hold it, repairs nothing.
    const isRepaired = (host: Host) => believes(host, key) && this.#keeps(host, register)
    if (window.length === 0 || !window.every(isRepaired)) return
    newest.lost.clear()
    newest.copies = window.length
    // Those who have taken their own word meanwhile go on giving it until they have heard of the others.
    const others = [...this.#holders.hosts()].filter((host) => !window.includes(host) && believes(host, key))
    if (register.isDark && others.length === 0 && window.every((host) => this.#holders.stays(host)))
      register.lighten(this.tick())
  }

  /** A disk is down, or lost for good, or its node has left. Returns what must not have come about by that. */
  lose(disk: Disk): string[] {
    return this.registers.flatMap((register) => {
      const { newest } = register
      const records = disk.durable.read(this.#key(register))
      const had = records.find(({ index }) => index === register.index)
      // Which of them it had, or had before something later came, their acknowledgements will tell.
      if (had) for (const write of register.underWay) write.gone.set(disk, had.version)
      if (!newest || !register.isKept(records)) return []
      newest.lost.add(disk)
      return this.#settle(register)
    })
  }

  /** A disk is up again. */
  regain(disk: Disk): void {
    for (const { newest, underWay } of this.#registers.values())
      for (const write of newest ? [newest, ...underWay] : underWay) {
        write.lost.delete(disk)
        write.gone.delete(disk)
      }
  }

  /** What is down will not come back. Returns what must not have come about by that. */
  writeOff(): string[] {
    return this.registers.flatMap((register) => this.#settle(register, true))
  }

  /** Whether the disk of a host may go down, or be lost, within what was promised, also once those have gone who are about to. */
  maySpare({ disk }: Host): boolean {
    this.repair()
    const going = [...this.#holders.hosts()].filter((host) => host.node && !this.#holders.stays(host))
    const goneBy = [disk, ...going.map((host) => host.disk)]
    return this.registers.every((register) => {
      const { newest } = register
      const isHeld = (one: Disk) => register.isKept(one.durable.read(this.#key(register)))
      return !newest || !isHeld(disk) || new Set([...newest.lost, ...goneBy.filter(isHeld)]).size < newest.copies
    })
  }

  /** Whose disks have something under an index, and what, for people. */
  whereabouts({ index }: Register): string {
    const kept = [...this.#holders.hosts()].flatMap((host) =>
      host.disk.durable
        .read(keyOf(index, this.#holders.bits))
        .filter((record) => record.index === index)
        .map(({ value, version }) => {
          const state = host.node ? '' : host.restartable ? ' (down)' : ' (gone)'
          return `${host.url}${state}: ${value ?? 'a tombstone'} ${version.hlc}/${version.origin}`
        }),
    )
    return kept.length > 0 ? kept.join(', ') : 'nobody'
  }

  /** Looks whether the newest of a register is still there; and when nobody who runs has it, whether that may be. */
  #settle(register: Register, atLast = false): string[] {
    const { newest } = register
    if (!newest) return []
    const { value, lost, copies, version } = newest
    const keepers = this.#keepers(register)
    const excused = lost.size >= copies
    if (excused || !keepers.some((host) => this.#holders.stays(host))) register.darken(this.#holders.nowMs())
    if (keepers.some(({ node }) => node)) return []
    if (excused && keepers.length > 0 && !atLast) return []
    const isOver = value === null && version !== undefined && this.#holders.nowMs() - stampMs(version.hlc) > tombstoneHorizonMs
    if (isOver) return []
    const kept = this.whereabouts(register)
    register.release()
    if (excused && !this.strict) return []
    const what = value ?? 'its deletion'
    return [`${nameOf(register)}: NoAckedLoss: ${what} is lost, with ${copies} copies and ${lost.size} losses; kept by ${kept}`]
  }

  /** Those who run or can be started again, and keep the newest. */
  #keepers(register: Register): Host[] {
    return [...this.#holders.hosts()].filter((host) => (host.node || host.restartable) && this.#keeps(host, register))
  }

  /** What a crash would leave, and who runs has not dropped. */
  #keeps({ disk, store, node }: Host, register: Register): boolean {
    const key = this.#key(register)
    return register.isKept(disk.durable.read(key)) && (!node || register.isKept(store.read(key)))
  }

  #newestGrave({ index }: Register): Version | undefined {
    const graves = [...this.#holders.hosts()].flatMap(({ disk }) =>
      disk.durable.read(keyOf(index, this.#holders.bits)).filter((record) => record.index === index && record.value === null),
    )
    return graves
      .map(({ version }) => version)
      .toSorted(compareVersions)
      .at(-1)
  }

  #key({ index }: Register): Id {
    return keyOf(index, this.#holders.bits)
  }
}

/** `n:5c0d17 (rose)` */
export const nameOf = ({ index, what }: Register): string =>
  `${index.slice(0, 8)} (${'name' in what ? what.name : shown(what.value)})`

/** As much of a value as tells it from others. */
export const shown = (value: string | null): string => value?.slice(0, 32) ?? 'nothing'

const believes = ({ node }: Host, key: Id): boolean =>
  node?.overlay.cells().some(({ from, to }) => inArc(from, key, to)) ?? false

/**
 * The disk of a simulated host, and what a crash leaves of what its node has written.
 *
 * A node sees its changes at once. A flush makes durable, a while later, whatever was changed before it. A crash leaves what
 * is durable, and of the changes after that the first few, in their order: all of them, some, or none.
 */
import { MemoryStore } from '../content/memory-store.ts'
import type { Random, Store } from '../ports.ts'
import { Refusal } from '../protocol/errors.ts'
import type { StoredRecord } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'

/** Changes that may wait for a disk without room. */
const waitMost = 64

export class Disk {
  /** What a crash leaves. */
  readonly durable = new MemoryStore()
  /** Whether there is no room for more. */
  full = false
  /** Whether there never will be. */
  jammed = false

  /** Room is made, if that can be. */
  clear(): void {
    this.full = this.jammed
  }
}

/** How flushes take their time. */
export interface Spindle {
  after(ms: number, run: () => void): void
  /** How long the next flush takes. */
  flushMs(): number
}

type Change = (store: MemoryStore) => void

/** A disk in the hands of one life of a node. */
export class Mount implements Store {
  readonly #disk: Disk
  readonly #spindle: Spindle
  readonly #seen = new MemoryStore()
  /** Changes that are not durable, oldest first. */
  #tail: Change[] = []
  /** Changes that this life has made. */
  #changes = 0
  #ended = false

  constructor(disk: Disk, spindle: Spindle) {
    this.#disk = disk
    this.#spindle = spindle
    for (const record of disk.durable.scan('', disk.durable.size)) this.#seen.write(record)
    if (disk.durable.memo !== undefined) this.#seen.remember(disk.durable.memo)
  }

  get isFull(): boolean {
    return this.#disk.full && this.#tail.length > 0
  }

  get size(): number {
    return this.#seen.size
  }

  get memo(): string | undefined {
    return this.#seen.memo
  }

  get(key: Id, index: string): StoredRecord | undefined {
    return this.#seen.get(key, index)
  }

  /** Every record under a key, in order of index. */
  read(key: Id): StoredRecord[] {
    return this.#seen.read(key)
  }

  scan(after: string, limit: number, last?: Id, bytesMost?: number): StoredRecord[] {
    return this.#seen.scan(after, limit, last, bytesMost)
  }

  write(record: StoredRecord): void {
    if (this.#disk.full && this.#tail.length >= waitMost) throw noRoom()
    this.#change((store) => store.write(record))
  }

  drop(key: Id, index: string): void {
    this.#change((store) => store.drop(key, index))
  }

  remember(memo: string): void {
    this.#change((store) => store.remember(memo))
  }

  flushed(): Promise<void> {
    const changes = this.#changes
    if (this.#tail.length === 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#spindle.after(this.#spindle.flushMs(), () => {
        if (this.#disk.full && this.#changes - this.#tail.length < changes) return reject(noRoom())
        this.#keep(this.#tail.length - (this.#changes - changes))
        resolve()
      })
    })
  }

  /** The life ends in good order: what there is room for becomes durable. */
  close(): void {
    if (!this.#disk.full) this.#keep(this.#tail.length)
    this.#ended = true
  }

  /** The life ends without a word. */
  crash(random: Random): void {
    this.#keep(random.below(this.#tail.length + 1))
    this.#ended = true
  }

  #change(change: Change): void {
    change(this.#seen)
    this.#tail.push(change)
    this.#changes++
  }

  /** Makes so many changes durable, from the oldest on. */
  #keep(count: number): void {
    if (this.#ended || count <= 0) return
    for (const change of this.#tail.splice(0, count)) change(this.#disk.durable)
  }
}

const noRoom = (): Refusal => new Refusal('STORE_FULL', 'the disk has no room; free some, and store again')

/**
 * A store on disk: a journal, and a tree in LMDB.
 *
 * What has changed is in memory, where every read sees it, until the tree has it. To be durable it need only be in the journal: one
 * append is under way at a time, and what changes meanwhile travels in the next, so that one flush of the disk serves all who wait for
 * it. Changes are put into the tree when the journal has a few MiB of them, in order of place, which touches each page once and not
 * once a change. After an append that failed everything still waits, for the next to try again; so what a crash leaves is what was
 * changed up to some moment, and nothing after it: opening brings what the journal has into the tree.
 *
 * A record lives under its cursor, `key/index`, as JSON of the rest of it.
 */
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { cursorOf, sizeOf } from '../content/record.ts'
import type { Log, Store } from '../ports.ts'
import { Refusal } from '../protocol/errors.ts'
import type { StoredRecord } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { type Change, changeIn, Changes, lineOf, recordOf, textOf } from './changes.ts'
import { type Identity, takeDirectory } from './data-directory.ts'
import { Misconfigured } from './environment.ts'
import { Journal } from './journal.ts'
import { Layers } from './layers.ts'
import { type Lacking, Takeover } from './takeover.ts'
import { beyond, memoChanges, Tree } from './tree.ts'
import { Trouble } from './trouble.ts'

/** What may wait for a disk without room: more is refused. */
const waitMostBytes = 4 * 1024 * 1024
/** What a change takes beside its value, about. */
const overheadBytes = 300
/** When a turn of the journal has so much, the tree takes it over. More: fewer pages are written, more memory is taken. */
const usualTurnBytes = 4 * 1024 * 1024
/** When it has so many times that, the tree is waited for. */
const turnMost = 4

export class LmdbStore implements Store {
  readonly #release: () => void
  readonly #journal: Journal
  readonly #turnBytes: number
  readonly #trouble: Trouble
  readonly #takeover: Takeover
  /** Undefined once closed. */
  #tree: Tree | undefined
  /** What is written or flushed from now on could be missed. */
  #closing = false
  #size: number
  #memo: string | undefined
  /** Those that the tree does not have. */
  readonly #changes = new Changes()
  readonly #layers: Layers
  /** The one that was looked at last: whoever writes to a place has looked there before. */
  #last: Place | undefined
  /** Those of them that the journal does not have either, oldest first. */
  #unkept: Change[] = []
  #unkeptBytes = 0
  #isMemoKept = true
  /** Whether the last append failed. */
  #isFull = false
  /** The append under way. */
  #append: Promise<void> = Promise.resolve()
  /** The one after it. */
  #next: Promise<void> | undefined

  /**
   * Opens what a node keeps in a directory, which is made if need be.
   * @param turnBytes how much the journal has before the tree takes it over
   * @throws Misconfigured when the directory cannot be had, is another node's, or is damaged
   */
  static async open(directory: string, identity: Identity, log: Log, turnBytes = usualTurnBytes): Promise<LmdbStore> {
    const { sign, release } = takeDirectory(directory, identity)
    try {
      const tree = await Tree.open(directory)
      const { journal, texts } = Journal.open(directory, tree.turn)
      sign()
      try {
        const changes = texts.flatMap((text) => text.split('\n').map(changeIn))
        if (changes.length > 0) await tree.take(changes, journal.turn - 1, () => undefined)
      } catch (error) {
        journal.close()
        await tree.close()
        const why = (error as Error).message
        throw new Misconfigured(
          `POLYCHORD_DATA=${directory} cannot take in what its journal holds (${why}): make room, and start again`,
          { cause: error },
        )
      }
      return new LmdbStore(tree, journal, turnBytes, release, log)
    } catch (error) {
      release()
      throw error
    }
  }

  private constructor(tree: Tree, journal: Journal, turnBytes: number, release: () => void, log: Log) {
    this.#tree = tree
    this.#journal = journal
    this.#turnBytes = turnBytes
    this.#trouble = new Trouble(log)
    this.#layers = new Layers(this.#changes, tree)
    this.#takeover = new Takeover(tree, journal, this.#changes, this.#trouble)
    this.#release = release
    this.#memo = tree.memo
    this.#size = tree.size
  }

  get size(): number {
    assert(this.#tree, closed)
    return this.#size
  }

  get isFull(): boolean {
    return this.#isFull
  }

  get memo(): string | undefined {
    assert(this.#tree, closed)
    return this.#memo
  }

  get(key: Id, index: string): StoredRecord | undefined {
    const { cursor, text } = this.#placeOf(key, index)
    return text === undefined ? undefined : recordOf(cursor, text)
  }

  scan(after: string, limit: number, last?: Id, bytesMost = Infinity): StoredRecord[] {
    const page: StoredRecord[] = []
    let bytes = 0
    assert(this.#tree, closed)
    for (const { cursor, text } of this.#layers.between(after, last === undefined ? beyond : `${last}/~`)) {
      if (page.length === limit) break
      const record = recordOf(cursor, text)
      page.push(record)
      bytes += sizeOf(record)
      if (bytes > bytesMost) break
    }
    return page
  }

  write(record: StoredRecord): void {
    if (this.#isFull && this.#unkeptBytes > waitMostBytes) {
      void this.#appendSoon()
      throw noRoom()
    }
    this.#change(record.key, record.index, textOf(record))
  }

  drop(key: Id, index: string): void {
    this.#change(key, index, undefined)
  }

  remember(memo: string): void {
    assert(!this.#closing, closed)
    this.#memo = memo
    this.#isMemoKept = false
    void this.#appendSoon()
  }

  async flushed(): Promise<void> {
    assert(!this.#closing, closed)
    await (this.#isKept ? this.#append : this.#appendSoon())
  }

  /** Flushes, and lets go of the directory. @throws Refusal STORE_FULL when not everything could be flushed */
  async close(): Promise<void> {
    assert(this.#tree && !this.#closing, closed)
    this.#closing = true
    const tree = this.#tree
    try {
      await this.#appendSoon()
      await this.#takeover.commit
      await this.#takeover.begin(this.#lacking())
    } finally {
      this.#tree = undefined
      this.#journal.close()
      await tree.close()
      this.#release()
    }
  }

  /** A place as it is now. */
  #placeOf(key: Id, index: string): Place {
    assert(this.#tree, closed)
    if (this.#last?.key === key && this.#last.index === index) return this.#last
    const cursor = cursorOf({ key, index })
    this.#last = { key, index, cursor, text: this.#layers.get(cursor) }
    return this.#last
  }

  #change(key: Id, index: string, text: string | undefined): void {
    assert(!this.#closing, closed)
    assert(this.#tree, closed)
    const last = this.#last?.key === key && this.#last.index === index ? this.#last : undefined
    const cursor = last?.cursor ?? cursorOf({ key, index })
    const had = last ? last.text !== undefined : this.#layers.has(cursor)
    this.#last = undefined
    const change = { cursor, text }
    this.#size += Number(text !== undefined) - Number(had)
    this.#changes.add(change)
    this.#unkept.push(change)
    this.#unkeptBytes += bytesOf(change)
    void this.#appendSoon()
  }

  get #isKept(): boolean {
    return this.#unkept.length === 0 && this.#isMemoKept
  }

  /** The append that will have all that has changed by now. */
  #appendSoon(): Promise<void> {
    if (!this.#next) {
      this.#next = this.#appendNext()
      // Whoever waits hears of a failure; that nobody waits is no defect.
      this.#next.catch(() => {})
    }
    return this.#next
  }

  async #appendNext(): Promise<void> {
    await this.#append.catch(() => {})
    // What is written at the same moment comes along.
    await setImmediate()
    this.#next = undefined
    this.#append = this.#appendChanges()
    try {
      await this.#append
      this.#isFull = false
    } catch (error) {
      this.#isFull = true
      throw error
    }
  }

  async #appendChanges(): Promise<void> {
    if (this.#isKept) return
    if (this.#journal.bytes > turnMost * this.#turnBytes && !(await this.#takeover.catchUp())) throw noRoom()
    const { length } = this.#unkept
    const memo = this.#memo
    const changes = this.#unkept.filter((change) => this.#changes.get(change.cursor) === change)
    if (!this.#isMemoKept) changes.push(...memoChanges(memo))
    const lacking = this.#journal.bytes > this.#turnBytes && !this.#takeover.commit ? this.#lacking() : undefined
    try {
      await this.#journal.append(changes.map(lineOf).join('\n'))
    } catch (error) {
      this.#trouble.begin('journal', error)
      throw noRoom()
    }
    this.#trouble.end('journal')
    for (const change of this.#unkept.splice(0, length)) this.#unkeptBytes -= bytesOf(change)
    this.#isMemoKept = this.#memo === memo
    if (lacking) void this.#takeover.begin(lacking)
  }

  /** What the tree lacks at this moment; the journal must have it all before the tree does. */
  #lacking(): Lacking {
    return { changes: this.#changes.all(), memo: this.#memo }
  }
}

/** Where a record may be, and its text. */
interface Place {
  readonly key: Id
  readonly index: string
  readonly cursor: string
  readonly text: string | undefined
}

const bytesOf = ({ text }: Change): number => overheadBytes + (text?.length ?? 0)

const closed = 'the store is closed'

const noRoom = (): Refusal =>
  new Refusal(
    'STORE_FULL',
    'the disk of this node takes nothing now; make room there (its log says what is wrong), then try again',
  )

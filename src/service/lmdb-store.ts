/**
 * A store on disk, in LMDB.
 *
 * What has changed is kept in memory, where every read sees it, until a commit has it. One commit is under way at a time, and
 * what changes meanwhile travels in the next, so that one flush of the disk serves all who wait for it. After a commit that
 * failed everything still waits, for the next to try again; so what a crash leaves is what was changed up to some moment,
 * and nothing after it.
 *
 * A record lives under its cursor, `key/index`, as JSON of the rest of it.
 */
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import type { RootDatabase } from 'lmdb'
import { cursorOf } from '../content/record.ts'
import type { Log, Store } from '../ports.ts'
import { Refusal } from '../protocol/errors.ts'
import type { StoredRecord } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { type Change, Changes } from './changes.ts'
import { type Identity, takeDirectory } from './data-directory.ts'

/** What may wait for a disk without room: more is refused. */
const waitMostBytes = 4 * 1024 * 1024

/** After every key, which are hex digits: records end here. */
const beyond = 'g'
const memoKey = 'memo'
/** More than any cursor has: a longer text is after the same records as its beginning. */
const cursorMostLength = 100

export class LmdbStore implements Store {
  readonly #log: Log
  readonly #release: () => void
  /** Undefined once closed. */
  #database: RootDatabase<string, string> | undefined
  #size: number
  #memo: string | undefined
  /** The memo on the disk. */
  #keptMemo: string | undefined
  readonly #changes = new Changes()
  /** The commit under way. */
  #commit: Promise<void> = Promise.resolve()
  /** The one after it. */
  #next: Promise<void> | undefined
  /** The last commit failed. */
  #failing = false

  /**
   * Opens what a node keeps in a directory, which is made if need be.
   * @throws Misconfigured when the directory cannot be had, is another node's, or is damaged
   */
  static async open(directory: string, identity: Identity, log: Log): Promise<LmdbStore> {
    const { sign, release } = takeDirectory(directory, identity)
    try {
      // Loaded here: a node without a directory does without.
      const { open } = await import('lmdb')
      const database = open<string, string>({
        path: directory,
        noSubdir: false,
        encoding: 'string',
        // What has been committed is on the disk.
        overlappingSync: false,
        // Batches are made here. LMDB's own would make a promise whose failure nobody gets to see.
        eventTurnBatching: false,
      })
      sign()
      return new LmdbStore(database, release, log)
    } catch (error) {
      release()
      throw error
    }
  }

  private constructor(database: RootDatabase<string, string>, release: () => void, log: Log) {
    this.#database = database
    this.#release = release
    this.#log = log
    this.#memo = database.get(memoKey)
    this.#keptMemo = this.#memo
    const { entryCount } = database.getStats() as { entryCount: number }
    this.#size = entryCount - (this.#memo === undefined ? 0 : 1)
  }

  get size(): number {
    assert(this.#database, closed)
    return this.#size
  }

  get memo(): string | undefined {
    assert(this.#database, closed)
    return this.#memo
  }

  read(key: Id): StoredRecord[] {
    assert(this.#database, closed)
    const kept: StoredRecord[] = []
    for (const row of this.#database.getRange({ start: `${key}/`, end: `${key}/~` })) kept.push(recordOf(row.key, row.value))
    const changes = this.#changes.under(key)
    if (!changes) return kept
    const unchanged = kept.filter(({ index }) => !changes.has(index))
    const changed = [...changes.values()].flatMap(({ record }) => record ?? [])
    return [...unchanged, ...changed].sort((a, b) => (a.index < b.index ? -1 : 1))
  }

  scan(after: string | undefined, limit: number, last?: Id): StoredRecord[] {
    assert(this.#database, closed)
    const changes = this.#changes.after(after)
    const page: StoredRecord[] = []
    let next = 0
    const takeChangesBefore = (cursor: string) => {
      for (let change = changes[next]; change && change.cursor < cursor && page.length < limit; change = changes[++next])
        if (change.record) page.push(change.record)
    }
    const start = after?.slice(0, cursorMostLength) ?? ''
    const end = last === undefined ? beyond : `${last}/~`
    for (const row of this.#database.getRange({ start, end, exclusiveStart: after !== undefined })) {
      takeChangesBefore(row.key)
      if (page.length === limit) return page
      if (changes[next]?.cursor !== row.key) page.push(recordOf(row.key, row.value))
    }
    takeChangesBefore(end)
    return page
  }

  write(record: StoredRecord): void {
    if (this.#failing && this.#changes.bytes > waitMostBytes) {
      void this.#commitSoon()
      throw noRoom()
    }
    this.#change({ key: record.key, index: record.index, record })
  }

  drop(key: Id, index: string): void {
    this.#change({ key, index, record: undefined })
  }

  remember(memo: string): void {
    assert(this.#database, closed)
    this.#memo = memo
    void this.#commitSoon()
  }

  async flushed(): Promise<void> {
    assert(this.#database, closed)
    await this.#commitSoon()
  }

  /** Flushes, and lets go of the directory. @throws Refusal STORE_FULL when not everything could be flushed */
  async close(): Promise<void> {
    assert(this.#database, closed)
    try {
      await this.#commitSoon()
    } finally {
      const database = this.#database
      this.#database = undefined
      await database.close()
      this.#release()
    }
  }

  #change(change: Change): void {
    assert(this.#database, closed)
    const before = this.#changes.get(change.key, change.index)
    const had = before ? before.record !== undefined : this.#database.doesExist(cursorOf(change))
    this.#size += Number(change.record !== undefined) - Number(had)
    this.#changes.add(change)
    void this.#commitSoon()
  }

  /** The commit that will hold all that has changed by now. */
  #commitSoon(): Promise<void> {
    if (!this.#next) {
      this.#next = this.#commitNext()
      // Whoever waits hears of a failure; that nobody waits is no defect.
      this.#next.catch(() => {})
    }
    return this.#next
  }

  async #commitNext(): Promise<void> {
    await this.#commit.catch(() => {})
    // What is written at the same moment comes along.
    await setImmediate()
    this.#next = undefined
    this.#commit = this.#commitChanges(this.#changes.all(), this.#memo)
    await this.#commit
  }

  async #commitChanges(changes: readonly Change[], memo: string | undefined): Promise<void> {
    const hasMemo = memo !== undefined && memo !== this.#keptMemo
    if (changes.length === 0 && !hasMemo) return
    assert(this.#database, closed)
    const database = this.#database
    try {
      await database.batch(() => {
        if (hasMemo) void database.put(memoKey, memo)
        for (const change of changes)
          if (change.record) void database.put(cursorOf(change), textOf(change.record))
          else void database.remove(cursorOf(change))
      })
    } catch (error) {
      throw await this.#failed(error)
    }
    this.#keptMemo = memo
    for (const change of changes) this.#changes.forget(change)
    if (this.#failing) this.#log.info({}, 'disk has room again')
    this.#failing = false
  }

  async #failed(error: unknown): Promise<Refusal> {
    // LMDB's own error comes after that of the batch.
    const { commitError = error } = error as { commitError?: Promise<unknown> }
    const cause = await Promise.resolve(commitError).catch((why: unknown) => why)
    if (!this.#failing) this.#log.error({ err: cause, waitingBytes: this.#changes.bytes }, 'commit failed')
    this.#failing = true
    return noRoom()
  }
}

const closed = 'the store is closed'

const noRoom = (): Refusal => new Refusal('STORE_FULL', 'the disk of this node takes no more; make room there, then try again')

const textOf = ({ key: _key, index: _index, ...rest }: StoredRecord): string => JSON.stringify(rest)

const recordOf = (cursor: string, text: string): StoredRecord => {
  const slash = cursor.indexOf('/')
  const rest = JSON.parse(text) as Omit<StoredRecord, 'key' | 'index'>
  return { key: cursor.slice(0, slash), index: cursor.slice(slash + 1), ...rest }
}

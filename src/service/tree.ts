/**
 * The tree of a store, in LMDB: texts by cursor, in order. Beyond all cursors are the memo, and up to which turn of the journal the
 * tree has everything.
 */
import type { RootDatabase } from 'lmdb'
import { jsonIn } from '../protocol/utf8.ts'
import type { Change } from './changes.ts'

/** Changes that are taken at once: others have their turn in between. */
const commitMost = 500
/** After every key, which are hex digits: records end here. */
export const beyond = 'g'
const memoKey = 'memo'
const turnKey = 'turn'
/** More than any cursor has: a longer text is after the same records as its beginning. */
const cursorMostLength = 100

type Database = RootDatabase<string, string>

export class Tree {
  readonly #database: Database

  static async open(directory: string): Promise<Tree> {
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
    return new Tree(database)
  }

  private constructor(database: Database) {
    this.#database = database
  }

  /** Up to which turn of the journal it has everything; 0 where a disk has left no number of that. */
  get turn(): number {
    const turn = Number(this.#database.get(turnKey) ?? 0)
    return Number.isSafeInteger(turn) ? turn : 0
  }

  /** Undefined also where a disk has spoilt it. */
  get memo(): string | undefined {
    const text = this.#database.get(memoKey)
    const memo = text === undefined ? undefined : jsonIn(text)
    return typeof memo === 'string' ? memo : undefined
  }

  /** How many records it has. */
  get size(): number {
    const { entryCount } = this.#database.getStats() as { entryCount: number }
    return entryCount - [memoKey, turnKey].filter((key) => this.#database.doesExist(key)).length
  }

  get(cursor: string): string | undefined {
    return this.#database.get(cursor)
  }

  has(cursor: string): boolean {
    return this.#database.doesExist(cursor)
  }

  /** Those after one cursor and before another, in order. */
  between(after: string, end: string): Iterable<{ readonly key: string; readonly value: string }> {
    return this.#database.getRange({ start: after.slice(0, cursorMostLength), end, exclusiveStart: true })
  }

  /**
   * Takes all changes up to a turn of the journal, some at a time. Resolves once they are on the disk; after a failure, and after a
   * crash, those that it was not told of may be missing, and the same may be taken again.
   * @param taken told of those that are on the disk
   */
  async take(changes: readonly Change[], turn: number, taken: (some: readonly Change[]) => void): Promise<void> {
    for (let from = 0; from < changes.length; from += commitMost) {
      const some = changes.slice(from, from + commitMost)
      await this.#put(some)
      taken(some)
    }
    await this.#put([{ cursor: turnKey, text: `${turn}` }])
  }

  close(): Promise<void> {
    return this.#database.close()
  }

  /** All of it or, after a failure, nothing. */
  async #put(changes: readonly Change[]): Promise<void> {
    try {
      await this.#database.batch(() => {
        for (const { cursor, text } of changes)
          if (text === undefined) void this.#database.remove(cursor)
          else void this.#database.put(cursor, text)
      })
    } catch (error) {
      // LMDB's own error comes after that of the batch.
      const { commitError = error } = error as { commitError?: Promise<unknown> }
      throw await Promise.resolve(commitError).catch((why: unknown) => why)
    }
  }
}

/** What a memo changes: nothing when there is none. */
export const memoChanges = (memo: string | undefined): Change[] =>
  memo === undefined ? [] : [{ cursor: memoKey, text: JSON.stringify(memo) }]

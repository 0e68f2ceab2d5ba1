/** What has changed in a store and is not on its disk yet: the last change of each place. */
import { cursorOf } from '../content/record.ts'
import type { StoredRecord } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'

/** What a change takes beside its value. */
const overheadBytes = 300

export interface Change {
  readonly key: Id
  readonly index: string
  /** What is there now; undefined: it was dropped. */
  readonly record: StoredRecord | undefined
}

export class Changes {
  readonly #byKey = new Map<Id, Map<string, Change>>()
  #bytes = 0

  /** What they take, about. */
  get bytes(): number {
    return this.#bytes
  }

  get(key: Id, index: string): Change | undefined {
    return this.#byKey.get(key)?.get(index)
  }

  /** Those under a key, by index. */
  under(key: Id): ReadonlyMap<string, Change> | undefined {
    return this.#byKey.get(key)
  }

  all(): Change[] {
    return [...this.#byKey.values()].flatMap((changes) => [...changes.values()])
  }

  /** Those of places after a cursor, in order of place. */
  after(cursor: string | undefined): { cursor: string; record: StoredRecord | undefined }[] {
    return this.all()
      .map((change) => ({ cursor: cursorOf(change), record: change.record }))
      .filter((change) => cursor === undefined || change.cursor > cursor)
      .sort((a, b) => (a.cursor < b.cursor ? -1 : 1))
  }

  add(change: Change): void {
    const { key, index } = change
    this.forget(this.get(key, index))
    let changes = this.#byKey.get(key)
    if (!changes) this.#byKey.set(key, (changes = new Map()))
    changes.set(index, change)
    this.#bytes += bytesOf(change)
  }

  /** A change is on the disk. If another has come in its place meanwhile, that one is not. */
  forget(change: Change | undefined): void {
    const changes = change && this.#byKey.get(change.key)
    if (!changes || changes.get(change.index) !== change) return
    this.#bytes -= bytesOf(change)
    changes.delete(change.index)
    if (changes.size === 0) this.#byKey.delete(change.key)
  }
}

const bytesOf = ({ record }: Change): number => overheadBytes + (record?.value?.length ?? 0)

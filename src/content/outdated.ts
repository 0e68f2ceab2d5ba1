/** Records of which something newer was refused here for want of room: what is here of them is not true any more, until it is replaced or gone. */
import type { Store } from '../ports.ts'
import type { StoredRecord, Version } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { compareVersions } from './record.ts'

export class Outdated {
  readonly #store: Pick<Store, 'get'>
  /** By key, of which index, and in which version here. */
  readonly #refused = new Map<Id, Map<string, Version>>()

  constructor(store: Pick<Store, 'get'>) {
    this.#store = store
  }

  /** @param ours what is here */
  note({ key, index, version }: StoredRecord): void {
    this.#refused.set(key, (this.#refused.get(key) ?? new Map()).set(index, version))
  }

  /** Whether anything under a key still is. */
  has(key: Id): boolean {
    const refused = this.#refused.get(key)
    if (!refused) return false
    for (const [index, version] of refused) {
      const ours = this.#store.get(key, index)
      if (!ours || compareVersions(ours.version, version) !== 0) refused.delete(index)
    }
    if (refused.size === 0) this.#refused.delete(key)
    return refused.size > 0
  }
}

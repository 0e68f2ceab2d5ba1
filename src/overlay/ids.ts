/** Which id is whose: the hash of its url, unless the network allows others. Anyone may name anyone, and most names are heard over and over. */
import type { Hash } from '../ports.ts'
import { Refusal } from '../protocol/errors.ts'
import type { Peer } from '../protocol/schemas.ts'
import { type Id, idOf } from '../space/id.ts'
import { remember } from '../space/memory.ts'

/** Urls whose ids are remembered. */
const rememberedMost = 1024

export class Ids {
  readonly #hash: Hash
  readonly #bits: number
  readonly #allowsOthers: boolean
  readonly #ids = new Map<string, Id>()

  constructor(hash: Hash, bits: number, allowsOthers: boolean) {
    this.#hash = hash
    this.#bits = bits
    this.#allowsOthers = allowsOthers
  }

  of(url: string): Id {
    let id = this.#ids.get(url)
    if (id === undefined) {
      id = idOf(this.#hash(url), this.#bits)
      remember(this.#ids, url, id, rememberedMost)
    }
    return id
  }

  isSound({ id, url }: Peer): boolean {
    return this.#allowsOthers || id === this.of(url)
  }

  /** @throws Refusal BAD_ID */
  assertSound(peer: Peer): void {
    if (this.isSound(peer)) return
    const { id, url } = peer
    throw new Refusal('BAD_ID', `the id of ${url} is ${this.of(url)}, the hash of its url, not ${id}`)
  }
}

/** What a store has, by cursor: what has changed, and the tree for the rest. */
import type { Change, Changes } from './changes.ts'
import type { Tree } from './tree.ts'

/** A record as it is kept. */
interface Kept {
  readonly cursor: string
  readonly text: string
}

export class Layers {
  readonly #changes: Changes
  readonly #tree: Tree

  constructor(changes: Changes, tree: Tree) {
    this.#changes = changes
    this.#tree = tree
  }

  get(cursor: string): string | undefined {
    const change = this.#changes.get(cursor)
    return change ? change.text : this.#tree.get(cursor)
  }

  has(cursor: string): boolean {
    const change = this.#changes.get(cursor)
    return change ? change.text !== undefined : this.#tree.has(cursor)
  }

  /** Those after one cursor and before another, in order. To be read in one turn: what changes meanwhile may be missed. */
  *between(after: string, end: string): Generator<Kept, void> {
    const changes = this.#changes.between(after, end)
    let next = changes.next().value
    for (const { key: cursor, value } of this.#tree.between(after, end)) {
      for (; next && next.cursor < cursor; next = changes.next().value) yield* thereIn(next)
      if (next?.cursor !== cursor) yield { cursor, text: value }
    }
    for (; next; next = changes.next().value) yield* thereIn(next)
  }
}

/** Nothing where it was dropped. */
const thereIn = ({ cursor, text }: Change): Kept[] => (text === undefined ? [] : [{ cursor, text }])

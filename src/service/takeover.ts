/**
 * The tree of a store takes over what its journal has: one commit at a time, while the journal goes on with its other file. What the
 * tree had no room for is due until it has: both files are needed, and one goes on.
 */
import type { Change, Changes } from './changes.ts'
import type { Journal } from './journal.ts'
import { memoChanges, type Tree } from './tree.ts'
import type { Trouble } from './trouble.ts'

/** What a store had at some moment and its tree had not. */
export interface Lacking {
  readonly changes: readonly Change[]
  readonly memo: string | undefined
}

export class Takeover {
  readonly #tree: Tree
  readonly #journal: Journal
  readonly #changes: Changes
  readonly #trouble: Trouble
  /** Up to which turn of the journal the tree has everything. */
  #turn: number
  #due: Lacking | undefined
  #commit: Promise<void> | undefined

  /** @param changes those that the tree does not have: what it takes is forgotten there */
  constructor(tree: Tree, journal: Journal, changes: Changes, trouble: Trouble) {
    this.#tree = tree
    this.#journal = journal
    this.#changes = changes
    this.#trouble = trouble
    this.#turn = journal.turn - 1
  }

  /** The commit under way. Never rejects: what the tree has no room for is in the journal. */
  get commit(): Promise<void> | undefined {
    return this.#commit
  }

  /** None may be under way, and the journal must have all of it. */
  begin(lacking: Lacking): Promise<void> {
    this.#due = lacking
    if (this.#turn === this.#journal.turn - 1) this.#journal.take()
    this.#commit = this.#take(lacking, this.#journal.turn - 1)
      .then(
        () => {
          this.#due = undefined
          this.#trouble.end('tree')
        },
        (error: unknown) => this.#trouble.begin('tree', error),
      )
      .finally(() => (this.#commit = undefined))
    return this.#commit
  }

  /** Waits for the tree to take what is due, which may have failed before. Returns whether nothing is due any more. */
  async catchUp(): Promise<boolean> {
    if (this.#due) await (this.#commit ?? this.begin(this.#due))
    return this.#due === undefined
  }

  async #take({ changes, memo }: Lacking, turn: number): Promise<void> {
    await this.#tree.take([...changes, ...memoChanges(memo)], turn, (some) => {
      for (const change of some) this.#changes.forget(change)
    })
    this.#turn = turn
  }
}

/**
 * What a node knew when it was here last, kept beside its data: what all nodes of its network agree on, and whom it has known for longest.
 * Whoever it was told to ask may be gone by its next life.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Node } from '../node/node.ts'
import { isOrigin } from '../protocol/schemas.ts'
import type { NetworkSettings } from './seeds.ts'

const contactsMost = 50

const Recollection = Type.Object({
  settings: Type.Unsafe<NetworkSettings>(Type.Object({ network: Type.String() })),
  contacts: Type.Array(Type.Object({ id: Type.String(), url: Type.String() })),
  /** It has handed everything over: what is beside this is of no use any more. */
  left: Type.Optional(Type.Literal(true)),
})
export type Recollection = Static<typeof Recollection>

const recollectionFile = 'network.json'

/** First those who have been there for longest, then those who were last there: where all stop one after the other the last knows nobody else. */
export const recollectionOf = ({ overlay }: Node, settings: NetworkSettings): Recollection => ({
  settings,
  contacts: overlay.acquaintances
    .toSorted((a, b) => Number(b.alive) - Number(a.alive) || (a.alive ? a.since - b.since : b.since - a.since))
    .slice(0, contactsMost)
    .map(({ peer }) => peer),
})

/** Undefined when there is none, or none that can be read: a node goes on without. */
export const recall = (directory: string): Recollection | undefined => {
  try {
    const known: unknown = JSON.parse(readFileSync(join(directory, recollectionFile), 'utf8'))
    return Value.Check(Recollection, known) && known.contacts.every(({ url }) => isOrigin(url)) ? known : undefined
  } catch {
    return undefined
  }
}

/** Keeps it beside the data in a directory, from now on. */
export class Notebook {
  readonly #file: string
  #noted = ''

  constructor(directory: string) {
    this.#file = join(directory, recollectionFile)
  }

  /** A crash leaves the one or the other. @throws what the file system has against it */
  note(known: Recollection): void {
    const text = `${JSON.stringify(known, null, 2)}\n`
    if (text === this.#noted) return
    const fresh = `${this.#file}.new`
    writeFileSync(fresh, text)
    renameSync(fresh, this.#file)
    this.#noted = text
  }
}

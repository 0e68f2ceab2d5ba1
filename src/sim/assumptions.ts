/**
 * What the protocol asks of the world: that failures leave it something to repair with. Zave (TSE'17).
 *
 * Fail-1: no failure leaves a list without a live entry. Fail-2: none takes the principals of a ring below
 * listLength + 1. Lists on their way count as well: someone is about to adopt them.
 */
import { skippedBy, type Snapshot } from '../overlay/chord/invariants.ts'
import type { Id } from '../space/id.ts'
import type { Carried } from './network.ts'

export interface Circumstances {
  readonly snapshot: Snapshot
  readonly carried: readonly Carried[]
  /** Members about to leave: as good as dead, but their lists are still copied. */
  readonly going: ReadonlySet<Id>
  /** Principals that must remain; 0 in a ring that never had that many. */
  readonly principals: number
}

interface List {
  readonly owner: Id
  readonly list: readonly Id[]
}

/** Whether a member may fail, or go if it is one of `going`, without breaking an assumption. */
export const mayFail = (id: Id, { snapshot, carried, going, principals }: Circumstances): boolean => {
  const remains = (other: Id) => other !== id && snapshot.has(other) && !going.has(other)
  const lists = listsOf(snapshot, carried).filter(({ owner }) => owner !== id || going.has(id))
  if (lists.some(({ owner, list }) => list.length > 0 && !list.some((entry) => entry !== owner && remains(entry)))) return false
  const remaining = [...snapshot.keys()].filter(remains)
  return principals === 0 ? remaining.length > 0 : countPrincipals(remaining, lists) >= principals
}

/** Members that no list skips, not even one on its way. */
export const principalsOf = (snapshot: Snapshot, carried: readonly Carried[]): number =>
  countPrincipals([...snapshot.keys()], listsOf(snapshot, carried))

const listsOf = (snapshot: Snapshot, carried: readonly Carried[]): List[] => [
  ...[...snapshot].map(([owner, { successors }]) => ({ owner, list: successors })),
  ...carried.map(({ to, list }) => ({ owner: to, list })),
]

const countPrincipals = (members: readonly Id[], lists: readonly List[]): number => {
  const sorted = members.toSorted()
  const skipped = new Set(lists.flatMap(({ owner, list }) => skippedBy(sorted, owner, list)))
  return sorted.length - skipped.size
}

/**
 * What must hold of a ring, as predicates over a snapshot of its live members. Zave (TSE'17), names and all.
 *
 * Her invariant is two lines, OneLiveSuccessor and SufficientPrincipals; the other properties follow from it and are
 * checked because each is broken by another kind of mistake. They hold at every moment, also while nodes come and go.
 * Ideal is what maintenance arrives at when nobody does.
 *
 * Small rings have shorter lists: min(listLength, N - 1) others; a lone node has an empty list and precedes itself.
 */
import type { Peer } from '../../protocol/schemas.ts'
import { firstAtOrAfter, type Id, shortId, shortIds } from '../../space/id.ts'
import { between } from '../../space/ring.ts'
import type { Snapshot as Members, Violations } from '../overlay.ts'

export interface RingEntry {
  /** Nearest first; entries may be dead, that is not in the snapshot. */
  readonly successors: readonly Id[]
  readonly predecessor: Id
}

/** Every live member of one network. */
export type Snapshot = ReadonlyMap<Id, RingEntry>

/** The ring that members show in /nodeinfo. */
export const ringOf = (members: Members): Snapshot =>
  new Map([...members].map(([id, shown]) => [id, entryShown(id, shown as { successors?: Peer[]; predecessor?: Peer })]))

const entryShown = (id: Id, { successors = [], predecessor }: { successors?: Peer[]; predecessor?: Peer }): RingEntry => ({
  successors: successors.map((peer) => peer.id).filter((other) => other !== id),
  predecessor: predecessor?.id ?? id,
})

/** The first live entry of a successor list; a node whose list is empty is its own ring. */
export const bestSuccessor = (snapshot: Snapshot, id: Id): Id | undefined => {
  const { successors } = entryOf(snapshot, id)
  return successors.length === 0 ? id : successors.find((successor) => snapshot.has(successor))
}

/** I1: every member has a live successor in its list. */
export const oneLiveSuccessor = (snapshot: Snapshot): Violations =>
  violations('OneLiveSuccessor', snapshot, (id, { successors }) =>
    bestSuccessor(snapshot, id) === undefined
      ? `all of ${shortIds(successors)}, the successors of ${shortId(id)}, are dead`
      : undefined,
  )

/** I2: at least listLength + 1 members are principals. Holds of no ring that small, and not yet of one that just outgrew it. */
export const sufficientPrincipals = (snapshot: Snapshot, listLength: number): Violations => {
  if (snapshot.size <= listLength) return []
  const count = snapshot.size - skipped(snapshot).size
  return count > listLength
    ? []
    : [`SufficientPrincipals: ${count} of ${snapshot.size} members are principals, ${listLength + 1} are needed`]
}

/** D1: no member lists itself, or another one twice. */
export const noDuplicates = (snapshot: Snapshot): Violations =>
  violations('NoDuplicates', snapshot, (id, { successors }) =>
    new Set(successors).size < successors.length || successors.includes(id)
      ? `${shortId(id)} lists ${shortIds(successors)}`
      : undefined,
  )

/** D2: a list goes once around the circle, clockwise. */
export const orderedSuccessorLists = (snapshot: Snapshot): Violations =>
  violations('OrderedSuccessorLists', snapshot, (id, { successors }) =>
    successors.every((successor, index) => index === 0 || between(id, successors[index - 1] ?? id, successor))
      ? undefined
      : `${shortId(id)} lists ${shortIds(successors)}, which is not clockwise`,
  )

/** D3: a member whom no list skips is on the ring. */
export const principalsInRing = (snapshot: Snapshot): Violations => {
  const ring = new Set(cyclesOf(snapshot).flat())
  const appendages = [...snapshot.keys()].filter((id) => !ring.has(id))
  if (appendages.length === 0) return []
  const ids = skipped(snapshot)
  return appendages
    .filter((id) => !ids.has(id))
    .map((id) => `PrincipalsInRing: no list skips ${shortId(id)}, and yet it is off the ring`)
}

/** D4: by first live successors there is a ring, just one, and it goes once around the circle. */
export const oneOrderedRing = (snapshot: Snapshot): Violations => {
  if (snapshot.size === 0) return []
  const cycles = cyclesOf(snapshot)
  if (cycles.length === 0) return ['OneOrderedRing: there is no ring']
  const found =
    cycles.length > 1 ? [`OneOrderedRing: there are ${cycles.length} rings: ${cycles.map(shortIds).join(' | ')}`] : []
  for (const cycle of cycles) {
    const turns = cycle.filter((id, index) => (cycle[(index + 1) % cycle.length] ?? id) <= id).length
    if (turns > 1) found.push(`OneOrderedRing: the ring ${shortIds(cycle)} goes ${turns} times around the circle`)
  }
  return found
}

/** D5: a member off the ring reaches it by first live successors. */
export const connectedAppendages = (snapshot: Snapshot): Violations => {
  const reaching = new Set(cyclesOf(snapshot).flat())
  const lost = [...snapshot.keys()].filter((id) => {
    const way: Id[] = []
    let at: Id | undefined = id
    while (at !== undefined && !reaching.has(at)) {
      way.push(at)
      at = bestSuccessor(snapshot, at)
    }
    if (at !== undefined) for (const passed of way) reaching.add(passed)
    return at === undefined
  })
  return lost.map((id) => `ConnectedAppendages: ${shortId(id)} does not reach the ring`)
}

/** What must hold of a ring at every moment; sufficientPrincipals besides, once the ring has been ideal with that many. */
export const checkRing = (snapshot: Snapshot): Violations =>
  [oneLiveSuccessor, noDuplicates, orderedSuccessorLists, principalsInRing, oneOrderedRing, connectedAppendages].flatMap(
    (property) => property(snapshot),
  )

/** G: everyone is on the ring, knows its true predecessor and its true next successors. */
export const checkIdeal = (snapshot: Snapshot, listLength: number): Violations => {
  const ids = [...snapshot.keys()].sort()
  const length = Math.min(listLength, ids.length - 1)
  return ids.flatMap((id, at) => {
    const { successors, predecessor } = entryOf(snapshot, id)
    const wanted = Array.from({ length }, (_, index) => ids[(at + 1 + index) % ids.length] ?? id)
    const before = ids.at(at - 1) ?? id
    const list = successors.length === length && wanted.every((other, index) => successors[index] === other)
    return [
      ...(list ? [] : [`Ideal: ${shortId(id)} lists ${shortIds(successors)} instead of ${shortIds(wanted)}`]),
      ...(predecessor === before
        ? []
        : [`Ideal: ${shortId(id)} takes ${shortId(predecessor)} for its predecessor instead of ${shortId(before)}`]),
    ]
  })
}

/** The members that a list passes over: live, strictly between two neighbouring entries. All others are principals. */
export const skippedBy = (sorted: readonly Id[], id: Id, successors: readonly Id[]): Id[] => {
  const list = successors.length === 0 ? [id] : successors
  const found: Id[] = []
  for (let index = 0, low = id; index < list.length; index++) {
    const high = list[index] ?? id
    for (let at = firstAtOrAfter(sorted, low), left = sorted.length; left > 0; at++, left--) {
      const member = sorted[at % sorted.length] ?? low
      if (member === low) continue
      if (!between(low, member, high)) break
      found.push(member)
    }
    low = high
  }
  return found
}

const skipped = (snapshot: Snapshot): Set<Id> => {
  const sorted = [...snapshot.keys()].sort()
  const found = new Set<Id>()
  for (const [id, { successors }] of snapshot) for (const member of skippedBy(sorted, id, successors)) found.add(member)
  return found
}

/** Rings: the members that come back to themselves by first live successors. */
const cyclesOf = (snapshot: Snapshot): Id[][] => {
  const walkOf = new Map<Id, number>()
  const cycles: Id[][] = []
  let walk = 0
  for (const start of snapshot.keys()) {
    walk++
    let at: Id | undefined = start
    while (at !== undefined && !walkOf.has(at)) {
      walkOf.set(at, walk)
      at = bestSuccessor(snapshot, at)
    }
    if (at === undefined || walkOf.get(at) !== walk) continue
    const cycle: Id[] = []
    for (let member: Id | undefined = at; member !== undefined && (member !== at || cycle.length === 0); ) {
      cycle.push(member)
      member = bestSuccessor(snapshot, member)
    }
    cycles.push(cycle)
  }
  return cycles
}

const violations = (
  property: string,
  snapshot: Snapshot,
  examine: (id: Id, entry: RingEntry) => string | undefined,
): Violations => {
  const found: string[] = []
  for (const [id, entry] of snapshot) {
    const violation = examine(id, entry)
    if (violation) found.push(`${property}: ${violation}`)
  }
  return found
}

const entryOf = (snapshot: Snapshot, id: Id): RingEntry => {
  const entry = snapshot.get(id)
  if (!entry) throw new Error(`${id} is not in the snapshot`)
  return entry
}

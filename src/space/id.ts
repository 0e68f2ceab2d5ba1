/**
 * Identifiers: points of a circle of 2^bits, written as lowercase hex of fixed width.
 *
 * Because the width is fixed, the order of the texts is the order of the numbers: rules compare ids with `<` and never
 * parse them. The width of an id tells its space: only where one is made or checked is `bits` said.
 */

/** `'0ce23a37effe…'`: bits / 4 lowercase hex digits. */
export type Id = string

/** Bits that an id space may have: whole hex digits, at most what the hash gives. */
export const idBits = { minimum: 8, maximum: 160, step: 4 } as const

export const isId = (text: string, bits: number): boolean => text.length === bits / 4 && /^[0-9a-f]+$/.test(text)

/** The first `bits` bits of a hash in hex: where a name, a value or a url falls in the space. */
export const idOf = (hash: string, bits: number): Id => hash.slice(0, bits / 4)

/** As people see it in tables and messages. */
export const shortId = (id: Id): string => id.slice(0, 6)

/** Ids of which more are not shown: as many as a leaf set has. */
const shownMost = 16

/** Some of them, when they are many. */
export const shortIds = (ids: readonly Id[]): string => {
  if (ids.length === 0) return 'nobody'
  const shown = ids.slice(0, shownMost).map(shortId).join(' ')
  return ids.length > shownMost ? `${shown} … (${ids.length})` : shown
}

/** The place in a sorted list of the first id, or what ids begin with, at or after one; the length of the list where all are before it. */
export const firstAtOrAfter = (sorted: readonly string[], text: string): number => firstFrom(sorted, text, (id) => id)

/** The same in a list of what has ids. */
export const firstFrom = <One>(sorted: readonly One[], text: string, idOf: (one: One) => string): number => {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (idOf(sorted[middle] as One) < text) low = middle + 1
    else high = middle
  }
  return low
}

/** Each id once: where it was first, as it was last. */
export const distinct = <P extends { readonly id: Id }>(points: readonly P[]): P[] => [
  ...new Map(points.map((point) => [point.id, point])).values(),
]

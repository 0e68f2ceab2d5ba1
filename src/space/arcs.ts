/**
 * Sets of ids, as arcs make them up: what a node has all of, and what lies outside of its cells.
 *
 * A set is kept as closed spans in order, none touching the next; an arc that passes zero is two of them.
 */
import type { Id } from './id.ts'
import { type Arc, idAfter, idBefore } from './ring.ts'

/** The ids first <= x <= last. */
export interface Span {
  readonly first: Id
  readonly last: Id
}

/** An arc as one span, or two where it passes zero, in the arc's order. */
export const spansOf = ({ from, to }: Arc): Span[] => {
  const first = idAfter(from)
  if (from !== to && first <= to) return [{ first, last: to }]
  const [zero, top] = ['0'.repeat(from.length), 'f'.repeat(from.length)]
  if (from === to) return [{ first: zero, last: top }]
  return [
    { first, last: top },
    { first: zero, last: to },
  ]
}

export class Arcs {
  static readonly none = new Arcs([])
  readonly #spans: readonly Span[]

  private constructor(spans: readonly Span[]) {
    this.#spans = spans
  }

  static of(arcs: readonly Arc[]): Arcs {
    return new Arcs(joined(arcs.flatMap(spansOf)))
  }

  get isEmpty(): boolean {
    return this.#spans.length === 0
  }

  has(id: Id): boolean {
    return this.#spans.some(({ first, last }) => first <= id && id <= last)
  }

  covers(arc: Arc): boolean {
    return spansOf(arc).every(({ first, last }) => this.#spans.some((span) => span.first <= first && last <= span.last))
  }

  plus(other: Arcs): Arcs {
    return new Arcs(joined([...this.#spans, ...other.#spans]))
  }

  /** What is in both. */
  within(other: Arcs): Arcs {
    const spans = this.#spans.flatMap(({ first, last }) =>
      other.#spans
        .map((span) => ({ first: first > span.first ? first : span.first, last: last < span.last ? last : span.last }))
        .filter((span) => span.first <= span.last),
    )
    return new Arcs(spans)
  }

  /** What is in this set and not in the other. */
  without(other: Arcs): Arcs {
    return this.#spans.length === 0 || other.isEmpty ? this : this.within(Arcs.of(other.gaps(this.#width)))
  }

  /** The same as arcs; one that passes zero is two. */
  arcs(): Arc[] {
    return this.#spans.map(({ first, last }) => ({ from: idBefore(first), to: last }))
  }

  /** The arcs between the spans, all round the circle. @param width digits of an id */
  gaps(width: number): Arc[] {
    const ends = this.#spans
    const all = { from: '0'.repeat(width), to: '0'.repeat(width) }
    if (ends.length === 0) return [all]
    return ends.flatMap(({ last }, at) => {
      const next = ends[(at + 1) % ends.length] as Span
      const to = idBefore(next.first)
      return to === last ? [] : [{ from: last, to }]
    })
  }

  get #width(): number {
    return this.#spans[0]?.first.length ?? 0
  }
}

const joined = (spans: readonly Span[]): Span[] => {
  const all: Span[] = []
  for (const span of spans.toSorted((a, b) => (a.first < b.first ? -1 : 1))) {
    const last = all.at(-1)
    if (last && (span.first <= last.last || span.first === idAfter(last.last))) {
      if (span.last > last.last) all[all.length - 1] = { first: last.first, last: span.last }
    } else all.push(span)
  }
  return all
}

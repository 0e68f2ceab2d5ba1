/** The way of a lookup: who was asked, in order, and how long each took. */
import type { Hop } from '../../src/protocol/schemas.ts'
import { shortId } from '../../src/space/id.ts'
import { type Cell, duration, type Paint, plural, table, portOf } from './text.ts'

interface Place {
  readonly id: string
  readonly url: string
}

const port = ({ url }: Place) => portOf(url)

/**
 * Facts line by line under the names on the left, then the path from the node that was asked.
 * ```
 * owner  10005 39ffa7
 * path   10001  0ce23a  entry
 *        10005  39ffa7  1.1 ms
 * 1 hop · 1.1 ms
 * ```
 */
export const renderTravel = (
  facts: readonly (readonly [name: string, fact: string])[],
  { entry, path, hops, ms }: { entry: Place; path: readonly Hop[]; hops: number; ms: number },
  paint: Paint,
): string[] => {
  const steps = table(
    ['left', 'left', 'right', 'left'],
    [
      [port(entry), shortId(entry.id), { text: 'entry', paint: paint.dim }],
      ...path.map((hop): Cell[] => [
        { text: port(hop), paint: hop.dead ? paint.red : paint.bold },
        shortId(hop.id),
        duration(hop.ms),
        hop.dead
          ? { text: '✗ no answer', paint: paint.red }
          : hop.slow
            ? { text: 'slow: another was asked', paint: paint.dim }
            : '',
      ]),
    ],
  )
  const rows = [...facts, ...steps.map((step, index): [string, string] => [index === 0 ? 'path' : '', step])]
  const width = Math.max(...rows.map(([name]) => name.length))
  return [
    ...rows.map(([name, fact]) => `${paint.dim(name.padEnd(width))}  ${fact}`.trimEnd()),
    `${plural(hops, 'hop')} · ${duration(ms)}`,
  ]
}

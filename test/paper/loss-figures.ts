/** Figures of which keys are lost with the nodes that held them. */
import { type Figure, signed } from './figure.ts'
import { copiesLost, keysLost } from './keys.ts'
import { colors, type Point } from './plot.ts'
import { spread } from './tally.ts'

const nodes = 10_000
const seedsUpTo = (count: number): number[] => Array.from({ length: count }, (_, seed) => seed)
const percent = (part: number): string => `${Math.round(100 * part)} %`

export const keysLostFigure = async (): Promise<Figure> => {
  const fractions = Array.from({ length: 10 }, (_, at) => (at + 1) / 20)
  const points: Point[] = []
  const rows: string[][] = []
  for (const fraction of fractions) {
    const runs = []
    for (const seed of seedsUpTo(5)) runs.push(await keysLost(seed, nodes, 10_000, fraction))
    const { mean, sd } = spread(runs.map(({ lost }) => lost))
    /** Student's t for 5 runs. */
    const wide = (2.776 * sd) / Math.sqrt(runs.length)
    points.push({ x: fraction, y: mean, low: mean - wide, high: mean + wide })
    rows.push([
      percent(fraction),
      percent(fraction),
      `${(100 * mean).toFixed(2)} %`,
      `± ${(100 * wide).toFixed(2)}`,
      signed(100 * (mean - fraction), 2),
      String(runs.reduce((sum, { missed }) => sum + missed, 0)),
    ])
  }
  return {
    name: 'keys-lost',
    title: 'Keys lost with the nodes that held them',
    source: "SIGCOMM'01 §6.4, Figure 11",
    quote:
      '“The lookup failure rate is almost exactly p. Since this is just the fraction of keys expected to be lost due to the failure of the responsible nodes, we conclude that there is no significant lookup failure in the Chord network.”',
    text: [
      '10 000 nodes, one copy of each key; p of the nodes die, the ring closes again, and keys are looked up: lost is a key that is not found at the node which owned it before. 5 rings with 10 000 lookups each for every p, where the paper stores 10^6 keys; the interval is that of 95 %. *Missed* counts the keys that were not found although their node lives.',
    ],
    head: ['dead', 'paper', 'ours', '95 %', 'difference', 'missed'],
    rows,
    plot: {
      title: 'Keys lost with the nodes that held them',
      x: { label: 'part of the nodes that died', range: [0, 0.525], ticks: fractions, tickText: percent },
      y: { label: 'part of the keys not found', range: [0, 0.55], ticks: [0, 0.1, 0.2, 0.3, 0.4, 0.5], tickText: percent },
      series: [
        { name: 'p', draw: 'line', color: colors.paper, points: [0, 0.5].map((p) => ({ x: p, y: p })) },
        { name: 'ours (mean, 95 %)', draw: 'points', color: colors.ours, points },
      ],
    },
  }
}

export const copiesLostFigure = (): Figure => {
  const copiesMax = 6
  const probabilities = [0.1, 0.2, 0.3, 0.4, 0.5]
  const hues = ['#0b6e99', '#2a9d8f', '#e09f3e', '#d1495b', '#6d597a']
  const measured = probabilities.map((probability) => {
    const runs = seedsUpTo(20).map((seed) => copiesLost(seed, nodes, 50_000, probability, copiesMax))
    return Array.from({ length: copiesMax }, (_, at) => spread(runs.map((lost) => lost[at] ?? 0)).mean)
  })
  const copies = Array.from({ length: copiesMax }, (_, at) => at + 1)
  const decades = [-6, -5, -4, -3, -2, -1, 0]
  return {
    name: 'copies-lost',
    title: 'Keys lost with all of their copies',
    source: "ToN'03 §IV-E.3",
    text: [
      'Copies are on the nodes that succeed the key, and each of these dies with probability p: p^r of the keys are lost. 10 000 nodes, 20 rings with 50 000 keys each. Keys of one arc are lost together, so small shares rest on few arcs, and stray.',
    ],
    head: ['dead', ...copies.flatMap((count) => [`r = ${count}: p^r`, 'ours'])],
    rows: probabilities.map((probability, row) => [
      percent(probability),
      ...copies.flatMap((count) => [
        `${Number((100 * probability ** count).toPrecision(3))} %`,
        `${Number((100 * (measured[row]?.[count - 1] ?? 0)).toPrecision(3))} %`,
      ]),
    ]),
    plot: {
      title: 'Keys lost with all of their copies: p^r (lines) and ours (points)',
      x: { label: 'copies on consecutive nodes', range: [0.7, 6.3], ticks: copies },
      y: {
        label: 'part of the keys lost',
        range: [-6, 0],
        ticks: decades,
        tickText: (power) => `${Number((100 * 10 ** power).toPrecision(1))} %`,
      },
      series: probabilities.flatMap((probability, row) => {
        const color = hues[row] ?? colors.ours
        const line = copies.map((count) => ({ x: count, y: count * Math.log10(probability) }))
        const shares = copies.map((count) => ({ x: count, y: Math.log10(measured[row]?.[count - 1] ?? 0) }))
        return [
          { draw: 'line' as const, color, points: line },
          { name: `p = ${percent(probability)}`, draw: 'points' as const, color, points: shares.filter(({ y }) => y >= -6) },
        ]
      }),
    },
  }
}

/** The figure of lookups that take one hop while nodes come and die. */
import { type Looked, lookUpInChurn } from '../sim/churn.ts'
import type { Figure } from './figure.ts'
import { colors } from './plot.ts'

const sizes = [30, 100, 300, 1000]
const lifetimeMs = 3600_000
const seconds = 40
const least = 0.99

const shareOf = ({ hits, oneHop }: Looked): number => oneHop / hits

export const oneHopFigure = async (): Promise<Figure> => {
  const runs: { size: number; looked: Looked }[] = []
  for (const size of sizes) runs.push({ size, looked: await lookUpInChurn({ size, lifetimeMs, seconds, membership: 'lan' }) })
  return {
    name: 'one-hop',
    title: 'Lookups of one hop while nodes come and die',
    source: "Gupta, Liskov, Rodrigues, *One Hop Lookups for Peer-to-Peer Overlays*, HotOS'03 §1; SWIM tells who is there",
    text: [
      `Whole nodes in the simulator, \`membership=lan\`, \`mode=onehop\`. Nodes live an hour on average: in each of ${seconds} seconds N / 3600 of them die without a word, and as many come. 25 lookups a second, through any node, of any of 50 values and, one in ten, of what was never stored. *One hop* is a lookup in which one other node was asked at the most; *wrong* is a stored value that was not found, or an answer for what was never stored.`,
    ],
    head: ['N', 'found', 'one hop', 'of them', 'goal', 'not stored', 'wrong'],
    rows: runs.map(({ size, looked }) => [
      String(size),
      String(looked.hits),
      String(looked.oneHop),
      `${(100 * shareOf(looked)).toFixed(1)} %`,
      `${100 * least} %`,
      String(looked.misses),
      String(looked.wrong.length),
    ]),
    plot: {
      title: 'Lookups of one hop while nodes come and die',
      x: {
        label: 'nodes',
        range: [1.3, 3.2],
        ticks: sizes.map(Math.log10),
        tickText: (tick) => String(Math.round(10 ** tick)),
      },
      y: { label: 'part of the lookups', range: [0.95, 1], ticks: [0.95, 0.96, 0.97, 0.98, 0.99, 1] },
      series: [
        { name: 'goal', draw: 'line', color: colors.paper, points: [1.3, 3.2].map((x) => ({ x, y: least })) },
        {
          name: 'ours',
          draw: 'points',
          color: colors.ours,
          points: runs.map(({ size, looked }) => ({ x: Math.log10(size), y: shareOf(looked) })),
        },
      ],
    },
  }
}

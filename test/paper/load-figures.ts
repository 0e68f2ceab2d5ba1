/** Figures of where keys fall. */
import { difference, type Figure } from './figure.ts'
import { keysPerNode } from './keys.ts'
import { colors } from './plot.ts'
import { virtualIds } from './published.ts'
import { spread, type Tally } from './tally.ts'

const nodes = 10_000
const seedsUpTo = (count: number): number[] => Array.from({ length: count }, (_, seed) => seed)
const percent = (part: number): string => `${Math.round(100 * part)} %`

/** Figures 8(a) and 8(b): one run of the experiment gives both. */
export const loadFigures = (): Figure[] => {
  const keyCounts = Array.from({ length: 10 }, (_, at) => (at + 1) * 100_000)
  const loads = seedsUpTo(20).map((seed) => keysPerNode({ seed, nodes, virtualIds: 1 }, keyCounts))
  const measured = keyCounts.map((keys, at) => {
    const mean = (of: (load: Tally) => number) => spread(loads.map((load) => of(load[at] as Tally))).mean
    const per = keys / nodes
    return {
      keys,
      per,
      low: mean((load) => load.percentile(0.01)),
      high: mean((load) => load.percentile(0.99)),
      max: mean((load) => load.max),
      empty: mean((load) => load.share(0)),
      /** Part of the nodes that hold so many keys, ten by ten. */
      shares: Array.from({ length: 50 }, (_, bin) => ({
        x: 10 * bin + 5,
        y: mean((load) =>
          Array.from({ length: 10 }, (_, n) => load.share(10 * bin + n)).reduce((sum, share) => sum + share, 0),
        ),
      })),
    }
  })
  const half = measured[4] as (typeof measured)[0]
  const exponential = half.shares.map(({ x }) => ({ x, y: Math.exp(-(x - 5) / half.per) - Math.exp(-(x + 5) / half.per) }))
  return [
    {
      name: 'load',
      title: 'Keys per node',
      source: "SIGCOMM'01 §6.2, Figure 8(a); ToN'03 §V-B",
      quote:
        '“The number of keys per node exhibits large variations that increase linearly with the number of keys. For example, in all cases some nodes store no keys.”',
      text: [
        '10 000 nodes, 20 rings, the same as in the paper. At 500 000 keys the paper sees a 99th percentile of 4.6 × the mean, and a most loaded node with 9.1 ×. The arcs between ids at random are all but exponential in length: then 1 node in 1 + the mean holds nothing, and 99 % hold at most ln 100 = 4.6 × the mean.',
      ],
      head: [
        'keys',
        'mean',
        '1st percentile',
        '99th',
        '99th × mean',
        'off 4.6',
        'most × mean',
        'empty nodes',
        'of 1 in 1 + mean',
      ],
      rows: measured.map(({ keys, per, low, high, max, empty }) => [
        keys.toLocaleString('en-US').replaceAll(',', ' '),
        String(per),
        low.toFixed(1),
        high.toFixed(1),
        (high / per).toFixed(2),
        difference(high / per, 4.6),
        (max / per).toFixed(2),
        (empty * nodes).toFixed(0),
        difference(empty, 1 / (1 + per)),
      ]),
      plot: {
        title: 'Keys per node, in a network of 10 000',
        x: {
          label: 'keys in all',
          range: [0, 1_050_000],
          ticks: keyCounts,
          tickText: (keys) => (keys === 1_000_000 ? '1 M' : `${keys / 1000} k`),
        },
        y: { label: 'keys of a node', range: [0, 500], ticks: [0, 100, 200, 300, 400, 500] },
        series: [
          {
            name: '4.6 × the mean',
            draw: 'line',
            color: colors.paper,
            points: [0, 1_000_000].map((x) => ({ x, y: (4.6 * x) / nodes })),
          },
          {
            name: 'ours (mean, 1 % to 99 %)',
            draw: 'points',
            color: colors.ours,
            points: measured.map(({ keys, per, low, high }) => ({ x: keys, y: per, low, high })),
          },
        ],
      },
    },
    {
      name: 'load-pdf',
      title: 'Keys per node when there are 500 000',
      source: "SIGCOMM'01 §6.2, Figure 8(b); ToN'03 §V-B",
      quote:
        '“The maximum number of nodes stored by any node in this case is 457, or 9.1 × the mean value. For comparison, the 99th percentile is 4.6 × the mean value.”',
      text: [
        '10 000 nodes, 20 rings; the most loaded node is that of each ring, averaged. The dashed line is the exponential.',
      ],
      head: ['500 000 keys', 'paper', 'ours', 'difference'],
      rows: [
        ['99th percentile × mean', '4.6', (half.high / half.per).toFixed(2), difference(half.high / half.per, 4.6)],
        ['most loaded × mean', '9.1', (half.max / half.per).toFixed(2), difference(half.max / half.per, 9.1)],
      ],
      plot: {
        title: 'Keys per node: 500 000 keys, 10 000 nodes',
        x: { label: 'keys of a node, ten by ten', range: [0, 500], ticks: [0, 100, 200, 300, 400, 500] },
        y: { label: 'part of the nodes', range: [0, 0.2], ticks: [0, 0.05, 0.1, 0.15, 0.2], tickText: percent },
        series: [
          { name: 'ours', draw: 'bars', color: colors.ours, points: half.shares },
          { name: 'exponential with mean 50', draw: 'line', color: colors.paper, points: exponential },
        ],
      },
    },
  ]
}

export const virtualIdsFigure = (): Figure => {
  const keys = 1_000_000
  const measured = virtualIds.map(({ count, paper, column }) => {
    const loads = seedsUpTo(5).map((seed) => keysPerNode({ seed, nodes, virtualIds: count }, [keys])[0])
    const multiple = (part: number) => spread(loads.map((load) => (load?.percentile(part) ?? 0) / (keys / nodes))).mean
    return { count, paper, column, low: multiple(0.01), high: multiple(0.99), most: multiple(1) }
  })
  return {
    name: 'virtual-ids',
    title: 'Keys per node with virtual ids',
    source: "SIGCOMM'01 §6.2, Figure 9; ToN'03 §V-B",
    quote:
      '“As expected, the 99th percentile decreases, while the 1st percentile increases with the number of virtual nodes, r. In particular, the 99th percentile decreases from 4.8 × to 1.6 × the mean value, while the 1st percentile increases from 0 to 0.5 × the mean value.”',
    text: ['10 000 real nodes and 1 000 000 keys, 5 rings. Multiples of the mean. polychord gives a node one id.'],
    head: [
      'ids of a node',
      '1st: paper',
      'another simulation',
      'ours',
      '99th: paper',
      'another simulation',
      'ours',
      'off the other simulation',
      'most: another simulation',
      'ours',
    ],
    rows: measured.map(({ count, paper, column, low, high, most }) => [
      String(count),
      paper?.low.toFixed(1) ?? '',
      column.low.toFixed(2),
      low.toFixed(2),
      paper?.high.toFixed(1) ?? '',
      column.high.toFixed(2),
      high.toFixed(2),
      difference(high, column.high),
      column.max.toFixed(1),
      most.toFixed(1),
    ]),
    plot: {
      title: 'Keys per node with virtual ids',
      x: { label: 'ids of each of 10 000 nodes', range: [0, 21], ticks: virtualIds.map(({ count }) => count) },
      y: { label: 'keys of a node, × the mean', range: [0, 5], ticks: [0, 1, 2, 3, 4, 5] },
      series: [
        {
          name: 'paper, 1 % and 99 %',
          draw: 'points',
          color: colors.paper,
          points: virtualIds.flatMap(({ count, paper }) =>
            paper ? [paper.low, paper.high].map((y) => ({ x: count + 0.35, y })) : [],
          ),
        },
        {
          name: 'ours (mean, 1 % to 99 %)',
          draw: 'points',
          color: colors.ours,
          points: measured.map(({ count, low, high }) => ({ x: count, y: 1, low, high })),
        },
      ],
    },
  }
}

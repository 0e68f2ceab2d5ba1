/** Figures of Pastry: how many hops, how far, how well its tables are filled, and what a tenth of the nodes leaves when it dies. */
import { arrivals } from './arrivals.ts'
import { difference, type Figure } from './figure.ts'
import { colors, type Point } from './plot.ts'
import { type Journeys, journeys } from './proximity.ts'
import { pastryHops, pastryShares } from './published.ts'

const source = 'Middleware 2001'
const usual: Omit<Journeys, 'nodes'> = { seed: 1, lookups: 20_000, toNodes: true, near: true }
const spaced = (count: number): string => count.toLocaleString('en-US').replaceAll(',', ' ')

export const pastryHopsFigure = async (): Promise<Figure[]> => {
  const [ours, stretches, drawn]: [Point[], Point[], Point[]] = [[], [], []]
  const rows: string[][] = []
  for (const { nodes, hops, stretch } of pastryHops) {
    const x = Math.log10(nodes)
    const near = await journeys({ ...usual, nodes })
    const random = await journeys({ ...usual, nodes, near: false })
    const keys = await journeys({ ...usual, nodes, toNodes: false })
    ours.push({ x, y: near.hops.mean, low: near.hops.percentile(0.01), high: near.hops.percentile(0.99) })
    stretches.push({ x, y: near.stretch })
    drawn.push({ x, y: random.stretch })
    rows.push([
      spaced(nodes),
      (Math.log2(nodes) / 4).toFixed(2),
      hops?.toFixed(2) ?? '',
      near.hops.mean.toFixed(2),
      hops === undefined ? '' : difference(near.hops.mean, hops),
      keys.hops.mean.toFixed(2),
      stretch?.toFixed(2) ?? '',
      near.stretch.toFixed(2),
      random.stretch.toFixed(2),
    ])
  }
  const common = {
    source: `${source}, §3.1 and §3.2, Figures 4 and 6`,
    head: [
      'nodes',
      'log16 N',
      'hops: paper',
      'ours',
      'difference',
      'random keys',
      'stretch: paper',
      'ours',
      'entries drawn at random',
    ],
    rows,
    text: [
      'b = 4 and |L| = 16 as in the paper, nodes anywhere on a square; 20 000 lookups from a random node to the id of another one. Stretch is how far messages travel from node to node, all lookups together, as a multiple of the direct ways. The paper’s values are read off its plots.',
      'Where entries are drawn at random among all who fit, there are as many hops, and each goes anywhere.',
    ],
  }
  const axis = {
    label: 'nodes',
    range: [1.7, 4.1] as const,
    ticks: [2, 3, 4],
    tickText: (tick: number) => spaced(10 ** tick),
  }
  return [
    {
      ...common,
      name: 'pastry-hops',
      title: 'Hops in Pastry by size of the network',
      plot: {
        title: 'Hops in Pastry by size of the network',
        x: axis,
        y: { label: 'hops', range: [0, 5], ticks: [0, 1, 2, 3, 4, 5] },
        series: [
          {
            name: 'log16 N',
            draw: 'line',
            color: colors.paper,
            points: [1.7, 4.1].map((x) => ({ x, y: (x * Math.log2(10)) / 4 })),
          },
          { name: 'ours (mean, 1 % to 99 %)', draw: 'points', color: colors.ours, points: ours },
        ],
      },
    },
    {
      ...common,
      name: 'pastry-stretch',
      title: 'How far messages travel in Pastry',
      plot: {
        title: 'How far messages travel in Pastry',
        x: axis,
        y: { label: 'multiple of the direct way', range: [0, 4], ticks: [0, 1, 2, 3, 4] },
        series: [
          {
            name: 'paper',
            draw: 'line',
            color: colors.paper,
            points: pastryHops.flatMap(({ nodes, stretch }) =>
              stretch === undefined ? [] : [{ x: Math.log10(nodes), y: stretch }],
            ),
          },
          { name: 'ours', draw: 'points', color: colors.ours, points: stretches },
          { name: 'entries drawn at random', draw: 'points', color: colors.second, points: drawn },
        ],
      },
    },
  ]
}

export const pastrySharesFigure = async (): Promise<Figure> => {
  const { hops } = await journeys({ ...usual, nodes: 100_000, near: false })
  const points = pastryShares.map(([x]) => ({ x, y: hops.share(x) }))
  return {
    name: 'pastry-hops-pdf',
    title: 'Hops in a network of 100 000 nodes',
    source: `${source}, §3.1, Figure 5`,
    text: [
      `20 000 lookups; none took more than ${hops.max} hops, the mean is ${hops.mean.toFixed(2)} (paper: 3.98). Entries are drawn at random here: who is the nearest of 100 000 changes how far messages travel, and hardly how often.`,
    ],
    head: ['hops', 'paper', 'ours'],
    rows: pastryShares.map(([count, share]) => [String(count), share.toFixed(4), hops.share(count).toFixed(4)]),
    plot: {
      title: 'Hops in a network of 100 000 nodes',
      x: { label: 'hops', range: [-0.7, 6.7], ticks: [0, 1, 2, 3, 4, 5, 6] },
      y: {
        label: 'share of the lookups',
        range: [0, 0.8],
        ticks: [0, 0.2, 0.4, 0.6, 0.8],
        tickText: (share) => `${Math.round(100 * share)} %`,
      },
      series: [
        { name: 'ours', draw: 'bars', color: colors.ours, points },
        { name: 'paper', draw: 'points', color: colors.paper, points: pastryShares.map(([x, y]) => ({ x, y })) },
      ],
    },
  }
}

export const pastryArrivalsFigure = async (): Promise<Figure> => {
  const nodes = 1000
  const rows: string[][] = []
  const bars: Point[] = []
  for (const stages of [1, 2] as const) {
    const grown = await arrivals({ seed: 1, nodes, stages })
    for (const row of [0, 1]) {
      const { best, others } = grown.entries(row)
      bars.push({ x: 2 * (stages - 1) + row, y: best })
      rows.push([stages === 1 ? 'the first only' : 'both', String(row), best.toFixed(2), others.toFixed(2)])
    }
  }
  return {
    name: 'pastry-arrivals',
    title: 'Routing tables of nodes that have come one after the other',
    source: `${source}, §3.3, Figure 7`,
    text: [
      `${spaced(nodes)} nodes of the simulator (5 000 in the paper), each of which joined through the nearest that was there, and did nothing else. Of the 15 entries of a row those are the best that are the nearest of all who fit; in row 1 there is nobody for some places.`,
      'In the paper less than one entry of a row is not the best with both stages, and 5 of 15 are the best with the plainest of its three ways. With *the first only* nobody whom a newcomer was told of says whom it knows. That is better here, because the neighbourhood of the first node counts as well, because nobody is taken in who has not answered, which is also how far away it is, and because whoever is told of a newcomer takes it in where it is nearer.',
    ],
    head: ['stages', 'row', 'best there is', 'not the best'],
    rows,
    plot: {
      title: 'Routing tables of nodes that have come one after the other',
      x: {
        label: 'stages of the arrival, row of the table',
        range: [-0.7, 3.7],
        ticks: [0, 1, 2, 3],
        tickText: (tick) => `${tick < 2 ? 'one' : 'both'}, row ${tick % 2}`,
      },
      y: { label: 'entries that are the best', range: [0, 15], ticks: [0, 3, 6, 9, 12, 15] },
      series: [{ name: 'ours', draw: 'bars', color: colors.ours, points: bars }],
    },
  }
}

export const pastryDeathsFigure = async (): Promise<Figure> => {
  const size = { ...usual, nodes: 5000 }
  const measured = [
    { name: 'before', paper: 2.73, ...(await journeys(size)) },
    {
      name: 'a tenth dead, not noticed',
      paper: 2.96,
      ...(await journeys({ ...size, dead: { fraction: 0.1, noticed: false } })),
    },
    { name: 'repaired', paper: 2.74, ...(await journeys({ ...size, dead: { fraction: 0.1, noticed: true } })) },
  ]
  const [before] = measured
  return {
    name: 'pastry-deaths',
    title: 'Hops in Pastry when a tenth of 5 000 nodes dies',
    source: `${source}, §3.4, Figure 10`,
    text: [
      'Every lookup ends at the nearest node that lives, before anyone has noticed too: whoever meets a dead one asks again, without it. Hops are those to nodes that answered. The paper’s hops before the deaths are fewer than those of its Figure 4 for as many nodes, so that the ratios are to be compared.',
    ],
    head: ['', 'paper', 'of before', 'ours', 'of before', 'wrong ends'],
    rows: measured.map(({ name, paper, hops, wrong }) => [
      name,
      paper.toFixed(2),
      difference(paper, 2.73),
      hops.mean.toFixed(2),
      difference(hops.mean, before?.hops.mean ?? 1),
      String(wrong),
    ]),
    plot: {
      title: 'Hops in Pastry when a tenth of 5 000 nodes dies',
      x: {
        label: 'nodes',
        range: [-0.6, 2.6],
        ticks: [0, 1, 2],
        tickText: (tick) => measured[tick]?.name ?? '',
      },
      y: { label: 'hops, as a multiple of those before', range: [0.9, 1.12], ticks: [0.9, 0.95, 1, 1.05, 1.1] },
      series: [
        {
          name: 'ours',
          draw: 'points',
          color: colors.ours,
          points: measured.map(({ hops }, x) => ({ x, y: hops.mean / (before?.hops.mean ?? 1) })),
        },
        {
          name: 'paper',
          draw: 'points',
          color: colors.paper,
          points: measured.map(({ paper }, x) => ({ x, y: paper / 2.73 })),
        },
      ],
    },
  }
}

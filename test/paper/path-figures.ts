/** Figures of how long the way to an owner is. */
import { difference, type Figure, signed } from './figure.ts'
import { fingersOnly, massFailure, pathLengths } from './paths.ts'
import { colors, type Point } from './plot.ts'
import { massFailures, pathColumn, pathLine, pathShares } from './published.ts'
import { spread } from './tally.ts'

/** Tables as nodes have them unless told otherwise. */
const byDefault = { successors: 5, predecessor: true }

export const pathLengthFigure = async (): Promise<Figure> => {
  const ours: Point[] = []
  const whole: Point[] = []
  const rows: string[][] = []
  for (const [k, column] of pathColumn) {
    const nodes = 2 ** k
    const rings = Math.max(4, Math.min(512, 8192 / nodes))
    const size = { nodes, rings, lookups: Math.ceil(100_000 / rings) }
    const { lengths, ringMeans } = await pathLengths(size, fingersOnly)
    const { lengths: defaults } = await pathLengths(size, byDefault)
    const [low, high] = [lengths.percentile(0.01), lengths.percentile(0.99)]
    ours.push({ x: k, y: lengths.mean, low, high })
    whole.push({ x: k, y: defaults.mean })
    rows.push([
      `2^${k}`,
      (k / 2).toFixed(1),
      pathLine(nodes).toFixed(2),
      column.toFixed(2),
      lengths.mean.toFixed(2),
      `${low} to ${high}`,
      difference(lengths.mean, pathLine(nodes)),
      difference(lengths.mean, column),
      spread(ringMeans).sd.toFixed(2),
      defaults.mean.toFixed(2),
    ])
  }
  return {
    name: 'path-length',
    title: 'Path length by size of the network',
    source: "SIGCOMM'01 §6.3, Figure 10(a); ToN'03 §V-C",
    quote: '“Figure 10(a) shows that the path length is about ½ log2 N.”',
    text: [
      'Counted is every node contacted after the origin, the owner included. Then the path is ½ log2 N for the bits of the distance that are one, and 0.85 more: the owner itself, less what the last fingers overshoot.',
      '*Ours* routes by successor and fingers alone, as the paper’s node does. *By default* nodes also use a successor list of 5 and know by their predecessor what they own. For each N 100 000 lookups, spread over 4 to 512 rings. The other simulation drew one ring for each N; single rings stray from the mean of all by *sd of a ring*, which is why the small ones differ by more than 2 %.',
    ],
    head: [
      'nodes',
      '½ log2 N',
      '½ log2 N + 0.85',
      'another simulation',
      'ours',
      '1 % to 99 %',
      'off ½ log2 N + 0.85',
      'off the other simulation',
      'sd of a ring',
      'by default',
    ],
    rows,
    plot: {
      title: 'Path length by size of the network',
      x: {
        label: 'nodes',
        range: [2.5, 14.5],
        ticks: pathColumn.map(([k]) => k),
        tickText: (k) => (2 ** k).toLocaleString('en-US').replaceAll(',', ' '),
      },
      y: { label: 'nodes contacted, with the owner', range: [0, 14], ticks: [0, 2, 4, 6, 8, 10, 12, 14] },
      series: [
        {
          name: '½ log2 N + 0.85',
          draw: 'line',
          color: colors.paper,
          points: [3, 14].map((k) => ({ x: k, y: pathLine(2 ** k) })),
        },
        { name: 'ours, fingers only (mean, 1 % to 99 %)', draw: 'points', color: colors.ours, points: ours },
        { name: 'ours, by default', draw: 'points', color: colors.second, points: whole },
      ],
    },
  }
}

export const pathSharesFigure = async (): Promise<Figure> => {
  const { lengths } = await pathLengths({ nodes: 4096, rings: 4, lookups: 102_400 }, fingersOnly)
  const all = Array.from({ length: lengths.max + 1 }, (_, length) => ({ x: length, y: lengths.share(length) }))
  const published = new Map(pathShares)
  return {
    name: 'path-length-pdf',
    title: 'Path lengths in a network of 4096 nodes',
    source: "SIGCOMM'01 §6.3, Figure 10(b); ToN'03 §V-C",
    quote: '“Figure 10(b) plots the PDF of the path length for a network with 2^12 nodes (k = 12).”',
    text: [
      `409 600 lookups over 4 rings, by successor and fingers alone; 1st percentile ${lengths.percentile(0.01)}, 99th ${lengths.percentile(0.99)}, as in the other simulation (3 and 11).`,
    ],
    head: ['path length', 'another simulation', 'ours', 'difference'],
    rows: all
      .filter(({ x }) => x > 0)
      .map(({ x, y }) => {
        const share = published.get(x)
        const row = [String(x), share?.toFixed(3) ?? '', y.toFixed(4)]
        return [...row, share === undefined ? '' : signed(y - share, 3)]
      }),
    plot: {
      title: 'Path lengths in a network of 4096 nodes',
      x: { label: 'nodes contacted, with the owner', range: [0.3, 13.7], ticks: Array.from({ length: 13 }, (_, at) => at + 1) },
      y: {
        label: 'share of the lookups',
        range: [0, 0.25],
        ticks: [0, 0.05, 0.1, 0.15, 0.2, 0.25],
        tickText: (share) => `${Math.round(100 * share)} %`,
      },
      series: [
        { name: 'ours', draw: 'bars', color: colors.ours, points: all.filter(({ x }) => x > 0 && x < 14) },
        {
          name: 'another simulation',
          draw: 'points',
          color: colors.paper,
          points: pathShares.map(([length, share]) => ({ x: length, y: share })),
        },
      ],
    },
  }
}

export const massFailureFigure = async (): Promise<Figure> => {
  const paths: Point[] = []
  const timedOut: Point[] = []
  const rows: string[][] = []
  for (const { probability, paper, column } of massFailures) {
    const size = { nodes: 1000, rings: 100, lookups: 500 }
    const { lengths, timeouts, failed } = await massFailure(size, { successors: 20, predecessor: true }, probability)
    paths.push({ x: probability, y: lengths.mean })
    timedOut.push({ x: probability, y: timeouts.mean })
    rows.push([
      `${Math.round(100 * probability)} %`,
      paper.path.toFixed(2),
      lengths.mean.toFixed(2),
      `${lengths.percentile(0.01)} to ${lengths.percentile(0.99)}`,
      difference(lengths.mean, paper.path),
      paper.timeouts.toFixed(2),
      column.timeouts.toFixed(2),
      timeouts.mean.toFixed(2),
      `${timeouts.percentile(0.01)} to ${timeouts.percentile(0.99)}`,
      difference(timeouts.mean, paper.timeouts),
      difference(timeouts.mean, column.timeouts),
      String(failed),
    ])
  }
  const published = (of: 'path' | 'timeouts') =>
    massFailures.map(({ probability, paper }) => ({ x: probability, y: paper[of] }))
  return {
    name: 'mass-failure',
    title: 'Lookups right after a mass failure',
    source: "ToN'03 §V-D, Table II",
    text: [
      '1 000 nodes with successor lists of 20; each dies with probability p, and nobody has noticed yet. The path counts every living node contacted after the origin once, the owner included; a time-out is a dead node contacted. For each p 50 000 lookups over 100 rings. A lookup fails that does not end at the first living node after its key: none does.',
      'The values of Table II are quoted second-hand. At p = 10 % its time-outs are more than ours, and more than those of the other simulation; from 30 % on all three agree within 6 %.',
    ],
    head: [
      'dead',
      'path: Table II',
      'ours',
      '1 % to 99 %',
      'difference',
      'time-outs: Table II',
      'another simulation',
      'ours',
      '1 % to 99 %',
      'off Table II',
      'off the other simulation',
      'failed lookups',
    ],
    rows,
    plot: {
      title: 'Lookups right after a mass failure',
      x: {
        label: 'part of the nodes that are dead',
        range: [-0.02, 0.52],
        ticks: massFailures.map(({ probability }) => probability),
        tickText: (part) => `${Math.round(100 * part)} %`,
      },
      y: { label: 'nodes', range: [0, 6], ticks: [0, 1, 2, 3, 4, 5, 6] },
      series: [
        { name: 'Table II: path', draw: 'line', color: colors.paper, points: published('path') },
        { name: 'ours: path', draw: 'points', color: colors.ours, points: paths },
        { name: 'Table II: time-outs', draw: 'line', color: colors.other, points: published('timeouts') },
        { name: 'ours: time-outs', draw: 'points', color: colors.second, points: timedOut },
      ],
    },
  }
}

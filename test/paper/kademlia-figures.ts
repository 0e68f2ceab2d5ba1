/** Figures of Kademlia's lookups, and of all overlays' side by side. */
import { overlayNames } from '../../src/overlay/overlays.ts'
import { compare } from '../../src/sim/comparison.ts'
import { churnSlowness, hourMs, liWorkload, lookupsInChurn } from './churn.ts'
import { convergences } from './convergences.ts'
import { difference, type Figure } from './figure.ts'
import { colors, type Point } from './plot.ts'

/** By an independent simulation of the same rules: hops, calls, contacts. */
const published = [
  { nodes: 100, k: 8, hops: 1.62, calls: 8.9, contacts: 36 },
  { nodes: 100, k: 20, hops: 1.31, calls: 19.8, contacts: 64 },
  { nodes: 1000, k: 1, hops: 4.81 },
  { nodes: 1000, k: 4, hops: 2.67 },
  { nodes: 1000, k: 8, hops: 2.23, calls: 10.9, contacts: 63 },
  { nodes: 1000, k: 20, hops: 1.88, calls: 21.5, contacts: 131 },
  { nodes: 10_000, k: 8, hops: 2.87, calls: 12.8, contacts: 89 },
  { nodes: 10_000, k: 20, hops: 2.43, calls: 22.9, contacts: 197 },
] as const

/** By that simulation, of 512 nodes on average, the first and third of them by lookups that ask three at a time until the end. */
const publishedChurn = [
  { refresh: 'an hour', refreshEveryMs: hourMs, calls: 11.3, timeouts: 0, ms: 640 },
  { life: 'an hour', lifeMs: hourMs, refresh: '10 minutes', refreshEveryMs: hourMs / 6, calls: 11.7, timeouts: 1, ms: 878 },
  { life: 'an hour', lifeMs: hourMs, refresh: 'an hour', refreshEveryMs: hourMs, calls: 15.8, timeouts: 4, ms: 1061 },
  {
    life: '10 minutes',
    lifeMs: hourMs / 6,
    refresh: '10 minutes',
    refreshEveryMs: hourMs / 6,
    calls: 14.6,
    timeouts: 4,
    ms: 1463,
  },
] as const

const log = (nodes: number): number => Math.log10(nodes)
const nodesAxis = { label: 'nodes', range: [1.9, 4.1], ticks: [2, 3, 4], tickText: (x: number) => String(10 ** x) } as const

export const convergenceFigure = async (): Promise<Figure> => {
  const rows: string[][] = []
  const points: { readonly k: number; readonly ours: Point; readonly theirs: Point }[] = []
  for (const one of published) {
    const { nodes, k, hops } = one
    const seen = await convergences({ nodes, networks: nodes > 1000 ? 1 : 4, lookups: 1000, k })
    points.push({ k, ours: { x: log(nodes), y: seen.hops.mean }, theirs: { x: log(nodes), y: hops } })
    const [calls, contacts] = 'calls' in one ? [one.calls.toFixed(1), String(one.contacts)] : ['', '']
    rows.push([
      String(nodes),
      String(k),
      hops.toFixed(2),
      seen.hops.mean.toFixed(2),
      difference(seen.hops.mean, hops),
      calls,
      seen.calls.mean.toFixed(1),
      contacts,
      seen.contacts.mean.toFixed(0),
    ])
  }
  return {
    name: 'kademlia-hops',
    title: 'Kademlia: hops by size of the network and of a bucket',
    source: 'Kademlia (IPTPS 2002) §2.3; Cai and Devroye (arXiv 1402.1191)',
    quote: '“most operations take ⌈log n⌉ + c time”',
    text: [
      'A hop is a link of the chain of who named whom, from the origin to the nearest node. Lookups ask three at a time and end once the k nearest have answered; *calls* are all who were asked. The other numbers are those of an independent simulation of the same rules.',
    ],
    head: ['nodes', 'k', 'hops there', 'ours', 'difference', 'calls there', 'ours', 'contacts there', 'ours'],
    rows,
    plot: {
      title: 'Kademlia: hops by size of the network and of a bucket',
      x: nodesAxis,
      y: { label: 'hops to the nearest', range: [0, 5], ticks: [0, 1, 2, 3, 4, 5] },
      series: [
        { name: 'another simulation', draw: 'points', color: colors.paper, points: points.map(({ theirs }) => theirs) },
        ...[8, 20].map((k, at) => ({
          name: `ours, k = ${k}`,
          draw: 'line' as const,
          color: at === 0 ? colors.ours : colors.second,
          points: points.filter((one) => one.k === k).map(({ ours }) => ours),
        })),
      ],
    },
  }
}

export const churnFigure = async (): Promise<Figure> => {
  const rows: string[][] = []
  const [theirs, ours]: [Point[], Point[]] = [[], []]
  for (const [x, one] of publishedChurn.entries()) {
    const life = 'lifeMs' in one ? { lifeMs: one.lifeMs } : {}
    const { refresh, refreshEveryMs, calls, timeouts } = one
    const seen = await lookupsInChurn({
      ...liWorkload,
      ...life,
      nodes: 200,
      refreshEveryMs,
      warmUpMs: hourMs / 2,
      measuredMs: hourMs / 2,
    })
    theirs.push({ x, y: calls })
    ours.push({ x, y: seen.calls.mean })
    rows.push([
      'life' in one ? one.life : 'for ever',
      refresh,
      String(seen.lookups),
      `${(100 * seen.success).toFixed(2)} %`,
      calls.toFixed(1),
      seen.calls.mean.toFixed(1),
      timeouts.toFixed(1),
      seen.timeouts.mean.toFixed(1),
      String(one.ms),
      String(Math.round(seen.ms.percentile(0.5) / churnSlowness)),
    ])
  }
  const title = 'Kademlia: lookups while nodes come and go'
  return {
    name: 'kademlia-churn',
    title,
    source: 'Li, Stribling, Gil, Morris, Kaashoek, *Comparing the performance of DHTs under churn*, IPTPS 2004: its workload',
    text: [
      '200 nodes in the simulator on average, 512 in the other one, which take a call more; each there and then gone for exponential times with the same mean, each of which looks up a random key every ten minutes; half an hour is measured after half an hour. k = 8. Tables are kept by refreshes and by what lookups meet, and by nothing else. A lookup is right when it ends at the nearest node that lives when it begins, or when it ends; the other simulation had all of them right. *ms* is the median until the eight nearest have agreed, for round trips of 152 ms on average and time-outs of 500 ms.',
      'In the other simulation lookups ask three at a time until the end, but for nodes that live for an hour and refresh hourly; ours ask all who are left once the nearest has answered, which takes less time and some calls more.',
    ],
    head: ['nodes live', 'refresh', 'lookups', 'right', 'calls there', 'ours', 'in vain there', 'ours', 'ms there', 'ours'],
    rows,
    plot: {
      title,
      x: {
        label: 'nodes live, buckets are refreshed every',
        range: [-0.6, 3.6],
        ticks: [0, 1, 2, 3],
        tickText: (tick) => `${rows[tick]?.[0]}, ${rows[tick]?.[1]}`,
      },
      y: { label: 'calls of a lookup', range: [0, 20], ticks: [0, 5, 10, 15, 20] },
      series: [
        { name: 'ours', draw: 'bars', color: colors.ours, points: ours },
        { name: 'another simulation', draw: 'points', color: colors.paper, points: theirs },
      ],
    },
  }
}

export const overlaysFigure = async (): Promise<Figure> => {
  const sizes = [100, 300, 1000, 3000, 10_000]
  const shades = [colors.paper, colors.ours, colors.second, colors.other]
  const rows: string[][] = []
  const lines = new Map(overlayNames.map((overlay): [string, Point[]] => [overlay, []]))
  for (const nodes of sizes)
    for (const overlay of overlayNames) {
      const seen = await compare(overlay, { nodes, lookups: 1000, seed: 1, latency: 'plane' })
      lines.get(overlay)?.push({ x: log(nodes), y: seen.hops })
      const [calls, contacts] = [seen.calls.toFixed(1), seen.contacts.toFixed(0)]
      const success = Object.values(seen.success).map((part) => `${(100 * part).toFixed(1)} %`)
      rows.push([
        String(nodes),
        overlay,
        seen.hops.toFixed(2),
        calls,
        seen.latencyMs.toFixed(0),
        seen.stretch.toFixed(2),
        contacts,
        ...success,
      ])
    }
  return {
    name: 'overlays',
    title: 'Hops by size of the network, in every overlay',
    source: '`npm run task compare`',
    text: [
      'The same lookups in every overlay as it is by default, over networks at rest whose nodes lie on a plane. *Latency* is the median until the owner is known, in ms, and *stretch* that to asking the owner straight away; Kademlia asks three at a time and until the eight nearest agree, the others one after the other. *Dead*: lookups that find the right one of those who live when so many have died and nobody has noticed.',
    ],
    head: ['nodes', 'overlay', 'hops', 'calls', 'latency', 'stretch', 'contacts', '10 % dead', '30 % dead', '50 % dead'],
    rows,
    plot: {
      title: 'Hops by size of the network, in every overlay',
      x: nodesAxis,
      y: { label: 'hops', range: [0, 8], ticks: [0, 2, 4, 6, 8] },
      series: [...lines].map(([name, points], at) => ({
        name,
        draw: 'line',
        color: shades[at % shades.length] ?? colors.other,
        points,
      })),
    },
  }
}

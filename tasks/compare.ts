/** `compare`: the same lookups under every overlay, side by side. */
import { overlayNames } from '../src/overlay/overlays.ts'
import { WrongUse } from './failure.ts'
import { fold, plural, table } from './render/text.ts'
import { next, type Task } from './task.ts'
import { nothingUnfinished } from './terminal.ts'
import { wholeNumber } from './words.ts'

const lookups = 500
const legend =
  'latency: median until the owner is known; stretch: that, to asking the owner straight away; dead: lookups that ' +
  'find the right one of those who live, when so many have died and nobody has noticed'

export const compareTask: Task = {
  name: 'compare',
  summary: 'the same lookups under every overlay, in the simulator, side by side',
  args: { '[n]': 'nodes (1000)' },
  options: {
    seed: 'the number that reproduces a run (1)',
    latency: 'where nodes are: plane, clustered, transit-stub or king-like (plane)',
  },
  text: false,
  examples: ['compare', 'compare 100', 'compare 2000 latency=king-like'],
  run: async ({ plain: [word = '1000'], options }, terminal) => {
    terminal.tellUnfinished = nothingUnfinished
    const { compare, failures } = await import('../src/sim/comparison.ts')
    const { latencyModels } = await import('../src/sim/latency.ts')
    const nodes = wholeNumber('the number of nodes', word, 2, 20_000)
    const seed = wholeNumber('seed', options['seed'] ?? '1', 0, 2 ** 31 - 1)
    const latency = latencyModels.find((model) => model === (options['latency'] ?? 'plane'))
    if (!latency) throw new WrongUse(`latency is ${latencyModels.join(' or ')}, not ${JSON.stringify(options['latency'])}`)
    const found = []
    for (const overlay of overlayNames) {
      terminal.progress(`${overlay} · ${plural(nodes, 'node')} · ${plural(lookups, 'lookup')}`)
      found.push({ overlay, ...(await compare(overlay, { nodes, lookups, seed, latency })) })
    }
    const { paint } = terminal
    const percent = (part: number | undefined) => `${((part ?? 0) * 100).toFixed(1)}%`
    const dead = failures.map((part) => `${part * 100}% DEAD`)
    const head = ['OVERLAY', 'HOPS', 'CALLS', 'LATENCY', 'STRETCH', 'CONTACTS', ...dead].map((text) => ({
      text,
      paint: paint.dim,
    }))
    const rows = found.map(({ overlay, hops, calls, latencyMs, stretch, contacts, success }) => [
      { text: overlay, paint: paint.bold },
      hops.toFixed(2),
      calls.toFixed(1),
      `${latencyMs.toFixed(0)} ms`,
      stretch.toFixed(2),
      contacts.toFixed(0),
      ...failures.map((part) => percent(success[part])),
    ])
    return {
      lines: [
        `${plural(nodes, 'node')}, latency ${latency} · ${plural(lookups, 'lookup')} each · seed ${seed}`,
        ...table(['left', ...head.slice(1).map(() => 'right' as const)], [head, ...rows], terminal.columns),
        ...fold(legend, ' ', terminal.columns).map(paint.dim),
        next('simulate', 'boot 5 kademlia'),
      ],
      data: { nodes, lookups, seed, latency, overlays: found },
    }
  },
}

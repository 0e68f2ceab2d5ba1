/** `simulate`: a scenario in virtual time. */
import { randomInt } from 'node:crypto'
import { overlayNames } from '../src/overlay/overlays.ts'
import { type Trait, traits } from '../src/sim/traits.ts'
import { WrongUse } from './failure.ts'
import { duration, fold, table } from './render/text.ts'
import { next, type Task, typed } from './task.ts'
import { nothingUnfinished } from './terminal.ts'
import { wholeNumber } from './words.ts'

export const simulate: Task = {
  name: 'simulate',
  summary: 'a scenario in virtual time: its checks, and the hash that the seed reproduces',
  args: { '[scenario]': 'one of those that the task lists without it', '[seed]': 'the number that reproduces a run' },
  options: {
    overlay: `${overlayNames.join(', ')} (chord)`,
    traits: `what makes the world hard, in the place of what the seed draws: ${traits.join(',')}, or none`,
  },
  text: false,
  examples: ['simulate', 'simulate swarm', 'simulate swarm 42', `simulate split overlay=${overlayNames.at(-1)}`],
  run: async ({ plain: [name, word], options }, terminal) => {
    const { paint, columns } = terminal
    terminal.tellUnfinished = nothingUnfinished
    const { scenarios, simulate: run } = await import('../src/sim/scenarios.ts')
    const names = Object.keys(scenarios)
    if (name === undefined) {
      const width = Math.max(...names.map((known) => known.length)) + 2
      const rows = Object.entries(scenarios).flatMap(([known, { summary }]) =>
        fold(summary, ' ', columns - width).map((line, at) => [{ text: at === 0 ? known : '', paint: paint.bold }, line]),
      )
      return {
        lines: [...table(['left', 'left'], rows), next(`simulate ${names[0]}`)],
        data: Object.entries(scenarios).map(([known, { summary }]) => ({ name: known, summary })),
      }
    }
    if (!names.includes(name))
      throw new WrongUse(`there is no scenario ${JSON.stringify(name)}; ${typed('simulate')} lists them`)
    const seed = word === undefined ? randomInt(1_000_000) : wholeNumber('seed', word, 0, 2 ** 31 - 1)
    const began = performance.now()
    const overlay = overlayNames.find((one) => one === (options['overlay'] ?? 'chord'))
    if (!overlay) throw new WrongUse(`overlay is ${overlayNames.join(' or ')}, not ${JSON.stringify(options['overlay'])}`)
    const asked = options['traits']
    const report = await run(name, seed, { overlay, ...(asked === undefined ? {} : { traits: traitsIn(asked) }) })
    const ms = performance.now() - began
    const failed = report.checks.some(({ ok }) => !ok)
    const idle = (asked === undefined ? [] : traitsIn(asked)).filter((trait) => !report.traits.includes(trait))
    return {
      lines: [
        ...fold(
          `${paint.bold(name)} · ${overlay} · seed ${seed} · ${report.traits.length > 0 ? `traits ${report.traits.join(',')} · ` : ''}${duration(report.virtualMs)} of virtual time in ${duration(ms)} · ${report.messages} messages`,
          ' · ',
          columns,
        ),
        ...(idle.length > 0 ? [paint.dim(`note: ${name} makes nothing of ${idle.join(',')}`)] : []),
        ...report.checks.map(({ name: what, ok, detail }) =>
          ok ? `${paint.green('✓')} ${what}` : `${paint.red('✗')} ${what}: ${detail}`,
        ),
        `trace ${report.hash}`,
        `again: ${typed(`simulate ${name} ${seed}${overlay === 'chord' ? '' : ` overlay=${overlay}`}${asked === undefined ? '' : ` traits=${asked}`}`)}`,
      ],
      data: report,
      failed,
    }
  },
}

/** `clocks,jam` */
const traitsIn = (word: string): Trait[] =>
  (word === 'none' ? [] : word.split(',')).map((name) => {
    const trait = traits.find((one) => one === name)
    if (!trait) throw new WrongUse(`traits are some of ${traits.join(',')}, or none, not ${JSON.stringify(name)}`)
    return trait
  })

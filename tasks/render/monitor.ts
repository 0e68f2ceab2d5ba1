/** The monitor: one frame of the network, drawn. */
import { type Id, shortId } from '../../src/space/id.ts'
import type { Sighting } from '../live.ts'
import { contentBar } from './bar.ts'
import { type Copies, copiesAmong, movingWords, type Network, ownHeads, placementOf } from './status.ts'
import { age, type Cell, fold, type Paint, plural, quote, table } from './text.ts'

/** One node as a frame shows it. */
export interface Watched {
  readonly port: string
  readonly id: Id
  readonly condition: Sighting['condition']
  /** Whether no task has started it: what becomes of it nobody notes. */
  readonly isStranger?: true
  /** While it runs: what /nodeinfo says. */
  readonly state?: string
  readonly owned: number
  readonly replicas: number
  /** Records on their way in or out. */
  readonly moving: number
  /** Whether it has all that was written on its cells, as far as it knows. */
  readonly complete: boolean
  /** What is most telling of its overlay. */
  readonly own?: readonly string[]
  /** How another member sees it: alive, suspect, dead or left. */
  readonly seenAs?: string
  /** Some of its content, the newest first as far as one can tell. */
  readonly latest?: string
}

export interface Frame {
  readonly network: Network
  /** In ring order. */
  readonly nodes: readonly Watched[]
}

const runningOf = ({ nodes }: Frame): Watched[] => nodes.filter(({ condition }) => condition === 'running')

/** As the nodes that run count them. @param least see copiesAmong */
export const copiesIn = (frame: Frame, least?: number): Copies => copiesAmong(runningOf(frame), frame.network.replicas, least)

/** By how many records each node has more or less; nodes that are as they were are left out. */
export const movedBetween = (before: Frame, after: Frame): ReadonlyMap<Id, number> => {
  const counts = new Map<Id, number>()
  for (const { id, owned, replicas } of before.nodes) counts.set(id, -owned - replicas)
  for (const { id, owned, replicas } of after.nodes) counts.set(id, (counts.get(id) ?? 0) + owned + replicas)
  return new Map([...counts].filter(([, by]) => by !== 0))
}

export interface Setting {
  /** `12:04:31`. */
  readonly time: string
  readonly everySeconds: number
  /** The frame before, to tell what moved. */
  readonly before: Frame
  /** How long nodes have been dead as far as this monitor saw it, ms. */
  readonly deadMs: ReadonlyMap<Id, number>
  readonly copies: Copies
  /** Lines of what happened, oldest first. */
  readonly events: readonly string[]
  readonly columns: number
  readonly rows: number
}

const widestBar = 28
const barHead = '█ owned ░ replicas'
/** Words in the place of a bar: `✗ dead 12 min · heir 10009`. */
const widestWords = 26
/** Columns beside those of the overlay, with such words and a little of the content. */
const leastColumns = 66
/** Columns beside bar, overlay and content, and what content is to have at least. */
const otherColumns = 50

export const renderFrame = (frame: Frame, setting: Setting, paint: Paint): string[] => {
  const { network, nodes } = frame
  const running = runningOf(frame)
  const fullest = Math.max(0, ...running.map(({ owned, replicas }) => owned + replicas))
  const moved = movedBetween(setting.before, frame)
  const title = titleOf(frame, setting, paint)
  // A frame that is higher than the window could not be drawn over.
  const events = setting.events.slice(-Math.max(1, setting.rows - title.length - 4))
  const shown = nodes.slice(0, Math.max(1, setting.rows - title.length - events.length - 5))
  const dim = (text: string): Cell => ({ text, paint: paint.dim })
  const own = ownHeads(network)
  const columnsOfOwn = () => own.reduce((sum, heading) => sum + Math.max(5, heading.length) + 2, 0)
  while (own.length > 0 && leastColumns + columnsOfOwn() > setting.columns) own.pop()
  const barWidth = Math.max(barHead.length, Math.min(widestBar, setting.columns - otherColumns - columnsOfOwn()))
  const head = ['NODE', 'ID', barHead.padEnd(barWidth), 'N', 'MOVED', ...own, 'LATEST'].map(dim)
  const rows = shown.map((node): Cell[] => {
    const by = moved.get(node.id) ?? 0
    const move: Cell = { text: by > 0 ? `+${by}` : by < 0 ? String(by) : '', paint: by > 0 ? paint.green : paint.yellow }
    const who: Cell = { text: node.port, paint: paint.bold }
    if (node.condition !== 'running') {
      const painted = (text: string) => ({ text, paint: node.condition === 'starting' ? paint.yellow : paint.red })
      const [words = '', ...more] = fold(
        notRunning(node, running, network, setting).join(' · '),
        ' · ',
        Math.max(barWidth, widestWords),
      )
      return [who, shortId(node.id), painted(words), '–', move, ...own.map(() => '–'), painted(more.join(' · '))]
    }
    const bar = { text: contentBar(node.owned, node.replicas, fullest, barWidth), paint: paint.cyan }
    const count = String(node.owned + node.replicas)
    return [who, shortId(node.id), bar, count, move, ...own.map((_, at) => node.own?.[at] ?? '–'), latestOf(node, paint)]
  })
  const hidden = nodes.length - shown.length
  return [
    ...title,
    ...table(
      ['left', 'left', 'left', 'right', 'right', ...own.map(() => 'right' as const), 'left'],
      [head, ...rows],
      setting.columns,
    ),
    ...(hidden > 0 ? [paint.dim(`… ${plural(hidden, 'more node')}; a taller window shows them`)] : []),
    ...events,
  ]
}

/** What it has last got; or that it is still getting what it lacks, or giving away what it has. */
const latestOf = ({ state, complete, moving, latest, seenAs }: Watched, paint: Paint): Cell => {
  if (seenAs === 'suspect' || seenAs === 'dead') return { text: `? seen as ${seenAs}`, paint: paint.yellow }
  const words = movingWords(state, moving)
  if (state === 'leaving') return { text: ['↻ leaving', ...words].join(' · '), paint: paint.yellow }
  if (!complete) return { text: `↻ ${words[0] ?? 'catching up'}`, paint: paint.yellow }
  return latest === undefined ? '' : quote(latest)
}

const titleOf = (frame: Frame, { time, everySeconds, columns, copies }: Setting, paint: Paint): string[] => {
  const { values, there, wanted } = copies
  const facts = [
    paint.bold('polychord monitor'),
    time,
    `every ${everySeconds} s`,
    frame.network.overlay,
    plural(values, 'value'),
    ...(frame.network.replicas > 1 ? [there > wanted ? plural(there, 'copy', 'copies') : `${there} of ${wanted} copies`] : []),
  ]
  return fold(facts.join(' · '), ' · ', columns)
}

/** Why there is no bar, and what there is to say besides. */
const notRunning = (
  { id, condition, seenAs }: Watched,
  running: readonly Watched[],
  network: Network,
  { deadMs }: Setting,
): string[] => {
  if (condition === 'starting') return ['starting']
  if (condition === 'foreign') return ['✗ not ours']
  if (condition === 'silent')
    return ['✗ does not answer', ...(seenAs === undefined || seenAs === 'alive' ? [] : [`seen as ${seenAs}`])]
  const peers = running.map((node) => ({ id: node.id, url: node.port }))
  const [heir] = placementOf(network)(id, peers, 1)
  const since = deadMs.get(id)
  return [
    `✗ dead${since === undefined ? '' : ` ${age(since)}`}`,
    ...(heir ? [`heir ${heir.url}`] : []),
    ...(seenAs === 'alive' ? ['unnoticed'] : seenAs === 'suspect' ? ['seen as suspect'] : []),
  ]
}

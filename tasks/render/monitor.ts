/** The monitor: frames of the network, and what happened between two of them. */
import { type Id, shortId } from '../../src/space/id.ts'
import { contentBar } from './bar.ts'
import type { Network } from './status.ts'
import { type Cell, type Paint, plural, quote, table } from './text.ts'

/** One node as a frame shows it. */
export interface Watched {
  readonly port: string
  readonly id: Id
  readonly condition: 'running' | 'starting' | 'silent' | 'dead' | 'foreign'
  /** While it runs: what /nodeinfo says. */
  readonly state?: string
  readonly owned: number
  readonly replicas: number
  /** Some of its content, the newest first as far as one can tell. */
  readonly latest?: string
}

export interface Frame {
  readonly network: Network
  /** In ring order. */
  readonly nodes: readonly Watched[]
}

const lossWords = {
  running: 'is joining again',
  starting: 'is starting',
  silent: 'does not answer',
  dead: 'dead',
  foreign: 'dead',
} as const

/** What changed since the frame before, as a person would tell it. */
export const eventsBetween = (before: Frame, after: Frame): string[] => {
  const old = new Map(before.nodes.map((node) => [node.id, node]))
  const fresh = new Map(after.nodes.map((node) => [node.id, node]))
  const runs = (node: Watched | undefined) => node?.condition === 'running' && node.state !== 'joining'
  const events = [
    ...after.nodes.flatMap((node) => {
      const was = old.get(node.id)
      if (runs(node) && !runs(was)) return [`${node.port} ${was?.condition === 'silent' ? 'answers again' : 'joined'}`]
      if (!runs(node) && runs(was)) return [`${node.port} ${lossWords[node.condition]}`]
      return node.state !== was?.state && node.state === 'leaving' ? [`${node.port} is leaving`] : []
    }),
    ...before.nodes.flatMap((node) => (runs(node) && !fresh.has(node.id) ? [`${node.port} left`] : [])),
  ]
  const moved = movedBetween(before, after)
  const portOf = (id: Id) => (fresh.get(id) ?? old.get(id))?.port ?? shortId(id)
  const givers = [...moved].filter(([, by]) => by < 0)
  const takers = [...moved].filter(([, by]) => by > 0)
  const given = -givers.reduce((sum, [, by]) => sum + by, 0)
  const taken = takers.reduce((sum, [, by]) => sum + by, 0)
  const passed = Math.min(given, taken)
  const [giver, ...otherGivers] = givers
  const [taker, ...otherTakers] = takers
  if (giver && taker && passed > 0) {
    const way = otherGivers.length + otherTakers.length === 0 ? `: ${portOf(giver[0])} → ${portOf(taker[0])}` : ''
    events.push(`${plural(passed, 'key')} moved${way}`)
  }
  if (taken > given) events.push(`${plural(taken - given, 'key')} stored`)
  if (given > taken) events.push(`${plural(given - taken, 'key')} gone`)
  return events
}

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
  /** Lines of what happened, oldest first. */
  readonly events: readonly string[]
  readonly columns: number
  readonly rows: number
}

const barWidth = 28

export const renderFrame = (frame: Frame, setting: Setting, paint: Paint): string[] => {
  const { network, nodes } = frame
  const running = nodes.filter(({ condition }) => condition === 'running')
  const fullest = Math.max(0, ...running.map(({ owned, replicas }) => owned + replicas))
  const moved = movedBetween(setting.before, frame)
  const shown = nodes.slice(0, Math.max(1, setting.rows - setting.events.length - 6))
  const dim = (text: string): Cell => ({ text, paint: paint.dim })
  const head = ['NODE', 'ID', '█ owned ░ replicas'.padEnd(barWidth), 'N', 'MOVED', 'LATEST'].map(dim)
  const rows = shown.map((node): Cell[] => {
    const by = moved.get(node.id) ?? 0
    const move: Cell = { text: by > 0 ? `+${by}` : by < 0 ? String(by) : '', paint: by > 0 ? paint.green : paint.yellow }
    const who: Cell = { text: node.port, paint: paint.bold }
    if (node.condition !== 'running') {
      const words = {
        text: notRunning(node, running, network, setting),
        paint: node.condition === 'starting' ? paint.yellow : paint.red,
      }
      return [who, shortId(node.id), words, '–', move, '']
    }
    const bar = { text: contentBar(node.owned, node.replicas, fullest, barWidth), paint: paint.cyan }
    const count = String(node.owned + node.replicas)
    return [who, shortId(node.id), bar, count, move, node.latest === undefined ? '' : quote(node.latest)]
  })
  const hidden = nodes.length - shown.length
  return [
    titleOf(running, network, setting, paint),
    ...table(['left', 'left', 'left', 'right', 'right', 'left'], [head, ...rows], setting.columns),
    ...(hidden > 0 ? [paint.dim(`… ${plural(hidden, 'more node')}; a taller window shows them`)] : []),
    ...setting.events,
  ]
}

const titleOf = (running: readonly Watched[], { replicas }: Network, { time, everySeconds }: Setting, paint: Paint): string => {
  const values = running.reduce((sum, { owned }) => sum + owned, 0)
  const copies = running.reduce((sum, { replicas: more }) => sum + more, values)
  const wanted = values * Math.min(replicas, running.length)
  return [
    paint.bold('polychord monitor'),
    time,
    `every ${everySeconds} s`,
    plural(values, 'value'),
    ...(replicas > 1 ? [`${copies} of ${wanted} copies`] : []),
  ].join(' · ')
}

const notRunning = (
  { id, condition }: Watched,
  running: readonly Watched[],
  { ownership }: Network,
  { deadMs }: Setting,
): string => {
  if (condition === 'starting') return 'starting'
  if (condition === 'silent') return '✗ does not answer'
  const after = running.find((other) => other.id > id) ?? running[0]
  const before = running.findLast((other) => other.id < id) ?? running.at(-1)
  const heir = ownership === 'successor' ? after : before
  const since = deadMs.get(id)
  return [`✗ dead${since === undefined ? '' : ` ${Math.round(since / 1000)} s`}`, ...(heir ? [`heir ${heir.port}`] : [])].join(
    ' · ',
  )
}

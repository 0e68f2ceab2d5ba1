/** The network as a table in ring order: `npm run task status`. */
import type { NodeInfo } from '../../src/protocol/client-api.ts'
import { type Id, shortId } from '../../src/space/id.ts'
import { distance } from '../../src/space/ring.ts'
import { type Cell, type Paint, plural, table } from './text.ts'

/** One recorded node; `info` when it answers. */
export interface NodeRow {
  readonly port: string
  readonly id: Id
  readonly condition: 'running' | 'starting' | 'silent' | 'dead' | 'foreign'
  readonly info?: NodeInfo
  /** How another member sees it: alive, suspect, dead or left. */
  readonly seenAs?: string
}

/** What is the same for all nodes. */
export interface Network {
  readonly overlay: string
  readonly bits: number
  readonly replicas: number
  readonly ownership: 'successor' | 'predecessor'
  readonly mode: string
}

export interface Status {
  readonly network: Network
  /** In any order. */
  readonly nodes: readonly NodeRow[]
  /** What keeps the ring from being whole. */
  readonly faults: readonly string[]
}

const inRingOrder = <T extends { id: Id }>(rows: readonly T[]): T[] => [...rows].sort((a, b) => (a.id < b.id ? -1 : 1))

/** The share of the circle that each member owns, 0 to 1, by id. */
export const arcShares = (ids: readonly Id[], ownership: Network['ownership']): ReadonlyMap<Id, number> => {
  const sorted = [...ids].sort()
  const shares = sorted.map((id, at): [Id, number] => {
    const before = sorted.at(at - 1) ?? id
    const after = sorted[(at + 1) % sorted.length] ?? id
    const steps = ownership === 'successor' ? distance(before, id) : distance(id, after)
    return [id, sorted.length === 1 ? 1 : Number((steps * 1_000_000n) / (1n << BigInt(id.length * 4))) / 1_000_000]
  })
  return new Map(shares)
}

/** Copies of records, as the nodes that answer count them. */
export interface Copies {
  readonly values: number
  /** Where they should be. */
  readonly there: number
  readonly wanted: number
}

/** @param counts of each node that answers */
export const copiesAmong = (counts: readonly { owned: number; replicas: number }[], replicas: number): Copies => {
  const values = counts.reduce((sum, { owned }) => sum + owned, 0)
  const there = counts.reduce((sum, count) => sum + count.replicas, values)
  return { values, there, wanted: values * Math.min(replicas, counts.length) }
}

/** `100 values`, and how many copies there are as long as some are missing. */
const tellContent = ({ values, there, wanted }: Copies, paint: Paint): string[] => [
  plural(values, 'value'),
  ...(there < wanted ? [paint.yellow(`${there} of ${wanted} copies`)] : []),
]

/** `2 nodes catching up · 120 records moving`; nothing when all is where it should be. */
export const tellMoving = (nodes: readonly Pick<NodeRow, 'info'>[]): string[] => {
  const contents = nodes.flatMap(({ info }) => info?.content ?? [])
  const behind = contents.filter(({ complete }) => !complete).length
  const moving = contents.reduce((sum, content) => sum + content.moving, 0)
  return [
    ...(behind > 0 ? [`${plural(behind, 'node')} catching up`] : []),
    ...(moving > 0 ? [`${plural(moving, 'record')} moving`] : []),
  ]
}

export const heading = ({ network, nodes, faults }: Status, paint: Paint): string => {
  const contents = nodes.flatMap(({ info }) => info?.content ?? [])
  const { overlay, bits, replicas, ownership, mode } = network
  const departures = [
    ...(ownership === 'predecessor' ? ['owner is the predecessor'] : []),
    ...(mode === 'linear' ? ['linear'] : []),
  ]
  return [
    paint.bold(overlay),
    `${bits} bits`,
    ...departures,
    replicas === 1 ? '1 copy' : `${replicas} copies`,
    plural(contents.length, 'node'),
    ...tellContent(copiesAmong(contents, replicas), paint),
    faults.length === 0 ? paint.green('ring whole') : paint.red('ring not whole'),
  ].join(' · ')
}

const conditionWords = { starting: 'starting', silent: '✗ silent', dead: '✗ dead', foreign: '✗ not ours' } as const

/** `ready`, `catching up · 120 moving`, `ready · 3 misplaced`, `ready · suspect`. */
const stateWords = (
  { state, degraded, content: { complete, moving, misplaced }, membership }: NodeInfo,
  seenAs?: string,
): string =>
  [
    state === 'ready' && !complete ? 'catching up' : state,
    ...(moving > 0 ? [`${moving} moving`] : []),
    ...(misplaced > 0 ? [`${misplaced} misplaced`] : []),
    ...(degraded ? ['degraded'] : []),
    ...(membership?.cutOff ? ['cut off'] : []),
    ...(seenAs === 'suspect' ? ['suspect'] : seenAs === 'dead' ? ['seen as dead'] : []),
  ].join(' · ')

/** `✗ silent · suspect`; a death that the others have not noticed yet is worth a word. */
const absenceWords = (condition: keyof typeof conditionWords, seenAs: string | undefined): string =>
  [
    conditionWords[condition],
    ...(seenAs === 'suspect' || (seenAs === 'dead' && condition === 'silent') ? [`seen as ${seenAs}`] : []),
    ...(seenAs === 'alive' && condition === 'dead' ? ['not noticed yet'] : []),
  ].join(' · ')

export const renderStatus = (status: Status, paint: Paint, columns = 80): string[] => {
  const { network, nodes } = status
  const members = nodes.filter(({ info }) => info?.state === 'ready')
  const shares = arcShares(
    members.map(({ id }) => id),
    network.ownership,
  )
  const portOf = (url: string | undefined) => (url === undefined ? '–' : new URL(url).port)
  const head: Cell[] = ['NODE', 'ID', 'ARC', 'OWNED', 'REPLICAS', 'PRED', 'SUCC', 'STATE'].map((text) => ({
    text,
    paint: paint.dim,
  }))
  const rows = inRingOrder(nodes).map(({ port, id, condition, info, seenAs }): Cell[] => {
    const who = { text: port, paint: paint.bold }
    const share = shares.get(id)
    const arc = share === undefined ? '–' : `${(share * 100).toFixed(1)}%`
    if (condition !== 'running' || !info) {
      const why = absenceWords(condition === 'running' ? 'silent' : condition, seenAs)
      return [
        who,
        shortId(id),
        '–',
        '–',
        '–',
        '–',
        '–',
        { text: why, paint: condition === 'starting' ? paint.yellow : paint.red },
      ]
    }
    const { content, predecessor, successor } = info
    const words = stateWords(info, seenAs)
    const healthy = words === 'ready'
    return [
      who,
      shortId(id),
      arc,
      String(content.owned),
      String(content.replicas),
      portOf(predecessor?.url),
      portOf(successor?.url),
      { text: words, paint: healthy ? paint.green : paint.yellow },
    ]
  })
  return [
    heading(status, paint),
    ...table(['left', 'left', 'right', 'right', 'right', 'right', 'right', 'left'], [head, ...rows], columns),
  ]
}

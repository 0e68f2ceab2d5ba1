/** The network as a table in ring order: `npm run task status`. */
import type { Place } from '../../src/overlay/overlay.ts'
import { commonOptions, kindOf, type OverlayName, type OverlayOptions } from '../../src/overlay/overlays.ts'
import type { NodeInfo } from '../../src/protocol/client-api.ts'
import type { Peer } from '../../src/protocol/schemas.ts'
import { type Id, shortId } from '../../src/space/id.ts'
import type { Booted, Sighting } from '../live.ts'
import { age, type Cell, fold, type Paint, plural, table, portOf } from './text.ts'

/** One recorded node; `info` when it answers. */
interface NodeRow {
  readonly port: string
  readonly id: Id
  readonly condition: Sighting['condition']
  readonly info?: NodeInfo
  /** How another member sees it: alive, suspect, dead or left. */
  readonly seenAs?: string
}

/** What is the same for all nodes: their overlay, and its options. */
export interface Network extends Partial<OverlayOptions> {
  readonly overlay: OverlayName
  readonly bits: number
  readonly replicas: number
}

/** The options that every node of a network shares. */
export const networkOf = ({ network: { options } }: Booted): Network & OverlayOptions =>
  options as unknown as Network & OverlayOptions

/** Where copies belong. */
export const placementOf = (network: Pick<Network, 'overlay' | 'replicas'> & Partial<OverlayOptions>): Place =>
  kindOf(network.overlay).placement(network as unknown as OverlayOptions)

export interface Status {
  readonly network: Network
  /** In any order. */
  readonly nodes: readonly NodeRow[]
  /** What keeps the ring from being whole. */
  readonly faults: readonly string[]
}

const inRingOrder = <T extends { id: Id }>(rows: readonly T[]): T[] => [...rows].sort((a, b) => (a.id < b.id ? -1 : 1))

/** Keys that are tried to see who owns how much, 16 to the power of these digits: all there are, where ids are no longer. */
const samplingDigits = 3

/** The share of all keys that each member owns, 0 to 1, by id. */
export const shares = (ids: readonly Id[], place: Place): ReadonlyMap<Id, number> => {
  const peers = ids.map((id) => ({ id, url: '' }))
  const width = ids[0]?.length ?? 0
  const digits = Math.min(samplingDigits, width)
  const counts = new Map(ids.map((id) => [id, 0]))
  for (let number = 0; number < 16 ** digits; number++) {
    const [owner] = place(number.toString(16).padStart(digits, '0').padEnd(width, '8'), peers, 1)
    if (owner) counts.set(owner.id, (counts.get(owner.id) ?? 0) + 1)
  }
  return new Map([...counts].map(([id, count]) => [id, count / 16 ** digits]))
}

/** Copies of records, as the nodes that answer count them. */
export interface Copies {
  readonly values: number
  /** Where they should be. */
  readonly there: number
  readonly wanted: number
}

/**
 * @param counts of each node that answers
 * @param least how many values there are known to be: nobody owns those of one that has just died
 */
export const copiesAmong = (counts: readonly { owned: number; replicas: number }[], replicas: number, least = 0): Copies => {
  const owned = counts.reduce((sum, count) => sum + count.owned, 0)
  const there = counts.reduce((sum, count) => sum + count.replicas, owned)
  const values = Math.max(owned, least)
  return { values, there, wanted: values * Math.min(replicas, counts.length) }
}

/**
 * `100 values`, and how many copies there are as long as some are missing; where some are owned by nobody yet, only how many copies
 * there are.
 */
const tellContent = ({ values, there, wanted }: Copies, isOwned: boolean, paint: Paint): string[] =>
  isOwned
    ? [plural(values, 'value'), ...(there < wanted ? [paint.yellow(`${there} of ${wanted} copies`)] : [])]
    : [there === 0 ? 'no values' : `${plural(there, 'copy', 'copies')} in all`]

/** `2 nodes catching up · 120 records moving`; nothing when all is where it should be. */
export const tellMoving = (nodes: readonly Pick<NodeRow, 'info'>[]): string[] => {
  const running = nodes.flatMap(({ info }) => info ?? [])
  const behind = running.filter(({ state, content }) => state !== 'leaving' && !content.complete).length
  const moving = running.reduce((sum, { content }) => sum + content.moving, 0)
  return [
    ...(behind > 0 ? [`${plural(behind, 'node')} catching up`] : []),
    ...(moving > 0 ? [`${plural(moving, 'record')} moving`] : []),
  ]
}

export const heading = ({ network, nodes, faults }: Status, paint: Paint, columns: number): string[] => {
  const contents = nodes.flatMap(({ info }) => info?.content ?? [])
  const { overlay, bits, replicas, mode } = network
  const kind = kindOf(overlay)
  const { modes, options, shape } = kind
  const departures = commonOptions(kind).flatMap((name) => {
    const value = network[name as keyof OverlayOptions]
    const usual = (options[name] as { default?: unknown }).default
    return value === undefined || value === usual ? [] : [`${name}=${String(value)}`]
  })
  if (mode !== undefined && mode !== 'onehop' && mode !== modes[0]) departures.push(mode)
  const facts = [
    paint.bold(overlay),
    `${bits} bits`,
    ...departures,
    replicas === 1 ? '1 copy' : `${replicas} copies`,
    ...(contents.length > 0
      ? [
          plural(contents.length, 'node'),
          ...tellContent(copiesAmong(contents, replicas), faults.length === 0 || replicas === 1, paint),
        ]
      : [`none of ${plural(nodes.length, 'node')} answers`]),
    faults.length === 0 ? paint.green(`${shape} whole`) : paint.red(`${shape} not whole`),
  ]
  return fold(facts.join(' · '), ' · ', columns)
}

const conditionWords = { starting: 'starting', silent: '✗ silent', dead: '✗ dead', foreign: '✗ not ours' } as const

/** `120 moving`; of a node that leaves `120 to go`; nothing when nothing is on its way. */
export const movingWords = (state: string | undefined, moving: number): string[] =>
  moving > 0 ? [`${moving} ${state === 'leaving' ? 'to go' : 'moving'}`] : []

/** `ready`, `leaving · 12 to go`, `catching up · 120 moving`, `ready · 3 misplaced`, `ready · full`, `ready · suspect`. */
const stateWords = (
  { state, degraded, content: { complete, full, moving, misplaced }, membership }: NodeInfo,
  seenAs?: string,
): string =>
  [
    ...(membership?.cutOff ? ['cut off'] : []),
    state === 'ready' && !complete ? 'catching up' : state,
    ...movingWords(state, moving),
    ...(full ? ['full'] : []),
    ...(misplaced > 0 ? [`${misplaced} misplaced`] : []),
    ...(membership && membership.aheadMs !== 0 ? [clockWords(membership.aheadMs)] : []),
    ...(seenAs === 'suspect' ? ['suspect'] : seenAs === 'dead' ? ['seen as dead'] : []),
    ...(degraded ? ['degraded'] : []),
  ].join(' · ')

/** `clock 10 min ahead` */
const clockWords = (aheadMs: number): string => `clock ${age(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead' : 'behind'}`

/** `✗ silent · seen as suspect`; a death that the others have not noticed yet is worth a word. */
const absenceWords = (condition: keyof typeof conditionWords, seenAs: string | undefined): string =>
  [
    conditionWords[condition],
    ...(seenAs === 'suspect' || (seenAs === 'dead' && condition === 'silent') ? [`seen as ${seenAs}`] : []),
    ...(seenAs === 'alive' && condition === 'dead' ? ['not noticed yet'] : []),
  ].join(' · ')

/** What is most telling of an overlay, as headings of a table. */
export const ownHeads = ({ overlay }: Network): string[] => Object.keys(kindOf(overlay).columns({}))

/** The same of a node, as its cells. */
export const ownCells = ({ overlay }: Network, info: NodeInfo): string[] =>
  Object.values(kindOf(overlay).columns(info)).map(columnText)

/** A peer by its port. */
const columnText = (value: Peer | number | undefined): string =>
  value === undefined ? '–' : typeof value === 'number' ? String(value) : portOf(value.url)

export const renderStatus = (status: Status, paint: Paint, columns: number): string[] => {
  const { network, nodes } = status
  const members = nodes.filter(({ info }) => info?.state === 'ready')
  const owned = shares(
    members.map(({ id }) => id),
    placementOf(network),
  )
  const own = ownHeads(network)
  const head: Cell[] = ['NODE', 'ID', 'ARC', 'OWNED', 'REPLICAS', ...own, 'STATE'].map((text) => ({ text, paint: paint.dim }))
  const rows = inRingOrder(nodes).map(({ port, id, condition, info, seenAs }): Cell[] => {
    const who = { text: port, paint: paint.bold }
    const share = owned.get(id)
    const part = share === undefined ? '–' : `${(share * 100).toFixed(1)}%`
    if (condition !== 'running' || !info) {
      const why = absenceWords(condition === 'running' ? 'silent' : condition, seenAs)
      return [
        who,
        shortId(id),
        '–',
        '–',
        '–',
        ...own.map(() => '–'),
        { text: why, paint: condition === 'starting' ? paint.yellow : paint.red },
      ]
    }
    const { content } = info
    const words = stateWords(info, seenAs)
    const healthy = words === 'ready'
    return [
      who,
      shortId(id),
      part,
      String(content.owned),
      String(content.replicas),
      ...ownCells(network, info),
      { text: words, paint: healthy ? paint.green : paint.yellow },
    ]
  })
  return [
    ...heading(status, paint, columns),
    ...table(
      ['left', 'left', 'right', 'right', 'right', ...own.map(() => 'right' as const), 'left'],
      [head, ...rows],
      columns,
      // The arc, the replicas, and what its overlay says of it, from the last on.
      [2, 4, ...own.map((_, at) => 4 + own.length - at)],
    ),
  ]
}

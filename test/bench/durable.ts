/** Content that is kept: six nodes with three copies on disk, beside three members of etcd on the same disk. */
import { type AskName, askings, batchValues, fill } from './asks.ts'
import { bundle } from './bundle.ts'
import { type Etcd, withEtcd } from './etcd.ts'
import { type Figure, sum } from './figure.ts'
import type { Load, Plan } from './load.ts'
import { cpuMs, findProgram, run } from './process.ts'
import { settled, withRing } from './ring.ts'

const nodes = 6
/** Stored before, to be read. */
const values = 10_000
const sliceMs = 700
/** Rounds that do not count: until then nodes run code that is not compiled yet. */
const warmUps = 5
const rounds = 5

interface Line {
  readonly what: string
  readonly ours: AskName
  readonly theirs: AskName
  readonly connections: number
  /** The least ratio. */
  readonly goal?: number
}

const batches = `batches of ${batchValues}`

const lines: readonly Line[] = [
  { what: 'stored, 1 client', ours: 'store', theirs: 'put', connections: 1, goal: 1 },
  { what: 'stored, 32 clients', ours: 'store', theirs: 'put', connections: 32, goal: 1 },
  { what: `stored in ${batches}, 1 client`, ours: 'storeBatch', theirs: 'putBatch', connections: 1, goal: 2 },
  { what: `stored in ${batches}, 4 clients`, ours: 'storeBatch', theirs: 'putBatch', connections: 4, goal: 2 },
  { what: 'read by value, 1 client', ours: 'lookup', theirs: 'range', connections: 1, goal: 2 },
  { what: 'read by value, 32 clients', ours: 'lookup', theirs: 'range', connections: 32, goal: 2 },
  { what: 'read by key, 1 client', ours: 'lookupKey', theirs: 'range', connections: 1, goal: 2 },
  { what: 'read by key, 32 clients', ours: 'lookupKey', theirs: 'range', connections: 32, goal: 2 },
  { what: 'read by value, serializable, 1 client', ours: 'lookup', theirs: 'rangeSerializable', connections: 1 },
  { what: 'read by value, serializable, 32 clients', ours: 'lookup', theirs: 'rangeSerializable', connections: 32 },
]

/** Where those that are stored begin, as each kind of request counts: far from what was stored before, and from each other. */
const firstNew: Partial<Record<AskName, number>> = {
  store: 1_000_000_000,
  put: 1_000_000_000,
  storeBatch: 1_000_000,
  putBatch: 1_000_000,
}

/** One of the two stores. */
interface Side {
  readonly origin: string
  readonly pids: readonly number[]
  /** What comes next of each kind of request. */
  readonly next: Map<AskName, number>
}

interface Slice {
  /** Values. */
  readonly perSecond: number
  /** Of all the store's processes, for one value, µs. */
  readonly cpu: number
}

export const measureDurable = async (): Promise<Figure[]> => {
  const program = findProgram('etcd', 'POLYCHORD_ETCD')
  if (program !== undefined) return withEtcd(program, measureBeside)
  process.stderr.write('etcd is not installed: nothing to compare with (apt install etcd-server, or POLYCHORD_ETCD=/…/etcd)\n')
  return measureBeside(undefined)
}

const measureBeside = (etcd: Etcd | undefined): Promise<Figure[]> =>
  withRing(nodes, 0, async (ring) => {
    await settled(ring.nodes)
    const origin = ring.nodes[0]?.url ?? ''
    const ours: Side = { origin, pids: ring.nodes.map(({ pid }) => pid), next: new Map() }
    const theirs: Side | undefined = etcd && { ...etcd, next: new Map() }
    await fill('storeBatch', [origin], values)
    if (etcd) await fill('putBatch', [etcd.origin], values)
    const load = await bundle('test/bench/load.ts', 'dist/bench/load.cjs')
    const measured = lines.map((line) => ({ line, ours: [] as Slice[], theirs: [] as Slice[] }))
    for (let round = 0; round < warmUps + rounds; round++)
      for (const { line, ...slices } of measured) {
        if (theirs) slices.theirs.push(await sliceOf(load, theirs, line.theirs, line.connections))
        slices.ours.push(await sliceOf(load, ours, line.ours, line.connections))
      }
    const figuresOf = (head: string, unit: string, of: (slice: Slice) => number): Figure[] =>
      measured.map(({ line, ...slices }) => ({
        what: `${head}${line.what}`,
        ours: slices.ours.slice(warmUps).map(of),
        ...(etcd ? { against: slices.theirs.slice(warmUps).map(of) } : {}),
        unit,
      }))
    const rates = figuresOf('', '/s', ({ perSecond }) => perSecond)
    return [...rates.map((figure, at) => withGoal(figure, lines[at]?.goal)), ...figuresOf('CPU: ', 'µs', ({ cpu }) => cpu)]
  })

/** There is a goal only beside something. */
const withGoal = (figure: Figure, least: number | undefined): Figure =>
  least === undefined || !figure.against ? figure : { ...figure, goal: { least } }

const sliceOf = async (load: string, side: Side, asking: AskName, connections: number): Promise<Slice> => {
  const { origin, pids, next } = side
  const first = firstNew[asking]
  const from = next.get(asking) ?? first ?? 0
  const plan: Plan = { origin, asking, connections, ms: sliceMs, from, ...(first === undefined ? { below: values } : {}) }
  const before = sum(pids.map(cpuMs))
  const done = JSON.parse(await run(load, [JSON.stringify(plan)])) as Load
  const cpu = sum(pids.map(cpuMs)) - before
  next.set(asking, done.next)
  const asked = done.requests * askings[asking].values
  return { perSecond: asked / done.seconds, cpu: (cpu * 1000) / asked }
}

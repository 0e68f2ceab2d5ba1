/** A lookup through a node that does not own the key, beside the calls that it cannot do without. */
import { Agent } from 'undici'
import { clientApi, type Found } from '../../src/protocol/client-api.ts'
import { exchange } from '../../src/service/exchange.ts'
import { askings, valueOf } from './asks.ts'
import { withBare } from './bare-server.ts'
import { type Figure, median } from './figure.ts'
import { type Ring, storeValue, withRing } from './ring.ts'

const nodes = 20
const values = 60
/** The first lookups make connections, and meet fingers that are not all found yet. */
const settleMs = 8000
const rounds = 12
/** Of each kind in a round. */
const calls = 200
/** Rounds that do not count: until then nodes run code that is not compiled yet. */
const warmUps = 10

/** One kind of call; resolves with the answer's text. */
type Call = () => Promise<string>

/** Lookups along one way for each number of hops, so that the nodes on it are as warm as the bare route; and along all ways. */
export const measureLookup = (): Promise<Figure[]> =>
  withRing(
    2,
    nodes - 2,
    async (ring) => {
      const agent = new Agent()
      /** The client is the one by which nodes call each other: both sides pay for the same way of asking. */
      const get = async (origin: string, path: string): Promise<string> => {
        const { status, text } = await exchange(agent, { origin, path, method: 'GET' }, 5000)
        if (status !== 200) throw new Error(`${origin}${path} answered ${status}: ${text}`)
        return text
      }
      try {
        return await measureThrough(ring, get)
      } finally {
        await agent.destroy()
      }
    },
    'mode=fingers',
  )

const measureThrough = async (
  { nodes: [entry] }: Ring,
  get: (origin: string, path: string) => Promise<string>,
): Promise<Figure[]> => {
  const origin = entry?.url ?? ''
  const paths = Array.from({ length: values }, (_, number) => askings.lookup.ask(number).path)
  for (let number = 0; number < values; number++) await storeValue(origin, valueOf(number))
  let turn = 0
  const anyPath = () => paths[turn++ % values] ?? ''
  for (const until = performance.now() + settleMs; performance.now() < until; ) await get(origin, anyPath())
  /** One for each number of hops. */
  const examples = new Map<number, { path: string; found: Found }>()
  for (const path of paths) {
    const found = JSON.parse(await get(origin, path)) as Found
    if (found.hops > 0) examples.set(found.hops, { path, found })
  }
  const reply = [...examples.values()][0]?.found
  if (!reply) throw new Error(`${origin} holds all of ${values} values`)
  const route = { schema: clientApi.lookup.reply, reply }
  return withBare(route, (bare) =>
    withBare({ ...route, origin: bare.origin }, async (forwarder) => {
      const ways = [...examples].sort(([a], [b]) => a - b)
      const kinds: Record<string, Call> = {
        bare: () => get(bare.origin, '/reply'),
        forwarded: () => get(forwarder.origin, '/forwarded'),
        ...Object.fromEntries(ways.map(([hops, { path }]) => [`${hops}`, () => get(origin, path)])),
        random: () => get(origin, anyPath()),
      }
      return figuresOf(
        await alternate(kinds),
        ways.map(([hops]) => hops),
      )
    }),
  )
}

/** What one round measured of one kind of call. */
interface Measured {
  readonly p50: number
  /** Of the lookups, on average. */
  readonly hops: number
}

/** Each round calls every kind. */
const alternate = async (kinds: Readonly<Record<string, Call>>): Promise<Record<string, Measured>[]> => {
  const measured: Record<string, Measured>[] = []
  for (let round = 0; round < warmUps + rounds; round++) {
    const results: Record<string, Measured> = {}
    for (const [kind, call] of Object.entries(kinds)) results[kind] = await repeat(call)
    if (round >= warmUps) measured.push(results)
  }
  return measured
}

const repeat = async (call: Call): Promise<Measured> => {
  const times: number[] = []
  let hops = 0
  for (let count = 0; count < calls; count++) {
    const began = performance.now()
    const text = await call()
    times.push(performance.now() - began)
    hops += (JSON.parse(text) as Found).hops
  }
  return { p50: median(times), hops: hops / calls }
}

const figuresOf = (measured: readonly Record<string, Measured>[], ways: readonly number[]): Figure[] => {
  const times = (kind: string) => measured.map((round) => round[kind]?.p50 ?? NaN)
  const bareCalls = (count: (round: Record<string, Measured>) => number) =>
    measured.map((round) => count(round) * (round['bare']?.p50 ?? NaN))
  return [
    ...ways.map((hops) => ({
      what: `${hops} ${hops === 1 ? 'hop' : 'hops'}, p50`,
      ours: times(`${hops}`),
      against: bareCalls(() => hops + 1),
      unit: 'ms',
      goal: { most: 1.5 },
    })),
    {
      what: 'any value of 60, p50',
      ours: times('random'),
      against: bareCalls(({ random }) => (random?.hops ?? NaN) + 1),
      unit: 'ms',
    },
    { what: 'a bare route that calls another', ours: times('forwarded'), against: bareCalls(() => 2), unit: 'ms' },
  ]
}

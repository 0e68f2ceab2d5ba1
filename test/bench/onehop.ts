/**
 * A lookup through a node that does not hold the key, in a network where everyone knows who is there: beside a forwarder that has
 * nothing else to do, beside other stores, and in the second after an owner has died.
 */
import { Agent } from 'undici'
import { clientApi, type Found } from '../../src/protocol/client-api.ts'
import { exchange } from '../../src/service/exchange.ts'
import { type AskName, askings, fill } from './asks.ts'
import { withBare } from './bare-server.ts'
import { bundle } from './bundle.ts'
import { withEtcd } from './etcd.ts'
import type { Figure } from './figure.ts'
import type { Load, Plan } from './load.ts'
import { withOpenDht } from './opendht.ts'
import { findProgram, run } from './process.ts'
import { type Ring, settled, withRing } from './ring.ts'

const nodes = 20
const values = 1000
const clients = 32
const sliceMs = 700
/** Rounds that do not count: twenty nodes have to compile their code. */
const warmUps = 6
const rounds = 7
/** Who asks while an owner dies. */
const askers = 8
const afterKillMs = 1000
const ninetyNine = 0.99

/** Values by the node that answers for them; none of them is the entry node's. */
interface Spread {
  readonly any: readonly number[]
  /** The one that has most of them. */
  readonly owner: string
  readonly ofOwner: readonly number[]
  readonly found: Found
}

interface Target {
  readonly what: string
  readonly origin: string
  readonly asking: AskName
  readonly numbers: readonly number[]
}

export const measureOneHop = (): Promise<Figure[]> =>
  withRing(2, nodes - 2, async (ring) => {
    await settled(ring.nodes)
    const origin = ring.nodes[0]?.url ?? ''
    await fill('storeBatch', [origin], values)
    const spread = await spreadOf(origin)
    const figures = await measureBeside(origin, spread)
    return [...figures, ...(await measureLoss(ring, origin, spread))]
  })

const spreadOf = async (origin: string): Promise<Spread> => {
  const byOwner = new Map<string, { number: number; found: Found }[]>()
  for (let number = 0; number < values; number++) {
    const response = await fetch(`${origin}${askings.lookup.ask(number).path}`)
    const found = (await response.json()) as Found
    if (!response.ok) throw new Error(`${origin} does not find value ${number}: ${response.status}`)
    if (found.hops === 0) continue
    const { url } = found.answeredBy
    byOwner.set(url, [...(byOwner.get(url) ?? []), { number, found }])
  }
  const [most] = [...byOwner].sort(([, a], [, b]) => b.length - a.length)
  const example = most?.[1][0]
  if (!most || !example) throw new Error(`${origin} holds all of ${values} values`)
  const numbersOf = (entries: readonly { number: number }[]) => entries.map(({ number }) => number)
  return {
    any: numbersOf([...byOwner.values()].flat()),
    owner: most[0],
    ofOwner: numbersOf(most[1]),
    found: example.found,
  }
}

/** Every store that is there is asked in every round, so that all of them meet the same machine. */
const measureBeside = async (origin: string, { any, ofOwner, found }: Spread): Promise<Figure[]> => {
  const schema = clientApi.lookup.reply
  return withBare({ schema, reply: found }, (back) =>
    withBare({ schema, reply: found, origin: back.origin }, (forwarder) =>
      withOthers(async (others) => {
        const plain: Target = { what: 'forwarder', origin: forwarder.origin, asking: 'forwarded', numbers: [0] }
        const one: Target = { what: 'one owner’s keys', origin, asking: 'lookup', numbers: ofOwner }
        const random: Target = { what: 'random keys', origin, asking: 'lookup', numbers: any }
        const busy = await alternate([plain, one, random, ...others], clients)
        const calm = await alternate([plain, one, random], 1)
        const rate = (target: Target) => busy.map((loads) => perSecond(loads.get(target) as Load))
        const p50 = (target: Target) => calm.map((loads) => (loads.get(target) as Load).p50Ms)
        const beside = (target: Target, least: number): Figure => ({
          what: `${target.what}, ${clients} clients, against a plain forwarder`,
          ours: rate(target),
          against: rate(plain),
          unit: '/s',
          goal: { least },
        })
        return [
          beside(one, 1.3),
          beside(random, 1.15),
          ...[one, random].map((target) => ({
            what: `${target.what}, 1 client, p50, against a plain forwarder`,
            ours: p50(target),
            against: p50(plain),
            unit: 'ms',
            goal: { most: 1.3 },
          })),
          ...others.map((other) => ({
            what: `random keys, ${clients} clients, against ${other.what}`,
            ours: rate(random),
            against: rate(other),
            unit: '/s',
            goal: { least: 1 },
          })),
        ]
      }),
    ),
  )
}

/** With the other stores that are installed, filled with the same values. */
const withOthers = async <T>(use: (others: readonly Target[]) => Promise<T>): Promise<T> => {
  const numbers = Array.from({ length: values }, (_, number) => number)
  const etcd = findProgram('etcd', 'POLYCHORD_ETCD')
  const dhtnode = findProgram('dhtnode', 'POLYCHORD_DHTNODE')
  const besideDht = (others: readonly Target[]): Promise<T> => {
    if (dhtnode === undefined)
      return without('OpenDHT', 'apt install dhtnode, or POLYCHORD_DHTNODE=/…/dhtnode', () => use(others))
    return withOpenDht(dhtnode, { nodes, values }, (origin) =>
      use([...others, { what: 'a get of OpenDHT’s proxy', origin, asking: 'dhtGet', numbers }]),
    )
  }
  if (etcd === undefined) return without('etcd', 'apt install etcd-server, or POLYCHORD_ETCD=/…/etcd', () => besideDht([]))
  return withEtcd(etcd, async ({ origin }) => {
    await fill('putBatch', [origin], values)
    return besideDht([
      { what: 'a linearizable get of etcd', origin, asking: 'range', numbers },
      { what: 'a serializable get of etcd', origin, asking: 'rangeSerializable', numbers },
    ])
  })
}

const without = <T>(name: string, how: string, use: () => Promise<T>): Promise<T> => {
  process.stderr.write(`${name} is not installed: not compared with it (${how})\n`)
  return use()
}

const alternate = async (targets: readonly Target[], connections: number): Promise<Map<Target, Load>[]> => {
  const load = await bundle('test/bench/load.ts', 'dist/bench/load.cjs')
  const measured: Map<Target, Load>[] = []
  for (let round = 0; round < warmUps + rounds; round++) {
    const loads = new Map<Target, Load>()
    for (const target of targets) {
      const { origin, asking, numbers } = target
      const plan: Plan = { origin, asking, connections, ms: sliceMs, from: 0, numbers }
      loads.set(target, JSON.parse(await run(load, [JSON.stringify(plan)])) as Load)
    }
    if (round >= warmUps) measured.push(loads)
  }
  return measured
}

const perSecond = ({ requests, seconds }: Load): number => requests / seconds

/** Lookups that were under way when the owner of a part of the keys was killed, or were asked in the second after. */
const measureLoss = async ({ nodes: all }: Ring, origin: string, { any, owner }: Spread): Promise<Figure[]> => {
  const victim = all.find(({ url }) => url === owner)
  if (!victim) throw new Error(`${owner} is none of the network’s`)
  const agent = new Agent({ connections: askers })
  const times: { began: number; ended: number }[] = []
  let wrong = 0
  let turn = 0
  let killed = Infinity
  const ask = async () => {
    while (performance.now() < killed + afterKillMs) {
      const { path } = askings.lookup.ask(any[turn++ % any.length] ?? 0)
      const began = performance.now()
      const { status } = await exchange(agent, { origin, path, method: 'GET' }, 10_000)
      times.push({ began, ended: performance.now() })
      if (status !== 200) wrong++
    }
  }
  try {
    const asking = Promise.all(Array.from({ length: askers }, ask))
    setTimeout(() => {
      process.kill(victim.pid, 'SIGKILL')
      killed = performance.now()
    }, sliceMs)
    await asking
  } finally {
    await agent.destroy()
  }
  const after = times.filter(({ ended }) => ended >= killed).map(({ began, ended }) => ended - began)
  after.sort((a, b) => a - b)
  const p99 = after[Math.floor(after.length * ninetyNine)] ?? NaN
  return [
    { what: 'p99 over the second after an owner’s kill -9', ours: [p99], unit: 'ms', goal: { most: 100 } },
    { what: 'the slowest of them', ours: [after.at(-1) ?? NaN], unit: 'ms' },
    { what: 'of them, not found', ours: [wrong], unit: `of ${after.length}`, goal: { most: 0 } },
  ]
}

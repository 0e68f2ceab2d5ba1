/** A node that joins a ring with much content: how fast it has its part, and what those who look things up meanwhile notice. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent } from 'undici'
import type { NodeInfo } from '../../src/protocol/client-api.ts'
import { exchange } from '../../src/service/exchange.ts'
import { hash } from '../../src/service/hash.ts'
import { askings, fill, valueOf } from './asks.ts'
import type { Figure } from './figure.ts'
import { freePort } from './process.ts'
import { addNode, infoOf, type Ring, settled, withRing } from './ring.ts'

const nodes = 6
const copies = 3
const records = 100_000
const rounds = 3
/** A lookup begins so often, whether or not those before it have been answered. */
const lookupEveryMs = 2
/** Until the nodes run compiled code. */
const warmUpMs = 3000
const idleMs = 5000
const pollMs = 25
const completeWithinMs = 60_000

interface Transfer {
  readonly received: number
  /** Records of which the newcomer is one of the holders. */
  readonly due: number
  readonly perSecond: number
  /** 99th percentiles of lookups before and meanwhile, ms. */
  readonly idleP99: number
  readonly busyP99: number
}

export const measureTransfer = async (): Promise<Figure[]> => {
  const measured: Transfer[] = []
  for (let round = 0; round < rounds; round++) measured.push(await withRing(nodes, 0, transfer))
  return [
    {
      what: 'records that came',
      ours: measured.map(({ received }) => received),
      against: measured.map(({ due }) => due),
      unit: 'records',
      goal: { most: 1 },
    },
    { what: 'records received', ours: measured.map(({ perSecond }) => perSecond), unit: '/s', goal: { least: 20_000 } },
    {
      what: 'lookups meanwhile, p99, against before',
      ours: measured.map(({ busyP99 }) => busyP99),
      against: measured.map(({ idleP99 }) => idleP99),
      unit: 'ms',
      goal: { most: 3 },
    },
  ]
}

const transfer = async (ring: Ring): Promise<Transfer> => {
  const origins = ring.nodes.map(({ url }) => url)
  await settled(ring.nodes)
  await fill('storeBatch', origins, records)
  await settled(ring.nodes)
  const infos = await Promise.all(origins.map(infoOf))
  const { p99, end } = lookUpSteadily(origins)
  try {
    await sleep(warmUpMs + idleMs)
    const asked = performance.now()
    const port = await freePort()
    const [{ info, began, ended }] = await Promise.all([followJoin(`http://127.0.0.1:${port}`), addNode(ring, port)])
    const { owned, replicas, misplaced } = info.content
    const due = dueTo(
      info.id,
      infos.map(({ id }) => id),
    )
    const received = owned + replicas + misplaced
    if (received < due) throw new Error(`${info.url} says that it has everything: ${received} of ${due} records`)
    return {
      received,
      due,
      perSecond: (received * 1000) / (ended - began),
      idleP99: p99(asked - idleMs, asked),
      busyP99: p99(began, ended),
    }
  } finally {
    await end()
  }
}

/** From the last look that saw a newcomer without content to the first that sees it complete, on the clock of the process. */
const followJoin = async (origin: string): Promise<{ info: NodeInfo; began: number; ended: number }> => {
  let began = performance.now()
  for (const until = began + completeWithinMs; performance.now() < until; await sleep(pollMs)) {
    const now = performance.now()
    const info = await infoOf(origin).catch(() => undefined)
    if (info?.content.complete) return { info, began, ended: performance.now() }
    if (!info || info.content.owned + info.content.replicas === 0) began = now
  }
  throw new Error(`after ${completeWithinMs / 1000} s ${origin} has not got what it should hold`)
}

/** How many keys have this node among the first at or after them. */
const dueTo = (newcomer: string, others: readonly string[]): number => {
  const ids = [...others, newcomer].sort()
  const before = ids.at(ids.indexOf(newcomer) - copies) ?? ''
  const isDue = (key: string) => (before < newcomer ? before < key && key <= newcomer : before < key || key <= newcomer)
  return Array.from({ length: records }, (_, number) => hash(valueOf(number))).filter(isDue).length
}

/** Looks up what is stored, through each node in turn; a lookup that fails ends the bench. */
const lookUpSteadily = (origins: readonly string[]) => {
  const agent = new Agent()
  const lookups: { began: number; ms: number }[] = []
  let number = 0
  let failure: Error | undefined
  const lookUp = async () => {
    const { path, proof } = askAbout(number * 7919)
    const origin = origins[number++ % origins.length] ?? ''
    const began = performance.now()
    const { status, text } = await exchange(agent, { origin, path, method: 'GET' }, 10_000)
    lookups.push({ began, ms: performance.now() - began })
    if (!text.includes(proof)) throw new Error(`${origin}${path} answered ${status}: ${text}`)
  }
  const timer = setInterval(() => void lookUp().catch((error: Error) => (failure ??= error)), lookupEveryMs)
  return {
    p99: (from: number, to: number): number => {
      if (failure) throw failure
      const sorted = lookups.filter(({ began }) => began >= from && began <= to).map(({ ms }) => ms)
      sorted.sort((a, b) => a - b)
      return sorted[Math.floor(sorted.length * 0.99)] ?? NaN
    },
    end: async () => {
      clearInterval(timer)
      await agent.destroy()
    },
  }
}

const askAbout = (number: number) => {
  const { ask, proof } = askings.lookup
  return { path: ask(number % records).path, proof }
}

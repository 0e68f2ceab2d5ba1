/** Who is alive, in a network of 20: how soon everyone knows of a death and of a departure, and what watching costs. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Member } from '../../src/protocol/client-api.ts'
import type { Figure } from './figure.ts'
import { freePort } from './process.ts'
import { addNode, type Ring, withRing } from './ring.ts'

const nodes = 20
const kills = 5
const leaves = 3
const pollMs = 20
const withinMs = 30_000
const idleMs = 20_000
/** Of the preset that boot uses. */
const periodMs = 500

export const measureWatch = (): Promise<Figure[]> =>
  withRing(2, nodes - 2, async (ring) => {
    const alive = new Map(ring.nodes.map(({ url, pid }) => [url, pid]))
    await everyone(alive, (members) => members.filter(({ state }) => state === 'alive').length === nodes)
    const packets = await packetsPerPeriod([...alive.keys()])
    const deaths: number[] = []
    for (let round = 0; round < kills; round++) {
      const [url, pid] = one(alive, round)
      alive.delete(url)
      process.kill(pid, 'SIGKILL')
      deaths.push((await untilSeen(alive, url, 'dead')) / 1000)
      await replace(ring, alive)
    }
    const departures: number[] = []
    for (let round = 0; round < leaves; round++) {
      const [url] = one(alive, round)
      alive.delete(url)
      const seen = untilSeen(alive, url, 'left')
      await fetch(`${url}/leave`, { method: 'POST' })
      departures.push(await seen)
      await replace(ring, alive)
    }
    return [
      { what: 'kill -9 of one, until all others have it dead', ours: deaths, unit: 's', goal: { most: 4 } },
      { what: 'POST /leave, until all others have seen it', ours: departures, unit: 'ms', goal: { most: 500 } },
      { what: 'packets an idle node sends in a period', ours: packets, unit: 'packets', goal: { most: 2.1 } },
    ]
  })

const one = <K, V>(items: ReadonlyMap<K, V>, at: number): [K, V] => {
  const chosen = [...items][(at * 7) % items.size]
  if (!chosen) throw new Error('nobody is left')
  return chosen
}

const membersOf = async (url: string): Promise<readonly Member[]> =>
  ((await (await fetch(`${url}/members`)).json()) as { members: Member[] }).members

const everyone = async (
  alive: ReadonlyMap<string, number>,
  holds: (members: readonly Member[]) => boolean,
): Promise<number> => {
  const began = performance.now()
  while (performance.now() - began < withinMs) {
    const views = await Promise.all([...alive.keys()].map(membersOf))
    if (views.every(holds)) return performance.now() - began
    await sleep(pollMs)
  }
  throw new Error(`after ${withinMs / 1000} s not everyone knows`)
}

const untilSeen = (alive: ReadonlyMap<string, number>, url: string, state: string): Promise<number> =>
  everyone(alive, (members) => members.find((member) => member.url === url)?.state === state)

/** Another node in the place of one that is gone. */
const replace = async (ring: Ring, alive: Map<string, number>): Promise<void> => {
  const port = await freePort()
  await addNode(ring, port)
  const url = `http://127.0.0.1:${port}`
  alive.set(url, ring.pidOf(url))
  await everyone(alive, (members) => members.filter(({ state }) => state === 'alive').length === alive.size)
}

const sentBy = async (url: string): Promise<number> => {
  const text = await (await fetch(`${url}/metrics`)).text()
  const counts = [...text.matchAll(/^polychord_packets_sent_total\{[^}]*\} (\d+)$/gm)]
  return counts.reduce((sum, [, count]) => sum + Number(count), 0)
}

const packetsPerPeriod = async (urls: readonly string[]): Promise<number[]> => {
  const before = await Promise.all(urls.map(sentBy))
  const began = performance.now()
  await sleep(idleMs)
  const after = await Promise.all(urls.map(sentBy))
  const periods = (performance.now() - began) / periodMs
  const each = after.map((count, at) => (count - (before[at] ?? 0)) / periods)
  return [each.reduce((sum, count) => sum + count, 0) / each.length]
}

/** What is left of values whose holders come and go, where copies are made again from time to time. */
import { place } from '../../src/overlay/kademlia/placement.ts'
import type { Peer } from '../../src/protocol/schemas.ts'
import { stream } from '../../src/sim/random.ts'
import { World } from '../../src/sim/world.ts'
import { drawId, drawRing, exponential } from './rings.ts'

export interface Durability {
  readonly nodes: number
  readonly values: number
  readonly copies: number
  /** Mean life of a node, and the time between two rounds of copying, in the same unit. */
  readonly life: number
  readonly interval: number
  readonly rounds: number
}

/** The part of the values that was lost in a round, on average: whoever goes is replaced by a newcomer who has nothing. */
export const lossPerRound = ({ nodes, values, copies, life, interval, rounds }: Durability): number => {
  const random = stream(1, `${copies} copies, ${interval} of ${life}`, 'durability')
  const survival = Math.exp(-interval / life)
  let peers: readonly Peer[] = drawRing(random, nodes)
  let holders = Array.from({ length: values }, () => {
    const key = drawId(random)
    return { key, held: new Set(place(key, peers, copies).map(({ id }) => id)) }
  })
  let lost = 0
  let held = 0
  for (let round = 0; round < rounds; round++) {
    held += holders.length
    const stay = new Set(peers.filter(() => random.below(1e9) / 1e9 < survival).map(({ id }) => id))
    const left = holders.filter((value) => [...value.held].some((id) => stay.has(id)))
    lost += holders.length - left.length
    peers = peers.map((peer) => (stay.has(peer.id) ? peer : { ...peer, id: drawId(random) }))
    holders = left.map(({ key }) => ({ key, held: new Set(place(key, peers, copies).map(({ id }) => id)) }))
  }
  return lost / held
}

export interface Survival {
  readonly seed: number
  readonly nodes: number
  readonly values: number
  readonly copies: number
  readonly lifeMs: number
  /** Between two comparisons of what nodes hold; besides, they repair whatever they see. */
  readonly intervalMs: number
  readonly ms: number
}

/** Between two of those who are there from the beginning. */
const arrivalMs = 500
/** Until those who died last are nobody's contacts any more. */
const restMs = 15_000

/** The same of whole nodes under Kademlia: what part of the values their disks hold in the end, and what part is found. */
export const survival = async ({ seed, nodes, values, copies, lifeMs, intervalMs, ms }: Survival) => {
  const settings = { overlay: 'kademlia', mode: 'buckets', replicas: copies, rehomeEveryMs: intervalMs } as const
  const world = new World({ seed, encode: false, settings })
  // What must hold at every moment is looked at elsewhere.
  world.demanding = false
  const random = stream(seed, 'test', 'survival')
  for (let node = 0; node < nodes; node++) {
    world.add()
    await world.run(arrivalMs)
  }
  const stored = []
  for (let value = 0; value < values; value++)
    stored.push(await world.call(world.anyone(), 'store', { value: `value ${value}` }))
  const endMs = world.nowMs + ms
  let deaths = 0
  for (;;) {
    const waitMs = exponential(random, lifeMs / nodes)
    if (world.nowMs + waitMs > endMs) break
    await world.run(waitMs)
    world.crash(world.anyone())
    world.add()
    deaths++
  }
  await world.run(restMs)
  const asked = stored.map(({ key }) => world.ask(world.anyone(), 'lookup', { key }))
  await world.run(world.config.operationTimeoutMs)
  const isHeld = (key: string) => world.running().some(({ store }) => store.read(key).length > 0)
  const held = stored.filter(({ key }) => isHeld(key)).length
  const found = asked.filter(({ state }) => state === 'answered').length
  return { deaths, held: held / values, found: found / values }
}

/**
 * The same lookups under every overlay, over networks at rest whose nodes lie on a plane: how they travel, what they cost, and what becomes
 * of them right after many nodes have died.
 */
import { parseConfig } from '../node/config.ts'
import { kindOf, type OverlayName } from '../overlay/overlays.ts'
import type { Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { type LatencyModel, latencyOf } from './latency.ts'
import { stream } from './random.ts'
import { StillRing } from './still.ts'
import { StillKademlia } from './still-kademlia.ts'
import type { RoundTrip, StillNetwork } from './still-network.ts'
import { StillPastry } from './still-pastry.ts'

export interface Comparison {
  readonly hops: number
  /** Questions asked, by lookup. */
  readonly calls: number
  /** Median, as whoever asks sees it: nodes are asked one after the other, or some at a time. */
  readonly latencyMs: number
  /** That on average, as a multiple of asking the owner straight away. */
  readonly stretch: number
  /** Others that a node knows. */
  readonly contacts: number
  /** The part of the lookups that found the right one of those who live, by the part of the nodes that has died, rounded down. */
  readonly success: Readonly<Record<string, number>>
}

/** An overlay at rest, and whom its nodes know. */
interface Rest {
  readonly network: StillNetwork
  contacts(peer: Peer): number
}

/** What nodes know when nothing has happened for long, each overlay as it is by default. */
const rests: Readonly<Record<OverlayName, (peers: readonly Peer[], seed: number, roundTrip: RoundTrip) => Rest>> = {
  chord: (peers) => {
    const network = new StillRing(peers, { successors: 5, predecessor: true })
    return {
      network,
      contacts: ({ id }) => {
        const { successors, fingers } = network.table(id)
        return new Set([...successors, ...fingers.values()].map((peer) => peer.id)).size
      },
    }
  },
  kademlia: (peers, seed) => {
    const network = new StillKademlia(peers, { k: 8, seed })
    return { network, contacts: (peer) => network.table(peer).peers.length }
  },
  pastry: (peers, seed, roundTrip) => {
    const latency = (from: number, to: number) => roundTrip(peers[from] as Peer, peers[to] as Peer) / 2
    const network = new StillPastry(peers, { leafSet: 16, seed, latency })
    return { network, contacts: ({ id }) => network.table(id).known.length }
  },
}

export const failures = [0.1, 0.3, 0.5] as const
/** Who dies is drawn so often, and each time some of the lookups are made. */
const draws = 10

export interface Workload {
  readonly nodes: number
  readonly lookups: number
  readonly seed: number
  readonly latency: LatencyModel
}

/** Each overlay gets the same peers, places, keys, origins and deaths. */
export const compare = async (overlay: OverlayName, { nodes, lookups, seed, latency }: Workload): Promise<Comparison> => {
  const random = stream(seed, `${nodes} nodes`, 'comparison')
  const digits = 16
  const draw = () => Array.from({ length: digits }, () => random.below(16).toString(16)).join('')
  const ids = new Set<Id>()
  while (ids.size < nodes) ids.add(draw())
  const peers = [...ids].sort().map((id, at): Peer => ({ id, url: `http://10.0.0.1:${at}` }))
  const between = latencyOf(latency, seed)
  const places = new Map(peers.map(({ id }, place) => [id, place]))
  const roundTrip: RoundTrip = (from, to) => 2 * between(places.get(from.id) as number, places.get(to.id) as number)
  const config = parseConfig({
    overlay,
    name: 'x',
    url: 'http://127.0.0.1',
    network: '0'.repeat(16),
    incarnation: 0,
    bits: 4 * digits,
  })
  const place = kindOf(overlay).placement(config)
  const { network, contacts } = rests[overlay](peers, seed, roundTrip)
  const journeys = Array.from({ length: lookups }, () => ({ from: random.below(nodes), key: draw() }))
  /** Orders in which nodes die. */
  const orders = Array.from({ length: draws }, () =>
    peers
      .map((peer) => ({ peer, at: random.below(2 ** 31) }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ peer }) => peer),
  )

  network.slow(roundTrip)
  const travels = []
  for (const { from, key } of journeys) {
    const origin = peers[from] as Peer
    travels.push({ ...(await network.lookup(origin, key)), origin })
  }
  const away = travels.filter(({ owner, origin }) => owner.id !== origin.id)
  const success: Record<string, number> = {}
  for (const part of failures) {
    let right = 0
    for (const [draw, order] of orders.entries()) {
      const dead = new Set(order.slice(0, Math.floor(part * nodes)).map(({ id }) => id))
      const living = peers.filter(({ id }) => !dead.has(id))
      network.kill(dead)
      for (const { from, key } of journeys.filter((_, at) => at % draws === draw)) {
        const origin = living[from % living.length] as Peer
        const owner = await network.lookup(origin, key).then(
          (travel) => travel.owner,
          () => undefined,
        )
        if (owner && owner.id === place(key, living, 1)[0]?.id) right++
      }
    }
    success[part] = right / lookups
  }
  return {
    hops: mean(
      travels.map(({ path, hops }) => (path.length === 0 ? 0 : Math.min(hops, new Set(path.map(({ id }) => id)).size))),
    ),
    calls: mean(travels.map(({ path }) => path.length)),
    latencyMs: median(travels.map(({ ms }) => ms)),
    stretch: sum(away.map(({ ms }) => ms)) / sum(away.map(({ origin, owner }) => roundTrip(origin, owner))),
    contacts: mean(peers.map(contacts)),
    success,
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const mean = (values: readonly number[]): number => sum(values) / Math.max(1, values.length)
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

/**
 * Lookups while nodes die and come back, as Li, Stribling, Gil, Morris and Kaashoek have measured them (IPTPS 2004): whole nodes in the
 * simulator, each of which is there and gone for exponential times with the same mean, and looks up random keys while it is there.
 */
import { stream } from '../../src/sim/random.ts'
import { calm } from '../../src/sim/weather.ts'
import { World } from '../../src/sim/world.ts'
import type { Id } from '../../src/space/id.ts'
import { drawId, exponential } from './rings.ts'
import { Tally } from './tally.ts'

export interface Churn {
  readonly seed: number
  readonly k: number
  readonly refreshEveryMs: number
  /** How many are there on average. */
  readonly nodes: number
  /** How long they are there on average, and gone; nobody dies without it. */
  readonly lifeMs?: number
  /** Between two lookups of a node, on average. */
  readonly lookupEveryMs: number
  readonly warmUpMs: number
  readonly measuredMs: number
}

export const hourMs = 3600_000
/** What is the same in all of it. */
export const liWorkload = { seed: 1, k: 8, lookupEveryMs: hourMs / 6 } as const

/** A place in which a node lives from time to time, and when something is to happen there next. */
interface Place {
  id?: Id
  isUp: boolean
  turnAt: number
  lookAt: number
}

/** Longer than all of it: tables are kept by refreshes and by what lookups meet, as there, and by nothing else. */
const neverMs = 1e9
const idle = { stabilizeEveryMs: neverMs, reuniteEveryMs: neverMs, rehomeEveryMs: neverMs } as const
/** Between two of those who are there from the beginning: each joins through some who have joined. */
const arrivalMs = 200
/** The plane is that much wider than theirs, where a round trip takes 152 ms on average. */
export const churnSlowness = 1.38
/** Of one who is gone nothing is heard for so long; 500 ms there. */
const callTimeoutMs = Math.round(500 * churnSlowness)

/** How lookups went under Kademlia: what they found is right if it was when they began, or when they ended. */
export const lookupsInChurn = async (churn: Churn) => {
  const { seed, k, refreshEveryMs, nodes, lifeMs, lookupEveryMs, warmUpMs, measuredMs } = churn
  const weather = { ...calm, delayMaxMs: calm.delayMinMs }
  const settings = { overlay: 'kademlia', mode: 'buckets', k, replicas: 1, callTimeoutMs, refreshEveryMs, ...idle } as const
  const world = new World({ seed, latency: 'plane', encode: false, weather, settings })
  // What must hold at every moment is looked at elsewhere.
  world.demanding = false
  const random = stream(seed, 'test', 'churn')
  const lasting = (meanMs: number | undefined) => (meanMs === undefined ? Infinity : world.nowMs + exponential(random, meanMs))
  const places: Place[] = []
  for (let count = 0; count < nodes; count++) {
    const id = world.add()
    await world.run(arrivalMs)
    places.push({ id, isUp: true, turnAt: lasting(lifeMs), lookAt: lasting(lookupEveryMs) })
    if (lifeMs !== undefined) places.push({ isUp: false, turnAt: lasting(lifeMs), lookAt: Infinity })
  }
  const fromMs = world.nowMs + warmUpMs
  const seen = { calls: new Tally(), timeouts: new Tally(), ms: new Tally(), lookups: 0, right: 0, deaths: 0 }

  const turn = (place: Place): void => {
    place.isUp = !place.isUp
    place.turnAt = lasting(lifeMs)
    place.lookAt = place.isUp ? lasting(lookupEveryMs) : Infinity
    if (!place.isUp) {
      world.crash(place.id as Id)
      seen.deaths++
    } else if (place.id === undefined) place.id = world.add()
    else world.restart(place.id)
    silence(world)
  }
  const look = (place: Place): void => {
    const id = place.id as Id
    place.lookAt = lasting(lookupEveryMs)
    if (world.nowMs < fromMs || world.host(id).node?.state !== 'ready') return
    const key = drawId(random, world.config.bits)
    const began = world.nowMs
    const before = world.window(key)[0]?.id
    world.ask(id, 'find', { key }, (found) => {
      seen.lookups++
      if (found.state !== 'answered') return
      const { owner, path } = found.reply
      if ([before, world.window(key)[0]?.id].includes(owner.id)) seen.right++
      seen.calls.add(path.length)
      seen.timeouts.add(path.filter((hop) => hop.dead).length)
      seen.ms.add(world.nowMs - began)
    })
  }
  const nextOf = ({ turnAt, lookAt }: Place): number => Math.min(turnAt, lookAt)
  for (;;) {
    const place = places.reduce((first, other) => (nextOf(other) < nextOf(first) ? other : first))
    if (nextOf(place) > fromMs + measuredMs) break
    await world.run(nextOf(place) - world.nowMs)
    if (place.turnAt < place.lookAt) turn(place)
    else look(place)
  }
  // Long enough for every lookup to end.
  await world.run(world.config.operationTimeoutMs)
  return { ...seen, success: seen.right / seen.lookups }
}

/** Whoever calls where nobody is waits in vain, instead of being refused. */
const silence = (world: World): void => {
  const hosts = world.hosts().flatMap(({ last, node }) => (last ? [{ id: last.id, gone: !node }] : []))
  world.deafen(
    hosts.map(({ id }) => id),
    hosts.filter(({ gone }) => gone).map(({ id }) => id),
  )
}

/**
 * How long a message is under way between two places, beside what the weather does to it: models of networks, each a function of
 * a seed. The parameters are those of measured networks; only `plane` is Pastry's own (Middleware'01 §3).
 */
import type { Random } from '../ports.ts'
import { stream } from './random.ts'

/** From one place to another, one way, ms; places are whole numbers from 0 on. It need not be whole. */
export type Latency = (from: number, to: number) => number

interface Point {
  readonly x: number
  readonly y: number
}

const uniform = (random: Random, limit = 1): number => (limit * random.below(2 ** 30)) / 2 ** 30

const normal = (random: Random, mean: number, sd: number): number =>
  mean + sd * Math.sqrt(-2 * Math.log(1 - uniform(random))) * Math.cos(2 * Math.PI * uniform(random))

const between = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y)

/** What is drawn once for each number, when it is first asked for. */
const drawn = <T>(seed: number, purpose: string, draw: (random: Random) => T): ((number: number) => T) => {
  const known: T[] = []
  return (number) => (known[number] ??= draw(stream(seed, String(number), purpose)))
}

/** A part of one, for each pair of places; the same for as long as the seed is. */
const chanceOf = (seed: number, from: number, to: number): number => {
  let mixed = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(from + 1, 0xc2b2ae35) ^ Math.imul(to + 1, 0x27d4eb2f)
  for (let round = 0; round < 3; round++) mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d)
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32
}

/** Where the sites of `clustered` are, and what part of the nodes each has. */
const clusters: readonly (Point & { readonly upTo: number })[] = [
  { upTo: 0.6, x: 0, y: 0 },
  { upTo: 0.82, x: 80, y: 10 },
  { upTo: 0.96, x: -70, y: -10 },
  { upTo: 0.98, x: 30, y: -75 },
  { upTo: 1, x: -60, y: -90 },
]

const models = {
  /** Nodes anywhere on a square whose side takes 200 ms. */
  plane: (seed: number): Latency => {
    const placed = drawn(seed, 'plane', (random) => ({ x: uniform(random, 200), y: uniform(random, 200) }))
    return (from, to) => between(placed(from), placed(to))
  },
  /** Most nodes on two continents, some on three others. */
  clustered: (seed: number): Latency => {
    const placed = drawn(seed, 'clustered', (random) => {
      const share = uniform(random)
      const { x, y } = clusters.find(({ upTo }) => share < upTo) ?? (clusters[0] as Point)
      return { x: normal(random, x, 10), y: normal(random, y, 10), access: 1 + uniform(random, 4) }
    })
    return (from, to) => {
      const [a, b] = [placed(from), placed(to)]
      return (between(a, b) + a.access + b.access) * (1 + 0.1 * chanceOf(seed, from, to))
    }
  },
  /** Sites behind four backbones: near within a site, far to any other. */
  'transit-stub': (seed: number): Latency => {
    const transit = drawn(seed, 'transit', (random) => ({ x: uniform(random, 100), y: uniform(random, 100) }))
    const stub = drawn(seed, 'stub', (random) => ({ at: transit(random.below(4)), uplink: 3 + uniform(random, 15) }))
    const placed = drawn(seed, 'node', (random) => ({ stub: stub(random.below(16)), access: 0.5 + uniform(random, 3) }))
    return (from, to) => {
      const [a, b] = [placed(from), placed(to)]
      const access = a.access + b.access
      return a.stub === b.stub ? access : access + a.stub.uplink + b.stub.uplink + between(a.stub.at, b.stub.at)
    }
  },
  /** As measured between name servers: long tails, and detours that are shorter than the direct way. */
  'king-like': (seed: number): Latency => {
    const placed = drawn(seed, 'king', (random) => ({
      x: normal(random, 0, 35),
      y: normal(random, 0, 35),
      height: Math.exp(normal(random, 1.6, 0.9)),
    }))
    return (from, to) => {
      const [a, b] = [placed(from), placed(to)]
      const [low, high] = [Math.min(from, to), Math.max(from, to)]
      const [one, other] = [chanceOf(seed, low, high), chanceOf(seed, low, -1 - high)]
      const twist = Math.exp(0.35 * Math.sqrt(-2 * Math.log(1 - one)) * Math.cos(2 * Math.PI * other))
      return (between(a, b) + a.height + b.height) * twist * (1 + 0.05 * chanceOf(seed, from, to))
    }
  },
} as const

export type LatencyModel = keyof typeof models
export const latencyModels = Object.keys(models) as readonly LatencyModel[]

export const latencyOf = (model: LatencyModel, seed: number): Latency => models[model](seed)

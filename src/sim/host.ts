/**
 * A place where a node may live: one url, one life at a time.
 *
 * Whatever a life has begun ends with it: its timers are skipped, its promises never resume, its calls are never made.
 * A pause holds all of it back, as SIGSTOP does, and lets it go on with old beliefs.
 */
import { createHash } from 'node:crypto'
import { MemoryStore } from '../content/memory-store.ts'
import type { NodeConfig } from '../node/config.ts'
import { Node, type NodeApi } from '../node/node.ts'
import type { Clock, Hash, Log, Ports } from '../ports.ts'
import type { Network } from '../protocol/rpc.ts'
import type { Id } from '../space/id.ts'
import { stream, within } from './random.ts'
import type { Timeline } from './timeline.ts'

/** When every world begins: 2025-01-01. */
export const epochMs = Date.UTC(2025, 0, 1)

/** What hosts need of their world. */
export interface Surroundings {
  readonly seed: number
  readonly timeline: Timeline
  /** How a node of this host reaches others. */
  connect(host: Host, config: NodeConfig): Network<NodeApi>
  /** Called when code of this host has run: its node may have changed. */
  touched(host: Host): void
  /** Called for what only a mistake in our code can bring about. */
  blame(host: Host, error: unknown): void
  note(host: Host, level: keyof Log, fields: object, event: string): void
}

export class Host {
  readonly url: string
  /** How it appears in the trace. */
  readonly index: number
  readonly #world: Surroundings
  #life = 0
  #node: Node | undefined
  #store = new MemoryStore()
  #pausedUntil = 0

  constructor(url: string, index: number, world: Surroundings) {
    this.url = url
    this.index = index
    this.#world = world
  }

  /** Undefined while nobody listens here. */
  get node(): Node | undefined {
    return this.#node
  }

  get id(): Id | undefined {
    return this.#node?.me.id
  }

  get store(): MemoryStore {
    return this.#store
  }

  /** Which life this is: what was begun in another one is none of its business. */
  get life(): number {
    return this.#life
  }

  /** Begins a life, with an empty store. */
  boot(config: NodeConfig, skewMaxMs: number): Node {
    this.kill()
    this.#store = new MemoryStore()
    const skewMs = skewMaxMs === 0 ? 0 : within(this.random('skew'), -skewMaxMs, skewMaxMs)
    const node = new Node(config, this.#ports(config, skewMs), () => this.kill())
    this.#node = node
    return node
  }

  /** Ends a life, without a word. */
  kill(): void {
    this.#life++
    this.#node = undefined
    this.#pausedUntil = 0
    this.#world.touched(this)
  }

  pause(ms: number): void {
    this.#pausedUntil = this.#world.timeline.now + ms
  }

  /** Runs something of the present life, unless that has ended by then. */
  after(ms: number, run: () => void): void {
    const life = this.#life
    this.#world.timeline.after(ms, () => this.during(life, run))
  }

  /** Runs something now, or when the pause is over, unless that life has ended. */
  during(life: number, run: () => void): void {
    if (life !== this.#life) return
    const waitMs = this.#pausedUntil - this.#world.timeline.now
    if (waitMs > 0) this.#world.timeline.after(waitMs, () => this.during(life, run))
    else {
      this.#world.touched(this)
      run()
    }
  }

  /** A stream of its own for each life and purpose. */
  random(purpose: string) {
    return stream(this.#world.seed, `${this.url}#${this.#life}`, purpose)
  }

  #ports(config: NodeConfig, skewMs: number): Ports<NodeApi> {
    return {
      network: this.#world.connect(this, config),
      clock: this.#clock(skewMs),
      random: this.random('node'),
      store: this.#store,
      log: this.#log(),
      hash,
    }
  }

  #clock(skewMs: number): Clock {
    const { timeline } = this.#world
    const life = this.#life
    const phases = this.random('phases')
    return {
      now: () => epochMs + timeline.now + skewMs,
      sleep: (ms) =>
        new Promise((resolve) => {
          if (life === this.#life) this.after(ms, resolve)
        }),
      every: (periodMs, job) => {
        let stopped = false
        let busy = false
        const turn = () => {
          if (stopped) return
          this.after(periodMs, turn)
          if (busy) return
          busy = true
          job().then(
            () => {
              busy = false
            },
            (error: unknown) => this.#world.blame(this, error),
          )
        }
        if (life === this.#life) this.after(phases.below(periodMs), turn)
        return () => {
          stopped = true
        }
      },
    }
  }

  #log(): Log {
    const life = this.#life
    const write = (level: keyof Log) => (fields: object, event: string) => {
      if (life === this.#life) this.#world.note(this, level, fields, event)
    }
    return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  }
}

export const hash: Hash = (text, encoding) =>
  createHash('sha256')
    .update(text, encoding ?? 'utf8')
    .digest('hex')
    .slice(0, 40)

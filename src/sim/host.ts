/**
 * A place where a node may live: one url, one life at a time.
 *
 * Whatever a life has begun ends with it: its timers are skipped, its promises never resume, its calls are never made.
 * A pause holds all of it back, as SIGSTOP does, and lets it go on with old beliefs.
 */
import { createHash } from 'node:crypto'
import type { NodeApi } from '../node/api.ts'
import type { NodeConfig } from '../node/config.ts'
import { Node } from '../node/node.ts'
import type { Hash, Log, Ports, Random } from '../ports.ts'
import type { Id } from '../space/id.ts'
import { type Machine, SimClock } from './clock.ts'
import { Disk, Mount, type Spindle } from './disk.ts'
import { stream, within } from './random.ts'
import type { Timeline } from './timeline.ts'
import type { Weather } from './weather.ts'

/** When every world begins: 2025-01-01. */
export const epochMs = Date.UTC(2025, 0, 1)

/** What hosts need of their world. */
export interface Surroundings {
  readonly seed: number
  readonly timeline: Timeline
  weather(): Weather
  /** How a node of this host reaches others. */
  connect(host: Host, config: NodeConfig): Pick<Ports<NodeApi>, 'network' | 'datagrams'>
  /** Called when code of this host has run: its node may have changed. */
  touched(host: Host): void
  /** Called when a node has left. */
  departed(host: Host): void
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
  #last: { readonly id: Id; readonly network: string } | undefined
  #restartable = false
  #disk = new Disk()
  #store: Mount
  #clock: SimClock | undefined
  #skewMs = 0
  #setMs = 0
  #pausedUntil = 0
  /** Its own, so that what is left out of a schedule moves nothing elsewhere. */
  #ties: Random

  constructor(url: string, index: number, world: Surroundings) {
    this.url = url
    this.index = index
    this.#world = world
    this.#store = new Mount(this.#disk, this.#spindle())
    this.#ties = this.random('ties')
  }

  /** Undefined while nobody listens here. */
  get node(): Node | undefined {
    return this.#node
  }

  get id(): Id | undefined {
    return this.#node?.me.id
  }

  /** The node that lives here, or lived here last. */
  get last(): { readonly id: Id; readonly network: string } | undefined {
    return this.#last
  }

  /** Whether the node that lived here last has not left, and can be started again. */
  get restartable(): boolean {
    return this.#restartable
  }

  get disk(): Disk {
    return this.#disk
  }

  /** The disk as the node of the present life sees it, or the last life's. */
  get store(): Mount {
    return this.#store
  }

  /** How far ahead the clock is, or, negative, behind, unless somebody has set it. Drawn for each life. */
  get skewMs(): number {
    return this.#skewMs
  }

  /** By how much the clock of this machine was set, in whatever life. */
  get setMs(): number {
    return this.#setMs
  }

  /** How far the node's clock is ahead of where it would be had nobody set the machine's; of the next life, while nobody lives here. */
  get strayMs(): number {
    return this.#setMs + (this.#node ? (this.#clock?.aheadMs ?? 0) : 0)
  }

  /** Which life this is: what was begun in another one is none of its business. */
  get life(): number {
    return this.#life
  }

  /** Begins a life, with what is on the disk. */
  boot(config: NodeConfig): Node {
    this.kill()
    this.#store = new Mount(this.#disk, this.#spindle())
    const { skewMaxMs } = this.#world.weather()
    this.#skewMs = skewMaxMs === 0 ? 0 : within(this.random('skew'), -skewMaxMs, skewMaxMs)
    const clock = this.#startClock()
    this.#clock = clock
    const node = new Node(config, this.#ports(config, clock), () => this.#depart())
    this.#node = node
    this.#last = { id: node.me.id, network: config.network }
    this.#restartable = true
    return node
  }

  /** Puts an empty disk in the place of the old one. Nobody may be living here. */
  wipe(): void {
    this.#disk = new Disk()
  }

  /** Ends a life, without a word. */
  kill(): void {
    this.#store.crash(this.random('crash'))
    this.#end()
  }

  /** Ends a life in good order. */
  halt(): void {
    this.#store.close()
    this.#end()
  }

  #depart(): void {
    this.halt()
    this.#restartable = false
    this.#world.departed(this)
  }

  #end(): void {
    this.#life++
    this.#ties = this.random('ties')
    this.#node = undefined
    this.#pausedUntil = 0
    this.#world.touched(this)
  }

  /** Somebody sets the clock of this machine, which goes on from there. */
  setClock(byMs: number): void {
    this.#setMs += byMs
  }

  pause(ms: number): void {
    this.#pausedUntil = this.#world.timeline.now + ms
  }

  /** Runs something of the present life, unless that has ended by then. */
  after(ms: number, run: () => void): void {
    const life = this.#life
    this.#world.timeline.after(ms, () => this.during(life, run), this.#ties)
  }

  /** Runs something now, or when the pause is over, unless that life has ended. */
  during(life: number, run: () => void): void {
    if (life !== this.#life) return
    const waitMs = this.#pausedUntil - this.#world.timeline.now
    if (waitMs > 0) this.#world.timeline.after(waitMs, () => this.during(life, run), this.#ties)
    else {
      this.#world.touched(this)
      run()
    }
  }

  /** A stream of its own for each life and purpose. */
  random(purpose: string): Random {
    return stream(this.#world.seed, `${this.url}#${this.#life}`, purpose)
  }

  #ports(config: NodeConfig, clock: SimClock): Ports<NodeApi> {
    return {
      ...this.#world.connect(this, config),
      clock,
      random: this.random('node'),
      store: this.#store,
      log: this.#log(),
      hash,
    }
  }

  #spindle(): Spindle {
    const random = this.random('flushes')
    return {
      after: (ms, run) => this.after(ms, run),
      flushMs: () => within(random, 0, this.#world.weather().diskMaxMs),
    }
  }

  #startClock(): SimClock {
    const { timeline } = this.#world
    const life = this.#life
    const machine: Machine = {
      run: () => timeline.now,
      wall: () => epochMs + timeline.now + this.#skewMs + this.#setMs,
      after: (ms, run) => {
        if (life === this.#life) this.after(ms, run)
      },
      blame: (error) => this.#world.blame(this, error),
    }
    return new SimClock(machine, this.random('phases'))
  }

  #log(): Log {
    const life = this.#life
    const write = (level: keyof Log) => (fields: object, event: string) => {
      if (life === this.#life) this.#world.note(this, level, fields, event)
    }
    return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  }
}

/** Of urls: in a world the same ones are hashed over and over. */
const hashes = new Map<string, string>()
const hashesMost = 100_000

export const hash: Hash = (text, encoding) => {
  if (encoding !== undefined || !text.startsWith('http://')) return digestOf(text, encoding)
  const known = hashes.get(text)
  if (known !== undefined) return known
  if (hashes.size >= hashesMost) hashes.clear()
  const digest = digestOf(text)
  hashes.set(text, digest)
  return digest
}

/** Written from the bytes: a part of a longer text is several times slower to compare. */
const digestOf: Hash = (text, encoding) =>
  createHash('sha256')
    .update(text, encoding ?? 'utf8')
    .digest()
    .toString('hex', 0, 20)

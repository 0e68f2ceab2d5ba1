/** What has happened in a world: its trace, its log, and the first thing that was not in order. */
import type { Log } from '../ports.ts'
import type { Host } from './host.ts'
import type { Guards } from './guards.ts'
import { Trace } from './trace.ts'

export class History {
  readonly trace = new Trace()
  /** Whether the properties of networks are demanded at every moment. */
  demanding = true
  /** The first violation of a property, or mistake of a node: it ends the run. */
  failure: Error | undefined
  readonly #seed: number
  readonly #now: () => number
  readonly #guards: Guards
  readonly #log: ((line: string) => void) | undefined
  /** Hosts whose code has run since the last look. */
  readonly #touched = new Set<Host>()

  constructor(seed: number, now: () => number, guards: Guards, log: ((line: string) => void) | undefined) {
    this.#seed = seed
    this.#now = now
    this.#guards = guards
    this.#log = log
  }

  touch(host: Host): void {
    this.#touched.add(host)
  }

  /** Looks at every node whose code has run. Returns whether the run is over. */
  look(): boolean {
    const changed = this.#guards.look(this.#touched)
    this.#touched.clear()
    if (this.demanding)
      for (const network of changed) {
        const wrong = this.#guards.of(network).violations()
        if (wrong.length > 0) this.failure ??= this.error(wrong.join('\n'))
      }
    return this.failure !== undefined
  }

  /** Something was done to a host from outside. */
  mark(host: Host, event: string): void {
    this.trace.add(this.#now(), -1, host.index, event)
    this.#log?.(`${this.#now()} ${host.url} ${event}`)
  }

  /** A node logs something. What it logs as an error is a mistake in its code. */
  note(host: Host, level: keyof Log, fields: object, event: string): void {
    this.#log?.(`${this.#now()} ${host.url} ${level} ${event} ${JSON.stringify(fields)}`)
    if (level === 'error') this.blame(host, 'err' in fields ? fields.err : new Error(event))
  }

  /** Only a mistake in the code of a node can bring this about. */
  blame(host: Host, error: unknown): void {
    this.failure ??= this.error(`${host.url}: ${error instanceof Error ? error.stack : String(error)}`, { cause: error })
  }

  /** With what it takes to see it again. */
  error(words: string, options?: ErrorOptions): Error {
    return new Error(`seed ${this.#seed}, at ${this.#now()} ms: ${words}`, options)
  }
}

/** Work that nobody waits for: the jobs of a node, and what follows from its calls. That the world was in its way is no news. */
import type { Job } from '../overlay/overlay.ts'
import type { Clock, Log } from '../ports.ts'
import { Refusal, Unreachable } from '../protocol/errors.ts'

export class Work {
  readonly #clock: Clock
  readonly #log: Log
  readonly #lost: (why: Refusal) => Promise<void> | undefined
  #stops: (() => void)[] = []

  /** @param lost told when the id of this node is another's; undefined where that is of no consequence any more, and then it is news like any other */
  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }, lost: (why: Refusal) => Promise<void> | undefined) {
    this.#clock = clock
    this.#log = log
    this.#lost = lost
  }

  /** Does each from time to time, until the end. */
  begin(jobs: readonly Job[]): void {
    this.#stops = jobs.map(({ name, everyMs, run }) => this.#clock.every(everyMs, () => this.attempt(name, run)))
  }

  end(): void {
    for (const stop of this.#stops) stop()
    this.#stops = []
  }

  async attempt(name: string, run: () => Promise<unknown>): Promise<void> {
    try {
      await run()
    } catch (error) {
      const loss = error instanceof Refusal && error.code === 'ID_TAKEN' ? this.#lost(error) : undefined
      if (loss) return loss
      if (error instanceof Unreachable || error instanceof Refusal)
        this.#log.debug({ job: name, why: error.message }, 'job given up')
      else this.#log.error({ job: name, err: error }, 'job failed')
    }
  }
}

/**
 * How a node goes for good: its content first, then its place in the overlay, then a while of answering those who have not heard.
 *
 * Nothing is given up before somebody else has it: a leaver whose content nobody takes stays.
 */
import type { Content } from '../content/content.ts'
import type { Swim } from '../membership/swim.ts'
import type { Overlay } from '../overlay/overlay.ts'
import type { Clock, Log } from '../ports.ts'
import { Refusal, Unreachable } from '../protocol/errors.ts'

/** For so long a leaver that has not had everything yet waits for it, so that it can tell its heirs that it has; and so often it looks. */
const wholeMs = 5000
const lookMs = 100
/** Times that a leaver tries to hand over the last of its content before it stays. */
const handOvers = 5

export interface Leaver {
  readonly content: Content
  readonly overlay: Overlay
  readonly swim: Swim | undefined
  readonly ports: { readonly log: Log; readonly clock: Clock }
  /** Within which the others hear of who is gone: a round of theirs. */
  readonly pauseMs: number
  /** The node's own work, which ends with a departure; begun again where that is taken back. */
  beginWork(): void
  endWork(): void
  /** Called once: nothing more is to be served. */
  left(): void
}

export class Departure {
  readonly #leaver: Leaver
  #state: 'none' | 'leaving' | 'left' = 'none'
  #stopping = false

  constructor(leaver: Leaver) {
    this.#leaver = leaver
  }

  get state(): 'none' | 'leaving' | 'left' {
    return this.#state
  }

  get hasBegun(): boolean {
    return this.#state !== 'none'
  }

  /** The process ends: no leave is taken back any more. */
  stop(): void {
    this.#stopping = true
    this.#begin()
  }

  /** Leaves, or stays where nobody takes the content. */
  async leave(): Promise<void> {
    const { ports, overlay, swim, pauseMs } = this.#leaver
    const { log, clock } = ports
    this.#state = 'leaving'
    await this.#beWhole()
    this.#begin()
    const { moved, left } = await this.#handOver()
    if (left > 0) {
      log.warn({ left }, 'leave given up: nobody takes the content')
      return this.#stay()
    }
    await overlay.leave()
    await swim?.leave()
    log.info({ moved }, 'node left')
    await clock.sleep(pauseMs)
    this.#end()
  }

  /** This node's id is another's now. Its content goes to the heirs all the same, however long that takes; then it stops. */
  async retire(why: Refusal): Promise<void> {
    const { ports, content, swim, pauseMs } = this.#leaver
    const { log, clock } = ports
    log.error({ why: why.message }, 'id lost')
    this.#begin()
    content.holdings.cells.accept('nothing')
    while (!(await this.#isHandedOver())) await clock.sleep(pauseMs)
    swim?.stop()
    this.#end()
  }

  async #isHandedOver(): Promise<boolean> {
    try {
      return (await this.#leaver.content.rehoming.handOver()).left === 0
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof Unreachable)) throw error
      this.#leaver.ports.log.warn({ why: error.message }, 'content not handed over yet')
      return false
    }
  }

  /** Hands the content over, refusing writes for the last of it. */
  async #handOver(): Promise<{ moved: number; left: number }> {
    const { ports, content, pauseMs } = this.#leaver
    const { rehoming, holdings } = content
    try {
      holdings.cells.accept('own')
      let { moved, left } = await rehoming.handOver()
      holdings.cells.accept('nothing')
      // An heir may have gone itself, or be behind with its work: the network has to hear of it first.
      for (let time = 0; time === 0 || (time < handOvers && left > 0); time++) {
        if (time > 0) await ports.clock.sleep(pauseMs)
        const more = await rehoming.handOver()
        moved += more.moved
        left = more.left
      }
      return { moved, left }
    } catch (error) {
      this.#stay()
      throw error
    }
  }

  /** Waits a while for what it has yet to be given: the word of one that has not had everything is of no use to its heirs. */
  async #beWhole(): Promise<void> {
    const { ports, content } = this.#leaver
    const { cells } = content.holdings
    for (let waited = 0; waited < wholeMs && !this.#stopping; waited += lookMs) {
      if (cells.areWhole || cells.all().length === 0) return
      await ports.clock.sleep(lookMs)
    }
  }

  /** The node does no work of its own any more. */
  #begin(): void {
    if (!this.hasBegun) this.#state = 'leaving'
    this.#leaver.endWork()
  }

  /** Takes a leave back. */
  #stay(): void {
    if (this.#stopping) return
    const { content } = this.#leaver
    content.holdings.cells.accept('all')
    content.rehoming.resume()
    this.#state = 'none'
    this.#leaver.beginWork()
  }

  #end(): void {
    this.#state = 'left'
    this.#leaver.left()
  }
}

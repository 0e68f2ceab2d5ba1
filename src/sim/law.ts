/** What may befall the nodes of a world without going beyond what the protocol assumes of it, and what it promises. */
import type { Id } from '../space/id.ts'
import type { Clocks } from './clocks.ts'
import type { Guard } from './guard.ts'
import type { Host } from './host.ts'
import type { Ledger } from './ledger.ts'

/** What the law looks at. */
export interface State {
  readonly ledger: Ledger
  readonly clocks: Clocks
  host(id: Id): Host
  /** Of a network, as it is now. */
  guard(network: string): Guard
  /** Who has been asked to go, and is still here. */
  going(): ReadonlySet<Id>
}

export class Law {
  readonly #state: State

  constructor(state: State) {
    this.#state = state
  }

  /** Whether this member may fail now and leave everyone something to repair the network with, and to know the time by. */
  mayFail(id: Id): boolean {
    return this.#guardOf(id).mayFail(id, this.#state.going()) && this.#state.clocks.maySpare(this.#state.host(id))
  }

  /** Whether this member may go now, which takes a while. */
  mayGo(id: Id): boolean {
    return (
      this.#guardOf(id).mayGo(id, new Set(this.#state.going()).add(id)) && this.#state.clocks.maySpare(this.#state.host(id))
    )
  }

  /** Whether that node, gone, may come back. */
  mayReturn(id: Id): boolean {
    return this.#guardOf(id).mayReturn(id)
  }

  /** Whether the disk of that node may go down or be lost: of all that it keeps there are copies to lose. */
  maySpare(id: Id): boolean {
    return this.#state.ledger.maySpare(this.#state.host(id))
  }

  /** Whether the clock of that node may be wrong: of those who watch each other, as long as most are right. */
  mayStray(id: Id): boolean {
    const host = this.#state.host(id)
    return host.node?.config.membership !== 'off' && this.#state.clocks.mayStray(host)
  }

  #guardOf(id: Id): Guard {
    return this.#state.guard(this.#state.host(id).last?.network ?? '')
  }
}

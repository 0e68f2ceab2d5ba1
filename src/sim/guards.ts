/** The networks of a world, each with its guard, as their members see them at this moment. */
import type { NodeConfig } from '../node/config.ts'
import type { OverlayName } from '../overlay/overlays.ts'
import type { Id } from '../space/id.ts'
import { type Guard, TableGuard } from './guard.ts'
import type { Host } from './host.ts'
import type { Carried } from './network.ts'
import { RingGuard } from './ring-guard.ts'

/** Guards that know better than what holds of every overlay. */
const special: Partial<Record<OverlayName, (config: NodeConfig, carried: () => readonly Carried[]) => Guard>> = {
  chord: ({ successors }, carried) => new RingGuard(successors, carried),
}

/** Where a node stood in which network when last looked at. */
interface Stand {
  readonly network: string
  readonly id: Id
  readonly revision: number
}

export class Guards {
  readonly #config: NodeConfig
  readonly #carried: (network: string) => readonly Carried[]
  readonly #guards = new Map<string, Guard>()
  readonly #stands = new Map<Host, Stand>()

  /** @param carried what is on its way to be adopted */
  constructor(config: NodeConfig, carried: (network: string) => readonly Carried[]) {
    this.#config = config
    this.#carried = carried
  }

  of(network: string): Guard {
    let guard = this.#guards.get(network)
    if (!guard) {
      const carried = () => this.#carried(network)
      guard = special[this.#config.overlay]?.(this.#config, carried) ?? new TableGuard(this.#config)
      this.#guards.set(network, guard)
    }
    return guard
  }

  /** Reads these nodes anew. Returns the networks that have changed. */
  look(hosts: Iterable<Host>): Set<string> {
    const changed = new Set<string>()
    for (const host of hosts) {
      const was = this.#stands.get(host)
      const { node } = host
      const stays = was && node && was.id === node.me.id && was.network === node.config.network
      if (stays && was.revision === node.overlay.revision) continue
      if (was && !(stays && node.overlay.isMember)) this.#remove(host, was, changed)
      if (!node?.overlay.isMember) continue
      const stand = { network: node.config.network, id: node.me.id, revision: node.overlay.revision }
      this.#stands.set(host, stand)
      this.of(stand.network).set(stand.id, node.overlay.attributes)
      changed.add(stand.network)
    }
    return changed
  }

  #remove(host: Host, { network, id }: Stand, changed: Set<string>): void {
    this.of(network).delete(id)
    this.#stands.delete(host)
    changed.add(network)
  }
}

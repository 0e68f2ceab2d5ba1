/**
 * What peers say of arcs, in one pass over the cells: who is asked about one arc is asked about all that come after it in the same
 * call. So a pass over cells that agree costs about one call for each neighbour, however many they are.
 */
import { type Digest, digestArcs } from '../protocol/peer-api.ts'
import type { Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import type { Arc } from '../space/ring.ts'
import { digestsOf, passOver } from './reconcile.ts'
import type { Party } from './transfer.ts'

/** How long an answer is as good as a new one. */
const freshMs = 250

interface Answer {
  readonly digest: Digest
  /** By `Clock.now`. */
  readonly at: number
}

export class Survey {
  readonly #party: Party
  /** By peer, what it is to be asked about. */
  readonly #arcs = new Map<Id, Arc[]>()
  /** By peer, what it said; undefined: it did not answer. */
  readonly #said = new Map<Id, Map<Arc, Answer> | undefined>()

  /** @param plan whom to ask about what, in this order */
  constructor(party: Party, plan: Iterable<readonly [Arc, readonly Peer[]]>) {
    this.#party = party
    for (const [arc, peers] of plan) for (const { id } of peers) this.#arcs.set(id, [...(this.#arcs.get(id) ?? []), arc])
  }

  /** What a peer says of an arc of the plan. Undefined when it has not answered in this pass. */
  async of(peer: Peer, arc: Arc): Promise<Digest | undefined> {
    const said = this.#said.get(peer.id)
    if (!said && this.#said.has(peer.id)) return undefined
    const known = said?.get(arc)
    if (known && this.#party.clock.now() - known.at <= freshMs) return known.digest
    const arcs = this.#arcs.get(peer.id) ?? []
    const rest = arcs.slice(arcs.indexOf(arc)).slice(0, digestArcs)
    try {
      const digests = await digestsOf(this.#party, peer, rest)
      const at = this.#party.clock.now()
      this.#said.set(peer.id, new Map(digests.map((digest, which) => [rest[which] as Arc, { digest, at }])))
      return digests[0]
    } catch (error) {
      this.#said.set(peer.id, undefined)
      return passOver(this.#party, peer, error)
    }
  }
}

/**
 * What membership and the overlay tell each other: what becomes of calls is a hint to whoever watches, and what membership says of a
 * member is a hint to the overlay, to route around and to look who is there. Neither takes the other's word for a verdict.
 */
import type { MemberEvent } from '../membership/members.ts'
import { parseTags } from '../membership/options.ts'
import { Swim } from '../membership/swim.ts'
import type { Overlay } from '../overlay/overlay.ts'
import type { Ports } from '../ports.ts'
import { Refusal, Unreachable } from '../protocol/errors.ts'
import type { Network } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import { type NodeApi, version } from './api.ts'
import type { NodeConfig } from './config.ts'

/** The node that looks out; its overlay comes after its lookout. */
interface Watcher {
  overlay(): Overlay
  /** Whether it goes: hints are of no use to it any more. */
  isGoing(): boolean
  /** Moves what is to be moved. */
  rehome(): void
}

export class Lookout {
  /** Undefined where nobody watches who is there. */
  readonly swim: Swim | undefined
  readonly #me: Peer
  readonly #ports: Ports<NodeApi>
  readonly #node: Watcher
  /** As it was when last looked. */
  #cutOff = false

  /** @param ports those without hints: what fails here is known here */
  constructor(config: NodeConfig, me: Peer, ports: Ports<NodeApi>, node: Watcher) {
    this.#me = me
    this.#ports = ports
    this.#node = node
    const { name, overlay, incarnation, tags } = config
    if (config.membership === 'off') return
    this.swim = new Swim({
      me,
      incarnation,
      meta: { name, overlay, version, tags: parseTags(tags) ?? {} },
      options: config,
      ports,
      accepts: (peer) => node.overlay().isSound(peer),
      neighbors: () => node.overlay().neighbors(),
      notify: (event) => this.#heed(event),
    })
  }

  get isCutOff(): boolean {
    return this.swim?.isCutOff ?? false
  }

  /** @throws Refusal BAD_REQUEST where nobody watches */
  watching(): Swim {
    if (this.swim) return this.swim
    throw new Refusal('BAD_REQUEST', 'this network runs with membership=off: boot one without that')
  }

  /** Whoever answered is there; a call that failed is a hint to probe, never a verdict. */
  hinting(network: Network<NodeApi>): Network<NodeApi> {
    return {
      call: (peer, name, request) => {
        const { clock } = this.#ports
        const began = clock.now()
        const answered = () => {
          this.#node.overlay().admit(peer, clock.now() - began)
          this.swim?.answered(peer.id)
        }
        const reply = network.call(peer, name, request)
        reply.then(answered, (error: unknown) => {
          if (error instanceof Unreachable) this.swim?.hint(peer.id, error.isRefused)
          else if (error instanceof Refusal) answered()
        })
        return reply
      },
    }
  }

  /** Whoever is cut off would copy everything to those who are left beside it; afterwards there is something to do. */
  look(): void {
    const { isCutOff } = this
    if (isCutOff === this.#cutOff) return
    this.#cutOff = isCutOff
    const { log } = this.#ports
    if (isCutOff)
      return log.warn({}, 'most members fell silent at once: this node is cut off, and begins no repair for half a minute')
    log.info({}, 'not cut off any more, or the others are dead')
    this.#node.rehome()
  }

  /** What membership says is a hint: to route around, and to look who is there. */
  #heed({ kind, member }: MemberEvent): void {
    const { id, url, state, incarnation } = member
    const { log } = this.#ports
    if (id === this.#me.id) {
      if (kind === 'conflict') log.warn({ url }, 'another node claims the id of this one')
      return
    }
    if (kind === 'conflict') return log.warn({ peer: id, url }, 'two nodes claim one id')
    if (kind === 'update' || kind === 'reap') return
    log.info({ peer: id, url, incarnation }, `member ${kind === 'join' ? 'joined' : kind === 'left' ? 'left' : `is ${kind}`}`)
    if (this.#node.isGoing()) return
    if (state === 'dead' || state === 'left') this.#node.overlay().evict(id)
    if (state === 'alive') this.#node.overlay().introduce({ id, url })
    this.look()
  }
}

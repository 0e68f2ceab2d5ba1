/**
 * Calls between hosts: a request message, a reply message, and what can become of each.
 *
 * The caller of a dead address is refused at once, or, where deaths are silent, timed out as of any other silent one. Whoever answers with another id, or from
 * another network, is refused as over HTTP. With `encode` a message is copied through JSON and checked against its row, as
 * the service would, so that no two nodes share an object; large worlds do without.
 */
import { Compile, type Validator } from 'typebox/compile'
import { type NodeApi, nodeApi } from '../node/api.ts'
import type { NodeConfig } from '../node/config.ts'
import type { OverlayName } from '../overlay/overlays.ts'
import type { Random } from '../ports.ts'
import { type ErrorBody, errorFromPeer, Refusal, Unreachable } from '../protocol/errors.ts'
import type { Network, Reply, Request } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { Deadlines } from './deadlines.ts'
import type { Host } from './host.ts'
import { happens } from './random.ts'
import type { Timeline } from './timeline.ts'
import type { Trace } from './trace.ts'
import type { Weather } from './weather.ts'

type Call = keyof NodeApi

/** What came of a call: the reply, or the error that was answered. */
export type Answer = { readonly reply: unknown } | { readonly error: ErrorBody }

/**
 * A successor list on its way to someone who will adopt it, or in the hands of a joiner: as much a part of the ring's state
 * as a list at home.
 */
export interface Carried {
  readonly network: string
  readonly to: Id
  readonly list: readonly Id[]
}

interface Parcel extends Carried {
  readonly host: Host
  /** Of the receiver. */
  readonly life: number
  arrived: boolean
}

export interface NetworkSetting {
  readonly timeline: Timeline
  readonly trace: Trace
  /** Gets a line for every message delivered. */
  readonly log: ((line: string) => void) | undefined
  readonly encode: boolean
  weather(): Weather
  /** How long a message is under way. */
  travelMs(from: Host, to: string, random: Random): number
  hostAt(url: string): Host | undefined
  blame(host: Host, error: unknown): void
}

export class SimNetwork {
  /** Whether messages from one url to another are swallowed. */
  blocks: (from: string, to: string) => boolean = () => false
  readonly #world: NetworkSetting
  readonly #parcels = new Set<Parcel>()
  #messages = 0

  constructor(world: NetworkSetting) {
    this.#world = world
  }

  /** Messages delivered: requests and replies. */
  get messages(): number {
    return this.#messages
  }

  /** Lists that have been sent, and neither been adopted nor lost. */
  carried(network: string): Carried[] {
    for (const parcel of this.#parcels) {
      const { arrived, host, life } = parcel
      if (life !== host.life || (arrived && isMember(host))) this.#parcels.delete(parcel)
    }
    return [...this.#parcels].filter((parcel) => parcel.network === network)
  }

  /** The network port of a host's present life. */
  connect(host: Host, { callTimeoutMs, network }: NodeConfig, random: Random): Network<NodeApi> {
    const life = host.life
    const deadlines = new Deadlines(host, () => this.#world.timeline.now, callTimeoutMs)
    return {
      call: <N extends Call & string>(peer: Peer, name: N, request: Request<NodeApi[N]>) =>
        new Promise<Reply<NodeApi[N]>>((resolve, reject) => {
          if (life !== host.life) return
          const end = deadlines.begin(() => reject(new Unreachable(peer.url, 'timed out')))
          const sent = this.#write(host, name, 'request', request)
          const refused = () => {
            if (end()) reject(new Unreachable(peer.url, 'connection refused', { isRefused: true }))
          }
          const answered = (answer: Answer) => {
            if (!end()) return
            if ('error' in answer) reject(errorFromPeer(peer.url, answer.error))
            else resolve(answer.reply as Reply<NodeApi[N]>)
          }
          const copies = happens(random, this.#world.weather().duplicatePerMille) ? 2 : 1
          for (let copy = 0; copy < copies; copy++)
            this.#ask(host, random, { life, peer, network, name, sent, answered, refused })
        }),
    }
  }

  /** Runs a node's handler for someone outside the network. */
  async serve(host: Host, name: Call, request: unknown): Promise<Answer> {
    const handle = host.node?.handlers[name] as ((request: unknown) => unknown) | undefined
    if (!handle) throw new Error(`nobody listens at ${host.url}`)
    try {
      return { reply: await handle(request) }
    } catch (error) {
      if (error instanceof Refusal) return { error: error.toBody() }
      this.#world.blame(host, error)
      return { error: { error: 'INTERNAL', message: String(error) } }
    }
  }

  #ask(from: Host, random: Random, question: Question): void {
    const { timeline, trace, log, weather, travelMs, hostAt } = this.#world
    const { life, peer, name, network, sent } = question
    if (this.blocks(from.url, peer.url) || happens(random, weather().lossPerMille)) return
    timeline.after(
      travelMs(from, peer.url, random),
      () => {
        const to = hostAt(peer.url)
        if (!to?.node && weather().silentDeaths) return
        if (!to?.node)
          return timeline.after(travelMs(from, peer.url, random), () => from.during(life, question.refused), random)
        to.during(to.life, () => {
          const { node } = to
          if (!node) return
          this.#messages++
          trace.add(timeline.now, from.index, to.index, name + sent.text)
          log?.(`${timeline.now} ${from.url} > ${to.url} ${name} ${sent.text}`)
          const stranger = strangerAt(node.config.network, node.me.id, network, peer.id)
          if (stranger) return this.#reply(from, to, random, question, { error: stranger })
          const answering = to.life
          void this.serve(to, name, sent.read()).then((answer) => {
            if (answering === to.life) this.#reply(from, to, random, question, answer)
          })
        })
      },
      random,
    )
  }

  #reply(from: Host, to: Host, random: Random, { life, name, network, answered }: Question, answer: Answer): void {
    const { timeline, trace, log, weather, travelMs } = this.#world
    if (this.blocks(to.url, from.url) || happens(random, weather().replyLossPerMille)) return
    const sent = 'error' in answer ? this.#copy(answer.error) : this.#write(to, name, 'reply', answer.reply)
    const parcel = name === 'neighborhood' && 'reply' in answer ? parcelFor(from, life, network, answer.reply) : undefined
    if (parcel) this.#parcels.add(parcel)
    timeline.after(
      travelMs(to, from.url, random),
      () => {
        from.during(life, () => {
          if (parcel) parcel.arrived = true
          if (parcel && isMember(from)) this.#parcels.delete(parcel)
          this.#messages++
          trace.add(timeline.now, to.index, from.index, name + sent.text)
          log?.(`${timeline.now} ${from.url} < ${to.url} ${name} ${sent.text}`)
          answered('error' in answer ? { error: sent.read() as ErrorBody } : { reply: sent.read() })
        })
      },
      random,
    )
  }

  /** What a row says of a message is held against it. */
  #write(sender: Host, name: Call, part: 'request' | 'reply', message: unknown): Letter {
    const letter = this.#copy(message)
    if (!this.#world.encode) return letter
    const validator = validatorOf(sender.node?.config.overlay ?? 'chord', name, part)
    if (!validator.Check(letter.value)) {
      const [wrong] = validator.Errors(letter.value)
      this.#world.blame(
        sender,
        new Error(`the ${part} of ${name} is not its row's: ${wrong?.instancePath} ${wrong?.message} in ${letter.text}`),
      )
    }
    return letter
  }

  #copy(message: unknown): Letter {
    return this.#world.encode ? new Letter(JSON.stringify(message)) : new Letter('', message)
  }
}

/** A message on its way. */
class Letter {
  /** JSON; empty for a message that is shared. */
  readonly text: string
  /** What its first reader gets; a second one gets a copy of his own. */
  readonly value: unknown
  #isRead = false

  constructor(text: string, value: unknown = JSON.parse(text)) {
    this.text = text
    this.value = value
  }

  read(): unknown {
    if (!this.#isRead || this.text === '') {
      this.#isRead = true
      return this.value
    }
    return JSON.parse(this.text)
  }
}

interface Question {
  /** Of the caller: a reply to an earlier life is heard by nobody. */
  readonly life: number
  readonly peer: Peer
  readonly network: string
  readonly name: Call
  readonly sent: Letter
  answered(answer: Answer): void
  refused(): void
}

const strangerAt = (network: string, id: Id, wantedNetwork: string, wantedId: Id): ErrorBody | undefined => {
  if (network !== wantedNetwork) return { error: 'OTHER_NETWORK', message: `this node belongs to network ${network}` }
  if (id !== wantedId) return { error: 'WRONG_NODE', message: `node ${id} lives here` }
  return undefined
}

/** A member puts the sender at the head of the list; a joiner copies the list of the node before it. */
const parcelFor = (host: Host, life: number, network: string, reply: unknown): Parcel => {
  const { self, successors } = reply as Reply<NodeApi['neighborhood']>
  const list = (isMember(host) ? [self, ...successors] : successors).map(({ id }) => id)
  return { network, to: host.id ?? '', list, host, life, arrived: false }
}

const isMember = ({ node }: Host): boolean => node?.overlay.isMember ?? false

const validators = new Map<string, Validator>()

const validatorOf = (overlay: OverlayName, name: Call, part: 'request' | 'reply'): Validator => {
  const label = `${overlay} ${name} ${part}`
  const known = validators.get(label)
  if (known) return known
  const validator = Compile(nodeApi(overlay)[name][part])
  validators.set(label, validator)
  return validator
}

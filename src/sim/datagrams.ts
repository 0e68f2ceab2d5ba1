/**
 * Packets between hosts, each sent and forgotten: it may be lost, come twice or be overtaken, and whoever is meant by it may be
 * gone, or somebody else. With `encode` a packet is copied through JSON, checked against its type, and must fit one datagram.
 */
import { Compile } from 'typebox/compile'
import type { NodeConfig } from '../node/config.ts'
import type { Datagrams, Random, Sender } from '../ports.ts'
import { type Packet, packetBytes, packets } from '../protocol/packets.ts'
import type { Peer } from '../protocol/schemas.ts'
import type { Host } from './host.ts'
import type { NetworkSetting } from './network.ts'
import { happens } from './random.ts'

export interface DatagramSetting extends NetworkSetting {
  /** Whether packets from one url to another are swallowed. */
  blocks(from: string, to: string): boolean
}

/** What a header and a signature take of a datagram at the most. */
const headerBytes = 160

export class SimDatagrams {
  readonly #world: DatagramSetting

  constructor(world: DatagramSetting) {
    this.#world = world
  }

  /** The datagrams port of a host's present life. */
  connect(host: Host, { network, incarnation, url }: NodeConfig, random: Random): Datagrams {
    const life = host.life
    return {
      send: (to, packet) => {
        const id = host.id
        if (life !== host.life || id === undefined) return
        const sent = this.#write(host, packet)
        const copies = happens(random, this.#world.weather().duplicatePerMille) ? 2 : 1
        for (let copy = 0; copy < copies; copy++)
          this.#send(host, random, { to, network, sender: { id, url, incarnation }, sent })
      },
    }
  }

  #send(from: Host, random: Random, { to: peer, network, sender, sent }: Envelope): void {
    const { timeline, trace, log, weather, travelMs, hostAt } = this.#world
    if (this.#world.blocks(from.url, peer.url) || happens(random, weather().lossPerMille)) return
    timeline.after(
      travelMs(from, peer.url, random),
      () => {
        const to = hostAt(peer.url)
        to?.during(to.life, () => {
          const { node } = to
          if (node?.config.network !== network || node.me.id !== peer.id) return
          trace.add(timeline.now, from.index, to.index, sent.type + sent.text)
          log?.(`${timeline.now} ${from.url} ~ ${to.url} ${sent.type} ${sent.text}`)
          node.hear(sent.read(), sender)
        })
      },
      random,
    )
  }

  #write(sender: Host, packet: Packet): Sent {
    const { type, ...body } = packet
    if (!this.#world.encode) return { type, text: '', read: () => packet }
    const text = JSON.stringify(body)
    const [wrong] = validators[type].Errors(body)
    const bytes = headerBytes + Buffer.byteLength(text)
    if (wrong)
      this.#world.blame(
        sender,
        new Error(`a ${type} is not as it should be: ${wrong.instancePath} ${wrong.message} in ${text}`),
      )
    if (bytes > packetBytes) this.#world.blame(sender, new Error(`a ${type} of ${bytes} bytes: ${text}`))
    return { type, text, read: () => ({ type, ...JSON.parse(text) }) as Packet }
  }
}

interface Envelope {
  readonly to: Peer
  readonly network: string
  readonly sender: Sender
  readonly sent: Sent
}

/** A packet on its way; its text is empty where it is shared. */
interface Sent {
  readonly type: Packet['type']
  readonly text: string
  read(): Packet
}

const validators = {
  ping: Compile(packets.ping),
  ack: Compile(packets.ack),
  pingReq: Compile(packets.pingReq),
  nack: Compile(packets.nack),
  gossip: Compile(packets.gossip),
}

/**
 * The datagrams port over UDP: one socket, at the address and the port number of the HTTP server. What cannot be sent is lost, as
 * it may be on the way; nothing that comes in, and no error of the socket, ends the node.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { lookup } from 'node:dns/promises'
import type { Datagrams, Log, Sender } from '../ports.ts'
import type { Packet, PacketType } from '../protocol/packets.ts'
import type { Peer } from '../protocol/schemas.ts'
import { remember } from '../space/memory.ts'
import { type Address, Addresses } from './addresses.ts'
import type { Drop, PacketCodec } from './packet.ts'

/** A packet that could not be sent is dropped as well. */
export type Loss = Drop | 'unsent'

/** Peers whose urls are remembered by their addresses. */
const urlsMost = 4096

export interface DatagramSetting {
  readonly codec: PacketCodec
  readonly log: Log
  readonly hear: (packet: Packet, from: Sender) => void
  readonly observe: PacketCounts
}

/** What is counted of packets. */
export interface PacketCounts {
  sent(type: PacketType): void
  received(type: PacketType): void
  dropped(reason: Loss): void
}

export class UdpDatagrams implements Datagrams {
  readonly #setting: DatagramSetting
  /** `'127.0.0.1:10001'` → the url under which we know that peer. */
  readonly #urls = new Map<string, string>()
  #bound: Bound | undefined

  constructor(setting: DatagramSetting) {
    this.#setting = setting
  }

  /** Listens. @throws Error with the code of the system, EADDRINUSE when another program has the port */
  async bind(host: string, port: number): Promise<void> {
    const { address, family } = await lookup(host)
    const socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4' })
    try {
      socket.bind(port, address)
      await once(socket, 'listening')
    } catch (error) {
      socket.close()
      throw error
    }
    const { log } = this.#setting
    socket.on('error', (error) => log.warn({ err: error }, 'socket for packets failed'))
    socket.on('message', (bytes, from) => this.#open(bytes, from))
    this.#bound = { socket, mapped: family === 6, addresses: new Addresses(family === 6 ? 0 : 4) }
  }

  send(to: Peer, packet: Packet): void {
    if (!this.#bound) return
    const bytes = this.#setting.codec.seal(to.id, packet)
    const address = this.#bound.addresses.of(to.url)
    if (address instanceof Promise) void address.then((found) => this.#send(bytes, packet.type, to, found))
    else this.#send(bytes, packet.type, to, address)
  }

  close(): void {
    this.#bound?.socket.close()
    this.#bound = undefined
  }

  #send(bytes: Buffer, type: PacketType, { url }: Peer, to: Address | undefined): void {
    if (!this.#bound) return
    const { socket, mapped } = this.#bound
    const { observe, log } = this.#setting
    if (!to || (to.family === 6 && !mapped)) {
      observe.dropped('unsent')
      log.debug(
        { url, why: to ? 'it has an address of IPv6, and this node of IPv4' : 'its name is unknown' },
        'packet not sent',
      )
      return
    }
    this.#know(to, url)
    socket.send(bytes, to.port, mapped && to.family === 4 ? `::ffff:${to.address}` : to.address, (error) => {
      if (!error) return observe.sent(type)
      observe.dropped('unsent')
      log.debug({ url, why: error.message }, 'packet not sent')
    })
  }

  #open(bytes: Buffer, from: RemoteInfo): void {
    const { codec, observe, hear, log } = this.#setting
    const place = placeOf(from)
    try {
      const opened = codec.open(bytes)
      if (typeof opened === 'string') return observe.dropped(opened)
      const { packet, sender } = opened
      observe.received(packet.type)
      hear(packet, { ...sender, url: this.#urls.get(place) ?? `http://${place}` })
    } catch (error) {
      // A defect of ours; and nobody shall end a node by one packet.
      log.error({ err: error, from: place }, 'packet failed')
    }
  }

  /** Whoever is not met again is forgotten. */
  #know(address: Address, url: string): void {
    const place = placeOf(address)
    if (this.#urls.get(place) !== url) remember(this.#urls, place, url, urlsMost)
  }
}

interface Bound {
  readonly socket: Socket
  /** Whether addresses of IPv4 look like those of IPv6 here. */
  readonly mapped: boolean
  readonly addresses: Addresses
}

/** `'127.0.0.1:10001'`, `'[::1]:10001'`. */
const placeOf = ({ address, port }: Pick<RemoteInfo, 'address' | 'port'>): string => {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '')
  return `${plain.includes(':') ? `[${plain}]` : plain}:${port}`
}

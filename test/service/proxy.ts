/**
 * A proxy before each node, at the address that it advertises: what one node sends to another can be lost there.
 *
 * A packet tells who sends it by the port that it comes from, and goes on from that sender's proxy, so that it comes from where the
 * sender is known to be. A connection belongs to the node that has signed its first call; whoever signs nothing is turned away. A cut in
 * one direction loses packets in that direction, and stops connections in both, as it does in a network that loses acknowledgements.
 */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket as Connection } from 'node:net'
import { pipeline, Transform } from 'node:stream'
import type { Service } from '../../src/service/service.ts'
import { parseSignature, signatureHeader } from '../../src/service/signature.ts'
import type { Id } from '../../src/space/id.ts'

const host = '127.0.0.1'

interface Proxy {
  readonly id: Id
  /** Where the node itself listens. */
  readonly port: number
  readonly server: Server
  readonly socket: Socket
}

type Node = Pick<Service, 'me'>

export class Proxies {
  readonly #byPort = new Map<number, Proxy>()
  readonly #connections = new Set<Connection>()
  /** `'<id of the sender> <id of the receiver>'` */
  readonly #cuts = new Set<string>()

  /** The url to advertise for a node that is to listen at a port of its own. */
  async open(id: Id, port: number): Promise<string> {
    const server = createServer((caller) => this.#connect(caller, proxy)).listen(0, host)
    await once(server, 'listening')
    const advertised = (server.address() as AddressInfo).port
    const socket = createSocket('udp4').bind(advertised, host)
    await once(socket, 'listening')
    const url = `http://${host}:${advertised}`
    const proxy = { id, port, server, socket }
    socket.on('message', (bytes, { port: from }) => {
      const sender = this.#byPort.get(from)
      if (sender && this.#passes(sender.id, proxy.id)) sender.socket.send(bytes, port, host)
    })
    this.#byPort.set(port, proxy)
    return url
  }

  /** From now on nothing that one of the first sends reaches one of the second. */
  cut(senders: readonly Node[], receivers: readonly Node[]): void {
    for (const from of senders) for (const to of receivers) this.#cuts.add(`${from.me.id} ${to.me.id}`)
  }

  heal(): void {
    this.#cuts.clear()
  }

  close(): void {
    for (const connection of this.#connections) connection.destroy()
    for (const { server, socket } of this.#byPort.values()) {
      server.close()
      socket.close()
    }
  }

  #passes(from: Id, to: Id): boolean {
    return !this.#cuts.has(`${from} ${to}`)
  }

  #connect(caller: Connection, { id: to, port }: Proxy): void {
    const node = connect(port, host)
    let from: Id | undefined
    const isUp = () => from !== undefined && this.#passes(from, to) && this.#passes(to, from)
    const calls = losing((bytes) => {
      from ??= callerIn(bytes)
      if (from === undefined) caller.destroy()
      return isUp()
    })
    for (const end of [caller, node]) this.#connections.add(end.once('close', () => this.#connections.delete(end)))
    pipeline(caller, calls, node, losing(isUp), caller, () => {})
  }
}

/** After the first bytes that do not pass nothing does: what would be left is no stream. Whoever waits gives up some time. */
const losing = (passes: (bytes: Buffer) => boolean): Transform =>
  new Transform({
    transform: (bytes: Buffer, _encoding, done) => {
      if (passes(bytes)) done(null, bytes)
    },
  })

const signature = new RegExp(`^${signatureHeader}: (.*)\r$`, 'm')

/** Who has signed the call that these bytes begin. */
const callerIn = (bytes: Buffer): Id | undefined => {
  const [, header = ''] = signature.exec(bytes.toString('latin1')) ?? []
  return parseSignature(header)?.caller.split('.')[0]
}

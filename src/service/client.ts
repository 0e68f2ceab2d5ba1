/**
 * The network port over HTTP: a channel and a pool of connections per peer, and nothing believed that the table does not say.
 *
 * Whatever goes wrong between us and a peer is one thing to the caller, `Unreachable`: connections refused or cut, no
 * answer in time, redirects, pages of some other program, replies that do not fit the row.
 */
import assert from 'node:assert/strict'
import { Client, Pool } from 'undici'
import { Refusal, Unreachable } from '../protocol/errors.ts'
import { channel, type Method, type Network, type Reply, type Request, type Table } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import type { Id } from '../space/id.ts'
import { Channel, type Line } from './channel.ts'
import { type Answer, exchange, upgrade } from './exchange.ts'
import { Frames } from './frames.ts'
import { peerHeaders } from './guard.ts'
import type { Validation } from './validation.ts'
import { signatureHeader, type SignedCall, type Signer } from './signature.ts'
import { bodyOf, parse, pathOf, replyIn, type Wire } from './wire.ts'

const connectionsPerPeer = 8
/** Peers that connections are kept for; those first met go first, once they have answered what was asked. */
const peersMost = 256
/** More than any honest reply. */
const replyBytesMax = 64 * 1024 * 1024

export interface ClientSetting {
  /** The id of the network. */
  readonly network: string
  readonly callTimeoutMs: number
  readonly validation: Validation
  /** Where the network has a secret: signs calls, and tells whether answers are signed. */
  readonly signer?: Signer | undefined
  /** A call had this outcome: `ok`, `unreachable`, or the code that the peer answered. */
  readonly observe: (name: string, outcome: string) => void
}

export class HttpNetwork<T extends Table> implements Network<T> {
  readonly #table: T
  readonly #setting: ClientSetting
  /** By origin. */
  readonly #pools = new Map<string, Pool>()
  /** By id and origin. */
  readonly #channels = new Map<string, Channel>()
  readonly #wires = new Map<string, Wire>()

  constructor(table: T, setting: ClientSetting) {
    this.#table = table
    this.#setting = setting
  }

  call<N extends keyof T & string>(peer: Peer, name: N, request: Request<T[N]>): Promise<Reply<T[N]>> {
    const wire = this.#wire(name)
    const reply = wire.row.channelled
      ? this.#channel(peer).call(wire, request)
      : this.#alone(peer, wire, request, this.#setting.callTimeoutMs)
    return reply as Promise<Reply<T[N]>>
  }

  async close(): Promise<void> {
    for (const [key, one] of this.#channels) one.end(new Unreachable(key, 'this node ends'))
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()))
  }

  #pool(url: string): Pool {
    let pool = this.#pools.get(url)
    if (!pool) {
      pool = new Pool(url, {
        connections: connectionsPerPeer,
        // One timer per call, ours, instead of theirs per phase.
        headersTimeout: 0,
        bodyTimeout: 0,
        maxResponseSize: replyBytesMax,
        connect: { timeout: this.#setting.callTimeoutMs },
      })
      this.#pools.set(url, pool)
      for (const [oldest, idle] of this.#pools) {
        if (this.#pools.size <= peersMost) break
        this.#pools.delete(oldest)
        void idle.close()
      }
    }
    return pool
  }

  async #alone(peer: Peer, wire: Wire, request: object, timeoutMs: number): Promise<unknown> {
    const { row } = wire
    try {
      const { status, text } = await this.#exchange(peer, row.method, pathOf(row, request), bodyOf(row, request), timeoutMs)
      const reply = replyIn(peer.url, wire, status, parse(peer.url, status, text))
      this.#observe(wire, undefined)
      return reply
    } catch (error) {
      this.#observe(wire, error)
      throw error
    }
  }

  #observe({ name }: Wire, error: unknown): void {
    if (error === undefined) this.#setting.observe(name, 'ok')
    else if (error instanceof Refusal) this.#setting.observe(name, error.code)
    else if (error instanceof Unreachable) this.#setting.observe(name, 'unreachable')
  }

  #channel(peer: Peer): Channel {
    const key = `${peer.id} ${peer.url}`
    let made = this.#channels.get(key)
    if (!made) {
      const { url } = peer
      const { callTimeoutMs } = this.#setting
      made = new Channel(
        {
          url,
          callTimeoutMs,
          open: (timeoutMs) => this.#open(peer, timeoutMs),
          alone: (wire, request, timeoutMs) => this.#alone(peer, wire, request, timeoutMs),
          observe: (wire, error) => this.#observe(wire, error),
        },
        () => this.#channels.delete(key),
      )
      this.#channels.set(key, made)
      const [oldest] = this.#channels.values()
      if (this.#channels.size > peersMost) oldest?.retire()
    }
    return made
  }

  async #exchange(
    { id, url }: Peer,
    method: Method,
    path: string,
    body: string | undefined,
    timeoutMs: number,
  ): Promise<Answer> {
    const { headers, call } = this.#headed(id, method, path, body)
    const options = { origin: url, method, path, headers, ...(body === undefined ? {} : { body }) }
    const answer = await exchange(this.#pool(url), options, timeoutMs)
    this.#assertSigned(url, call, answer)
    return answer
  }

  /** See Carrier.open. */
  async #open({ id, url }: Peer, timeoutMs: number): Promise<Line | undefined> {
    const { path, protocol } = channel
    const { headers, call } = this.#headed(id, 'GET', path, undefined)
    const options = { origin: url, method: 'GET' as const, path, headers, upgrade: protocol }
    // In the pool it would wait for large requests to end.
    const client = new Client(url, { headersTimeout: 0, connect: { timeout: timeoutMs } })
    const opened = await upgrade(client, options, timeoutMs).finally(() => void client.destroy())
    if (!opened) return undefined
    const { socket, signature } = opened
    try {
      this.#assertSigned(url, call, { status: 101, text: '', signature })
    } catch (error) {
      socket.destroy()
      throw error
    }
    const seal = this.#setting.signer && call && this.#setting.signer.seal(call)
    return { socket, frames: new Frames(replyBytesMax, 'asks', seal) }
  }

  /** What a request to a peer says before its body; and, where the network has a secret, how it is signed. */
  #headed(to: Id, method: Method, path: string, body: string | undefined): { headers: string[]; call: SignedCall | undefined } {
    const { network, signer } = this.#setting
    const headers = [peerHeaders.network, network, peerHeaders.to, to]
    if (body !== undefined) headers.push('content-type', 'application/json')
    const call = signer?.sign({ to, method, path }, body, Date.now())
    if (call) headers.push(signatureHeader, call.header)
    return { headers, call }
  }

  /** @throws Unreachable when an answer is not what the node that was called has said */
  #assertSigned(url: string, call: SignedCall | undefined, answer: Answer): void {
    const fault = call && this.#setting.signer?.faultOf(call, answer)
    if (fault !== undefined) throw new Unreachable(url, fault)
  }

  #wire(name: string): Wire {
    let wire = this.#wires.get(name)
    if (!wire) {
      const row = this.#table[name]
      assert(row, `no row ${name}`)
      wire = { name, row, valid: this.#setting.validation.strict(row.reply) }
      this.#wires.set(name, wire)
    }
    return wire
  }
}

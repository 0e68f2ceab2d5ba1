/**
 * The network port over HTTP: one pool of connections per peer, and nothing believed that the table does not say.
 *
 * Whatever goes wrong between us and a peer is one thing to the caller, `Unreachable`: connections refused or cut, no
 * answer in time, redirects, pages of some other program, replies that do not fit the row.
 */
import assert from 'node:assert/strict'
import type { ValidateFunction } from 'ajv'
import { type Dispatcher, errors, Pool } from 'undici'
import { errorFromPeer, errorStatus, isErrorBody, Refusal, Unreachable } from '../protocol/errors.ts'
import { type Network, type Reply, type Request, type Row, type Table } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import { peerHeaders } from './guard.ts'
import type { Validation } from './validation.ts'

const connectionsPerPeer = 8
/** Peers that connections are kept for; those first met go first, once they have answered what was asked. */
const poolsMax = 256
/** More than any honest reply. */
const replyBytesMax = 64 * 1024 * 1024

export interface ClientSetting {
  /** The id of the network. */
  readonly network: string
  readonly callTimeoutMs: number
  readonly validation: Validation
  /** @param outcome `ok`, `unreachable`, or the code that the peer answered */
  readonly observe: (name: string, outcome: string) => void
}

export class HttpNetwork<T extends Table> implements Network<T> {
  readonly #table: T
  readonly #setting: ClientSetting
  /** By origin. */
  readonly #pools = new Map<string, Pool>()
  readonly #wires = new Map<string, Wire>()

  constructor(table: T, setting: ClientSetting) {
    this.#table = table
    this.#setting = setting
  }

  async call<N extends keyof T & string>(peer: Peer, name: N, request: Request<T[N]>): Promise<Reply<T[N]>> {
    try {
      const wire = this.#wire(name)
      const options = this.#options(peer, wire.row, request)
      const { status, text } = await exchange(this.#pool(peer.url), options, this.#setting.callTimeoutMs)
      const reply = this.#read<N>(peer, name, wire, status, text)
      this.#setting.observe(name, 'ok')
      return reply
    } catch (error) {
      if (!(error instanceof Refusal) && !(error instanceof Unreachable)) throw error
      this.#setting.observe(name, error instanceof Refusal ? error.code : 'unreachable')
      throw error
    }
  }

  async close(): Promise<void> {
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
        if (this.#pools.size <= poolsMax) break
        this.#pools.delete(oldest)
        void idle.close()
      }
    }
    return pool
  }

  #options({ id, url }: Peer, row: Row, request: Readonly<Record<string, unknown>>): Dispatcher.DispatchOptions {
    const { network } = this.#setting
    const path = pathOf(row, request)
    if (row.body.length === 0)
      return { origin: url, method: row.method, path, headers: [peerHeaders.network, network, peerHeaders.to, id] }
    return {
      origin: url,
      method: row.method,
      path,
      headers: [peerHeaders.network, network, peerHeaders.to, id, 'content-type', 'application/json'],
      body: JSON.stringify(row.params.length === 0 ? request : without(request, row.params)),
    }
  }

  #read<N extends keyof T & string>({ url }: Peer, name: N, { row, valid }: Wire, status: number, text: string): Reply<T[N]> {
    let body: unknown
    try {
      body = JSON.parse(text)
    } catch (error) {
      throw new Unreachable(url, `status ${status} with a body that is not JSON`, { cause: error })
    }
    if (status !== row.status) {
      if (isErrorBody(body) && errorStatus[body.error] === status) throw errorFromPeer(url, body)
      throw new Unreachable(url, `status ${status} where ${row.status} was expected`)
    }
    if (!valid(body)) {
      const [error] = valid.errors ?? []
      throw new Unreachable(url, `a reply to ${name} that is none: ${error?.instancePath || 'it'} ${error?.message}`)
    }
    return body as Reply<T[N]>
  }

  #wire(name: string): Wire {
    let wire = this.#wires.get(name)
    if (!wire) {
      const row = this.#table[name]
      assert(row, `no row ${name}`)
      wire = { row, valid: this.#setting.validation.strict(row.reply) }
      this.#wires.set(name, wire)
    }
    return wire
  }
}

/** A row, and the check of its replies. */
interface Wire {
  readonly row: Row
  readonly valid: ValidateFunction
}

const without = (request: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> => {
  const rest = { ...request }
  for (const name of names) delete rest[name]
  return rest
}

const pathOf = ({ path, params, query }: Row, request: Readonly<Record<string, unknown>>): string => {
  let filled = path
  for (const name of params) filled = filled.replace(`:${name}`, encodeURIComponent(String(request[name])))
  let sign = '?'
  for (const name of query) {
    if (request[name] === undefined) continue
    filled += `${sign}${name}=${encodeURIComponent(String(request[name]))}`
    sign = '&'
  }
  return filled
}

/** One request and the whole of its answer. @throws Unreachable, Refusal TOO_LARGE */
export const exchange = (
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  timeoutMs: number,
): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined
    let status = 0
    const chunks: Buffer[] = []
    const fail = (reason: string, cause?: Error) => {
      clearTimeout(timer)
      reject(new Unreachable(String(options.origin), reason, { cause }))
    }
    const tooMuch = () => {
      clearTimeout(timer)
      reject(new Refusal('TOO_LARGE', 'the answer is too large for one call; ask for one value by ?value= or ?name='))
    }
    const timer = setTimeout(() => {
      fail(`nothing within ${timeoutMs} ms`)
      timedOut = true
      controller?.abort(new Error('timed out'))
    }, timeoutMs)
    let timedOut = false
    dispatcher.dispatch(options, {
      onRequestStart(started) {
        controller = started
        if (timedOut) started.abort(new Error('timed out'))
      },
      onResponseStart(_controller, code) {
        status = code
      },
      onResponseData(_controller, chunk) {
        chunks.push(chunk)
      },
      onResponseEnd() {
        clearTimeout(timer)
        resolve({ status, text: (chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)).toString() })
      },
      onResponseError(_controller, error) {
        // Too much is no sign of death.
        if (error instanceof errors.ResponseExceededMaxSizeError) tooMuch()
        else fail(reasonOf(error), error)
      },
    })
  })

const reasonOf = (error: Error): string => {
  const code = 'code' in error ? error.code : undefined
  return code === 'ECONNREFUSED' ? 'connection refused' : `${typeof code === 'string' ? `${code} ` : ''}${error.message}`
}

/**
 * The network port over HTTP: one pool of connections per peer, and nothing believed that the table does not say.
 *
 * Whatever goes wrong between us and a peer is one thing to the caller, `Unreachable`: connections refused or cut, no
 * answer in time, redirects, pages of some other program, replies that do not fit the row.
 */
import assert from 'node:assert/strict'
import { type Dispatcher, errors, Pool } from 'undici'
import { Refusal, Unreachable } from '../protocol/errors.ts'
import { batch, type Method, type Network, type Reply, type Request, type Table } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import { Batcher } from './batcher.ts'
import { peerHeaders } from './guard.ts'
import type { Validation } from './validation.ts'
import { signatureHeader, type Signer } from './signature.ts'
import { bodyOf, errorIn, parse, pathOf, replyIn, type Wire } from './wire.ts'

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
  /** Where the network has a secret: signs calls, and tells whether answers are signed. */
  readonly signer?: Signer | undefined
  /** So many calls had this outcome: `ok`, `unreachable`, or the code that the peer answered. */
  readonly observe: (name: string, outcome: string, calls: number) => void
}

export class HttpNetwork<T extends Table> implements Network<T> {
  readonly #table: T
  readonly #setting: ClientSetting
  /** By origin. */
  readonly #pools = new Map<string, Pool>()
  readonly #ways = new Map<string, Way>()

  constructor(table: T, setting: ClientSetting) {
    this.#table = table
    this.#setting = setting
  }

  call<N extends keyof T & string>(peer: Peer, name: N, request: Request<T[N]>): Promise<Reply<T[N]>> {
    const way = this.#way(name)
    const reply = way.row.batch ? this.#batcher(peer, way).call(request) : this.#observed(peer, way, request)
    return reply as Promise<Reply<T[N]>>
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

  async #observed(peer: Peer, wire: Wire, request: object): Promise<unknown> {
    try {
      const reply = await this.#alone(peer, wire, request, this.#setting.callTimeoutMs)
      this.#observe(wire, undefined, 1)
      return reply
    } catch (error) {
      this.#observe(wire, error, 1)
      throw error
    }
  }

  #observe({ name }: Wire, error: unknown, calls: number): void {
    if (error === undefined) this.#setting.observe(name, 'ok', calls)
    else if (error instanceof Refusal) this.#setting.observe(name, error.code, calls)
    else if (error instanceof Unreachable) this.#setting.observe(name, 'unreachable', calls)
  }

  /** Where calls of a row to a peer meet, as long as any are under way. */
  #batcher(peer: Peer, way: Way): Batcher {
    const key = keyOf(peer.id, peer.url)
    let batcher = way.batchers.get(key)
    if (!batcher) {
      const { callTimeoutMs } = this.#setting
      batcher = new Batcher(
        {
          url: peer.url,
          callTimeoutMs,
          alone: (request, timeoutMs) => this.#alone(peer, way, request, timeoutMs),
          together: (calls, timeoutMs) => this.#together(peer, way, calls, timeoutMs),
          replyIn: (answer) => {
            const [status, body] = Array.isArray(answer) ? (answer as unknown[]) : []
            return replyIn(peer.url, way, status, body)
          },
          observe: (error, calls) => this.#observe(way, error, calls),
        },
        () => way.batchers.delete(key),
      )
      way.batchers.set(key, batcher)
    }
    return batcher
  }

  async #alone(peer: Peer, wire: Wire, request: object, timeoutMs: number): Promise<unknown> {
    const { row } = wire
    const { status, text } = await this.#exchange(peer, row.method, pathOf(row, request), bodyOf(row, request), timeoutMs)
    return replyIn(peer.url, wire, status, parse(peer.url, status, text))
  }

  async #together(peer: Peer, { name }: Wire, calls: readonly string[], timeoutMs: number): Promise<readonly unknown[]> {
    const body = `{"name":"${name}","calls":[${calls.join(',')}]}`
    const { status, text } = await this.#exchange(peer, 'POST', batch.path, body, timeoutMs)
    const answers = parse(peer.url, status, text)
    if (status !== 200) throw errorIn(peer.url, status, answers, 200)
    if (!Array.isArray(answers) || answers.length === 0 || answers.length > calls.length)
      throw new Unreachable(peer.url, `a reply to ${calls.length} calls of ${name} that is none`)
    return answers
  }

  #exchange({ id, url }: Peer, method: Method, path: string, body: string | undefined, timeoutMs: number): Promise<Answer> {
    const { network, signer } = this.#setting
    const headers = [peerHeaders.network, network, peerHeaders.to, id]
    if (body !== undefined) headers.push('content-type', 'application/json')
    const options = { origin: url, method, path, headers, ...(body === undefined ? {} : { body }) }
    if (!signer) return exchange(this.#pool(url), options, timeoutMs)
    const call = signer.sign({ to: id, method, path }, body, Date.now())
    headers.push(signatureHeader, call.header)
    return exchange(this.#pool(url), options, timeoutMs).then((answer) => {
      const fault = signer.faultOf(call, answer)
      if (fault) throw new Unreachable(url, fault)
      return answer
    })
  }

  #way(name: string): Way {
    let way = this.#ways.get(name)
    if (!way) {
      const row = this.#table[name]
      assert(row, `no row ${name}`)
      way = { name, row, valid: this.#setting.validation.strict(row.reply), batchers: new Map() }
      this.#ways.set(name, way)
    }
    return way
  }
}

const keyOf = (id: string, url: string): string => `${id} ${url}`

interface Way extends Wire {
  /** By peer. */
  readonly batchers: Map<string, Batcher>
}

export interface Answer {
  readonly status: number
  readonly text: string
  /** The header of that name. */
  readonly signature: string | undefined
}

/** One request and the whole of its answer. @throws Unreachable, Refusal TOO_LARGE */
export const exchange = (dispatcher: Dispatcher, options: Dispatcher.DispatchOptions, timeoutMs: number): Promise<Answer> =>
  new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined
    let status = 0
    let signature: string | undefined
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
      onResponseStart(_controller, code, headers) {
        status = code
        signature = headers[signatureHeader]?.toString()
      },
      onResponseData(_controller, chunk) {
        chunks.push(chunk)
      },
      onResponseEnd() {
        clearTimeout(timer)
        resolve({ status, signature, text: (chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)).toString() })
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

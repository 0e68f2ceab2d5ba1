/**
 * The network port over HTTP: one pool of connections per peer, and nothing believed that the table does not say.
 *
 * Whatever goes wrong between us and a peer is one thing to the caller, `Unreachable`: connections refused or cut, no
 * answer in time, redirects, pages of some other program, replies that do not fit the row.
 */
import type { ValidateFunction } from 'ajv'
import { Agent, type Dispatcher } from 'undici'
import { errorFromPeer, errorStatus, isErrorBody, Refusal, Unreachable } from '../protocol/errors.ts'
import { type Network, type Reply, type Request, type Row, type Table } from '../protocol/rpc.ts'
import type { Peer } from '../protocol/schemas.ts'
import { peerHeaders } from './guard.ts'
import type { Validation } from './validation.ts'

const connectionsPerPeer = 8
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
  readonly #agent: Agent
  readonly #validators = new Map<string, ValidateFunction>()

  constructor(table: T, setting: ClientSetting) {
    this.#table = table
    this.#setting = setting
    this.#agent = new Agent({
      connections: connectionsPerPeer,
      // One timer per call, ours, instead of theirs per phase.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxResponseSize: replyBytesMax,
      connect: { timeout: setting.callTimeoutMs },
    })
  }

  async call<N extends keyof T & string>(peer: Peer, name: N, request: Request<T[N]>): Promise<Reply<T[N]>> {
    try {
      const { status, text } = await exchange(this.#agent, this.#wire(peer, name, request), this.#setting.callTimeoutMs)
      const reply = this.#read(peer, name, status, text)
      this.#setting.observe(name, 'ok')
      return reply
    } catch (error) {
      if (!(error instanceof Refusal) && !(error instanceof Unreachable)) throw error
      this.#setting.observe(name, error instanceof Refusal ? error.code : 'unreachable')
      throw error
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }

  #wire(peer: Peer, name: string, request: Readonly<Record<string, unknown>>): Dispatcher.DispatchOptions {
    const row = this.#row(name)
    const body = row.body.length > 0 ? JSON.stringify(pick(request, row.body)) : null
    return {
      origin: peer.url,
      method: row.method,
      path: pathOf(row, request),
      headers: {
        [peerHeaders.network]: this.#setting.network,
        [peerHeaders.to]: peer.id,
        ...(body === null ? {} : { 'content-type': 'application/json' }),
      },
      body,
    }
  }

  #read<N extends keyof T & string>({ url }: Peer, name: N, status: number, text: string): Reply<T[N]> {
    let body: unknown
    try {
      body = JSON.parse(text)
    } catch (error) {
      throw new Unreachable(url, `status ${status} with a body that is not JSON`, { cause: error })
    }
    if (isErrorBody(body) && errorStatus[body.error] === status) throw errorFromPeer(url, body)
    const row = this.#row(name)
    if (status !== row.status) throw new Unreachable(url, `status ${status} where ${row.status} was expected`)
    let valid = this.#validators.get(name)
    if (!valid) {
      valid = this.#setting.validation.strict(row.reply)
      this.#validators.set(name, valid)
    }
    if (!valid(body)) {
      const [error] = valid.errors ?? []
      throw new Unreachable(url, `a reply to ${name} that is none: ${error?.instancePath || 'it'} ${error?.message}`)
    }
    return body as Reply<T[N]>
  }

  #row(name: string): Row {
    const row = this.#table[name]
    if (!row) throw new Error(`no row ${name}`)
    return row
  }
}

const pick = (request: Readonly<Record<string, unknown>>, names: readonly string[]) =>
  Object.fromEntries(names.flatMap((name) => (request[name] === undefined ? [] : [[name, request[name]]])))

const pathOf = ({ path, params, query }: Row, request: Readonly<Record<string, unknown>>): string => {
  let filled = path
  for (const name of params) filled = filled.replace(`:${name}`, encodeURIComponent(String(request[name])))
  const asked = query.flatMap((name) =>
    request[name] === undefined ? [] : [`${name}=${encodeURIComponent(String(request[name]))}`],
  )
  return asked.length > 0 ? `${filled}?${asked.join('&')}` : filled
}

/** One request and the whole of its answer. @throws Unreachable */
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
        fail(reasonOf(error), error)
      },
    })
  })

const reasonOf = (error: Error): string => {
  const code = 'code' in error ? error.code : undefined
  return code === 'ECONNREFUSED' ? 'connection refused' : `${typeof code === 'string' ? `${code} ` : ''}${error.message}`
}

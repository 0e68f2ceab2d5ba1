/** One exchange over HTTP: a request, and its answer or a connection that speaks another protocol from then on. */
import type { Socket } from 'node:net'
import { type Client, type Dispatcher, errors } from 'undici'
import { Refusal, Unreachable } from '../protocol/errors.ts'
import { signatureHeader } from './signature.ts'

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
    let timedOut = false
    let status = 0
    let signature: string | undefined
    const chunks: Buffer[] = []
    const fail = (error: Unreachable) => {
      clearTimeout(timer)
      reject(error)
    }
    const tooMuch = () => {
      clearTimeout(timer)
      reject(new Refusal('TOO_LARGE', 'the answer is too large for one call; ask for one value by ?value= or ?name='))
    }
    const timer = setTimeout(() => {
      fail(new Unreachable(String(options.origin), `nothing within ${timeoutMs} ms`))
      timedOut = true
      controller?.abort(new Error('timed out'))
    }, timeoutMs)
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
        else fail(unreachable(options, error))
      },
    })
  })

interface Opened {
  readonly socket: Socket
  /** The header of that name. */
  readonly signature: string | undefined
}

/** The connection, once the peer speaks the other protocol on it; undefined when it does anything else. @throws Unreachable when nobody is there */
export const upgrade = (client: Client, options: Dispatcher.DispatchOptions, timeoutMs: number): Promise<Opened | undefined> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), timeoutMs)
    let isConnected = false
    client.dispatch(options, {
      onRequestStart() {
        isConnected = true
      },
      onRequestUpgrade(_controller, _status, headers, socket) {
        clearTimeout(timer)
        resolve({ socket: socket as Socket, signature: headers[signatureHeader]?.toString() })
      },
      onResponseStart(_controller, status) {
        if (status < 200) return
        clearTimeout(timer)
        resolve(undefined)
      },
      onResponseError(_controller, error) {
        clearTimeout(timer)
        // A proxy may end what it does not understand in one way or another.
        if (isConnected) resolve(undefined)
        else reject(unreachable(options, error))
      },
    })
  })

const unreachable = ({ origin }: Dispatcher.DispatchOptions, cause: Error): Unreachable => {
  const code = 'code' in cause ? cause.code : undefined
  const isRefused = code === 'ECONNREFUSED'
  const reason = isRefused ? 'connection refused' : `${typeof code === 'string' ? `${code} ` : ''}${cause.message}`
  return new Unreachable(String(origin), reason, { cause, isRefused })
}

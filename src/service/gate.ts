/**
 * Where the network has a secret, those rows that only its nodes may call are served to whoever has signed; whatever is signed is
 * checked, and answered with a signature. Reads work without.
 */
import assert from 'node:assert/strict'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Refusal } from '../protocol/errors.ts'
import type { Id } from '../space/id.ts'
import type { Seal } from './frames.ts'
import { type Keyring, skewMs } from './keyring.ts'
import { Replays } from './replays.ts'
import { bodyHashOf, parseSignature, signatureHeader, signReply, verifyCall } from './signature.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether it is served to those only who know the network's secret. */
    readonly signed?: boolean
  }
}

/** How far one call may overtake others of its caller. */
const window = 16_384
const callersMost = 1024

export interface GateSetting {
  readonly me: Id
  readonly network: string
  readonly keyring: Keyring
  /** Somebody was refused, for this reason. */
  readonly refused: (reason: string) => void
}

/** What of a request is signed. */
interface Signed {
  readonly tag: string
  readonly bodyHash: string
  bodyIsChecked: boolean
}

const noBody = Buffer.alloc(0)

export class Gate {
  readonly #setting: GateSetting
  readonly #replays = new Replays({ window, senders: callersMost, since: Date.now() })
  readonly #signed = new WeakMap<FastifyRequest, Signed>()

  constructor(setting: GateSetting) {
    this.#setting = setting
  }

  /** Why a request is not served, before its body is read. */
  refusalOf(request: FastifyRequest): Refusal | undefined {
    const header = request.headers[signatureHeader]
    if (header === undefined && !request.routeOptions.config.signed) return undefined
    const signed = typeof header === 'string' ? this.#check(request, header) : 'not signed'
    if (typeof signed === 'string') return this.#refuse(signed)
    this.#signed.set(request, signed)
    return undefined
  }

  /** @throws Refusal UNAUTHORIZED when a body is not what was signed */
  assertBody(request: FastifyRequest, body: Buffer): void {
    const signed = this.#signed.get(request)
    if (!signed) return
    signed.bodyIsChecked = true
    if (signed.bodyHash !== bodyHashOf(body)) throw this.#refuse('another body')
  }

  /** Of a request that is answered by opening a channel: the signature of that answer, and what signs the frames. */
  open(request: FastifyRequest): { readonly signature: string; readonly seal: Seal } {
    const { keyring } = this.#setting
    const signed = this.#signed.get(request)
    assert(signed, 'whoever opens a channel has signed')
    return { signature: signReply(keyring, signed.tag, 101, ''), seal: { keyring, tag: signed.tag } }
  }

  /** Signs the answers to what was signed. */
  signAnswers(app: FastifyInstance): void {
    // A body that is not there was not looked at.
    app.addHook('preValidation', (request, _reply, done) => {
      try {
        if (!this.#signed.get(request)?.bodyIsChecked) this.assertBody(request, noBody)
        done()
      } catch (error) {
        done(error as Error)
      }
    })
    app.addHook('onSend', (request, reply, payload, done) => {
      const signed = this.#signed.get(request)
      // What is sent as a stream is a page for people.
      if (signed && (payload === undefined || payload === null || typeof payload === 'string' || Buffer.isBuffer(payload)))
        reply.header(signatureHeader, signReply(this.#setting.keyring, signed.tag, reply.statusCode, payload ?? ''))
      done(null, payload)
    })
  }

  #check({ method, url }: FastifyRequest, header: string): Signed | string {
    const signature = parseSignature(header)
    if (!signature) return 'no signature'
    const { me, network, keyring } = this.#setting
    const verdict = verifyCall(keyring, network, { to: me, method, path: url }, signature)
    if (verdict !== 'good') return verdict
    const { caller, time, seq } = signature
    if (Math.abs(time - Date.now()) > skewMs) return 'stale'
    if (this.#replays.take(caller, 0, seq, time) !== 'new') return 'replayed'
    return { tag: signature.tag, bodyHash: signature.bodyHash, bodyIsChecked: false }
  }

  #refuse(reason: string): Refusal {
    this.#setting.refused(reason)
    return new Refusal('UNAUTHORIZED', `${tell[reason] ?? reason}; ${whatWorks}`, { reason })
  }
}

const tell: Readonly<Record<string, string>> = {
  'not signed': 'this network has a secret, and the call is not signed',
  'no signature': 'the signature has not the form of one',
  'unknown key': 'the call is signed with another secret than those of this network',
  'bad tag': 'the call is not what was signed, or was meant for another node',
  'another body': 'the body is not what was signed',
  stale: 'the call was signed more than 5 minutes from now by the clock of this node: set the clocks',
  replayed: 'the call was made before, or is older than this node',
}
const whatWorks = 'reads work without a signature, and npm run task call signs'

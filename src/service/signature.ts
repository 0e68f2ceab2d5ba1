/**
 * What a call carries where the network has a secret, and what its reply does.
 *
 *   polychord-signature: <key id> <caller> <time> <number> <hash of the body> <tag>
 *   polychord-signature: <key id> <tag>                                            of the reply
 *
 * The tag of a call is over all that, the network, whom it is meant for, method, and path with query: it is checked before the body
 * is read, and the body then by its hash. That of a reply is over the call's tag, the status and the body. A caller is one life of
 * someone, and numbers its calls.
 */
import { hash, randomBytes } from 'node:crypto'
import type { Id } from '../space/id.ts'
import type { Seal } from './frames.ts'
import { keyIdDigits, type Keyring, tagBytes, type Verdict } from './keyring.ts'

export const signatureHeader = 'polychord-signature'

/** What of a call is signed besides its header's own words. */
export interface Asked {
  /** Whom it is meant for. */
  readonly to: Id
  readonly method: string
  /** With its query. */
  readonly path: string
}

/** The words of a header. */
export interface CallSignature {
  readonly keyId: string
  readonly caller: string
  /** ms since 1970. */
  readonly time: number
  readonly seq: number
  readonly bodyHash: string
  readonly tag: string
}

/** A call that was signed: its header, and the tag that its reply answers to. */
export interface SignedCall {
  readonly header: string
  readonly tag: string
}

/** Signs calls, in the name of one caller. */
export class Signer {
  readonly #keyring: Keyring
  readonly #network: string
  readonly #caller: string
  #seq = 0

  /** @param who letters, digits and dashes: the id of a node, or what else calls */
  constructor(keyring: Keyring, network: string, who: string) {
    this.#keyring = keyring
    this.#network = network
    this.#caller = `${who}.${randomBytes(6).toString('hex')}`
  }

  /** @param now ms since 1970 */
  sign(asked: Asked, body: string | undefined, now: number): SignedCall {
    const words = { caller: this.#caller, time: Math.floor(now), seq: this.#seq++, bodyHash: bodyHashOf(body ?? '') }
    const { keyId } = this.#keyring
    const tag = this.#keyring.sign(wordsOf(this.#network, asked, words)).toString('base64url')
    return { header: [keyId, ...Object.values(words), tag].join(' '), tag }
  }

  /** What signs the frames of a channel that a call has opened. */
  seal({ tag }: SignedCall): Seal {
    return { keyring: this.#keyring, tag }
  }

  /** Why an answer to a call is not what the node that was called has said, if so. */
  faultOf({ tag: callTag }: SignedCall, { signature, status, text }: SignedAnswer): string | undefined {
    const [keyId, tag] = signature?.split(' ') ?? []
    if (keyId === undefined || tag === undefined)
      return `an answer of status ${status} that is not signed with the network’s secret`
    const verdict = this.#keyring.verify(keyId, replyWords(callTag, status, text), Buffer.from(tag, 'base64url'))
    return verdict === 'good' ? undefined : `an answer that is not signed with the network’s secret: ${verdict}`
  }
}

/** An answer, and its header. */
export interface SignedAnswer {
  readonly signature: string | undefined
  readonly status: number
  readonly text: string
}

/** `'<key id> <tag>'` of a reply to the call with this tag. */
export const signReply = (keyring: Keyring, callTag: string, status: number, body: string | Uint8Array): string =>
  `${keyring.keyId} ${keyring.sign(replyWords(callTag, status, body)).toString('base64url')}`

/** As SHA-256 in base64url, 43 characters. */
export const bodyHashOf = (body: string | Uint8Array): string => hash('sha256', body, 'base64url')

const tagDigits = Math.ceil((tagBytes * 4) / 3)
const format = new RegExp(
  `^([0-9a-f]{${keyIdDigits}}) ([0-9a-z-]{1,64}\\.[0-9a-f]{12}) (\\d{1,15}) (\\d{1,15}) ([\\w-]{43}) ([\\w-]{${tagDigits}})$`,
)

/** undefined for what is no signature of a call. */
export const parseSignature = (header: string): CallSignature | undefined => {
  const [, keyId, caller, time, seq, bodyHash, tag] = format.exec(header) ?? []
  return keyId && caller && time && seq && bodyHash && tag
    ? { keyId, caller, time: Number(time), seq: Number(seq), bodyHash, tag }
    : undefined
}

export const verifyCall = (keyring: Keyring, network: string, asked: Asked, { keyId, tag, ...words }: CallSignature): Verdict =>
  keyring.verify(keyId, wordsOf(network, asked, words), Buffer.from(tag, 'base64url'))

/** No word of it can hold a line break. */
const wordsOf = (
  network: string,
  { to, method, path }: Asked,
  { caller, time, seq, bodyHash }: Omit<CallSignature, 'keyId' | 'tag'>,
): string => ['polychord call', network, to, method, path, caller, time, seq, bodyHash].join('\n')

const replyWords = (callTag: string, status: number, body: string | Uint8Array): string =>
  ['polychord reply', callTag, status, bodyHashOf(body)].join('\n')
